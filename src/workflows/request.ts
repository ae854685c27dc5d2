/** What a schedule or a person starts: gets the database's run its turn, as the overlap policy says, and links to it. */
import {
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  startChild,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { BackupInput, RequestInput, RequestResult } from '../domain/runs';
import type { RunState } from '../activities/types';
import { backup } from './backup';
import { asWorkflowFailure } from './failures';
import { backupRunId } from './ids';
import { startInTurn } from './in-turn';
import { startNowSignal } from './messages';
import { attributes } from './search-attributes';

export async function request(input: RequestInput): Promise<RequestResult> {
  const { database, type, overlap, requestedBy } = input;
  const workflowId = backupRunId(database);
  upsertSearchAttributes(attributes({ database, type }));
  let note = '';

  // A sweep holds the id for a short time and must not be interrupted: every policy waits for it.
  const decide = async (run: RunState) => {
    if (run.type !== 'backup') return 'wait' as const;
    if (overlap === 'skip') {
      // The run that is under way may be waiting for what this request does not wait for.
      if (input.now === true) await letStart(workflowId, run.runId, requestedBy);
      return 'give-way' as const;
    }
    if (overlap === 'cancel') await getExternalWorkflowHandle(workflowId, run.runId).cancel();
    note = overlap === 'cancel' ? `cancelled run ${run.runId} first` : `waited for run ${run.runId} to end`;
    setCurrentDetails(`**Overlap policy \`${overlap}\`**: ${note}.`);
    return 'wait' as const;
  };

  const turn = await startInTurn(
    workflowId,
    () => startBackup({ database, type, requestedBy, ...(input.now === true ? { now: true } : {}) }),
    decide,
  );
  if (turn.child === null) {
    const told = input.now === true ? ', and was told to start now where it waited for its time' : '';
    const reason = `skipped: run ${turn.held.runId} of ${workflowId} was under way${told}`;
    setCurrentDetails(`**${reason}** (overlap policy \`skip\`).`);
    return { outcome: 'skipped', workflowId, runId: turn.held.runId, backup: null, reason };
  }

  const runId = turn.child.firstExecutionRunId;
  setCurrentDetails(`Run: \`${workflowId}\`, run id \`${runId}\`${note && ` (${note})`}.`);
  try {
    const result = await turn.child.result();
    return { outcome: 'ran', workflowId, runId, backup: result, reason: note || 'nothing was in the way' };
  } catch (error) {
    throw isCancellation(error) ? error : asWorkflowFailure(error);
  }
}

async function letStart(workflowId: string, runId: string, by: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId, runId).signal(startNowSignal, { by, why: 'asked for a backup now' });
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

/** The run outlives this request when it is terminated, and follows it when it is cancelled. */
function startBackup(input: BackupInput) {
  return startChild(backup, {
    workflowId: backupRunId(input.database),
    args: [input],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    typedSearchAttributes: attributes({ database: input.database, type: input.type, phase: 'admitting' }),
    memo: { requestedBy: input.requestedBy },
    staticSummary: `Back up ${input.database} (${input.type})`,
    staticDetails: [
      `Takes a **${input.type}** backup of \`${input.database}\`, stores it encrypted at every configured store, and proves it by a restore.`,
      '',
      'Signals: `pause`, `resume`, `setPace`. Query: `progress`. Pausing the `dump` activity works too.',
    ].join('\n'),
  });
}
