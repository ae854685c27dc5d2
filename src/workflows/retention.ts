/** Plan → tombstone → wait out the grace, durably → look again → delete and sweep, under the lock of the database's backups. */
import {
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { RetentionInput, RetentionResult } from '../domain/runs';
import type { ExpiryPlan, SweepResult } from '../activities/types';
import { backupRunId } from './ids';
import { startInTurn } from './in-turn';
import { wakeSignal } from './messages';
import { records } from './proxies';
import { attributes } from './search-attributes';
import { sweep } from './sweep';

export async function retention(input: RetentionInput): Promise<RetentionResult> {
  const { database, confirm } = input;
  let awake = false;
  setHandler(wakeSignal, () => void (awake = true), { description: 'Plan again now' });
  upsertSearchAttributes(attributes({ database }));
  const total = { tombstoned: [] as string[], deleted: [] as string[], sweptObjects: 0, sweptBytes: 0 };

  for (;;) {
    awake = false;
    const plan = await planExpiry(input);
    total.tombstoned.push(...plan.tombstoned);
    setCurrentDetails(card(input, plan));
    if (!confirm) return { decisions: plan.decisions, ...total };
    if (plan.due.length > 0) {
      const swept = await sweepInTurn(input);
      total.deleted.push(...swept.deleted);
      total.sweptObjects += swept.objects;
      total.sweptBytes += swept.bytes;
    }
    if (plan.nextDueAt === null && !awake) return { decisions: plan.decisions, ...total };
    if (plan.nextDueAt !== null) {
      const waitMs = Math.max(1_000, Date.parse(plan.nextDueAt) - Date.now());
      await condition(() => awake, waitMs, { summary: `Grace period until ${plan.nextDueAt}: can be undone` });
    }
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof retention>(input);
  }
}

function planExpiry(input: RetentionInput): Promise<ExpiryPlan> {
  const summary = input.confirm
    ? `Plan and mark what ${input.database} no longer keeps`
    : `Plan only: ${input.database}`;
  return records().planExpiry.executeWithOptions({ summary }, [input]);
}

/** Deleting takes the id of the database's backups, so that no run can build on what is being deleted. */
async function sweepInTurn({ database, requestedBy }: RetentionInput): Promise<SweepResult> {
  const workflowId = backupRunId(database);
  const turn = await startInTurn(workflowId, () =>
    startChild(sweep, {
      workflowId,
      args: [{ database, requestedBy }],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      typedSearchAttributes: attributes({ database, phase: 'retention' }),
      staticSummary: `Delete expired backups of ${database}, then what nothing names`,
    }),
  );
  return turn.child!.result();
}

function card({ database, confirm }: RetentionInput, plan: ExpiryPlan): string {
  const marked = new Set([...plan.tombstoned, ...plan.due]);
  return [
    `### Retention of \`${database}\`${confirm ? '' : ' (plan only, nothing is deleted)'}`,
    '',
    '| Backup | | Why |',
    '| --- | --- | --- |',
    ...plan.decisions.slice(0, 100).map(({ backupId, keep, reasons }) => {
      const what = keep ? 'keep' : marked.has(backupId) ? 'marked' : 'expire';
      return `| \`${backupId}\` | ${what} | ${reasons.join(', ')} |`;
    }),
    ...(plan.nextDueAt === null ? [] : ['', `Marked backups can be taken back until ${plan.nextDueAt}.`]),
  ].join('\n');
}
