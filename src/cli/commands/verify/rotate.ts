/** verify --rotate: takes the next turn of the rotation now. */
import type { RotationDecision, RotationResult } from '../../../domain/verification-runs';
import { estimateText, measuredText } from '../../../domain/reading';
import { verifyId } from '../../../workflows/ids';
import type { Answer } from '../../command';
import type { CliContext } from '../../context';
import { EXIT, type ExitCode } from '../../exit-codes';
import { followActivity } from '../../follow-run';
import { renderFacts } from '../../output/table';
import { whenPlanned } from './when-planned';

export async function rotateNow(context: CliContext, database: string, wait: boolean): Promise<Answer> {
  const client = await context.client();
  const { workflowId, runId } = await client.startRotation({ database, requestedBy: context.who });
  const url = client.webUiUrl(workflowId, runId);
  if (!wait) return { data: { database, workflowId, runId, url }, text: `started ${url ?? workflowId}` };
  const result = client.rotationResult(workflowId);
  const decision = await whenPlanned(context, () => client.rotationPlan(workflowId), result);
  const turn = decision?.turn ?? null;
  if (turn !== null) context.ui.note(announce(decision!));
  const label = turn === null ? `rotation of ${database}` : `proof of ${turn.backupId} at ${turn.store}`;
  const followed = turn === null ? workflowId : verifyId(database, turn.backupId, turn.store);
  return answerOf(context, await followActivity(context, label, followed, result));
}

function announce({ turn }: RotationDecision): string {
  const { backupId, store, grade, why, estimate } = turn!;
  return `${backupId} at ${store} to ${grade}: ${why}; reads ${estimateText(estimate)}`;
}

function answerOf(context: CliContext, result: RotationResult): Answer {
  const { colors } = context.ui;
  const { turn, proof, outcome, measured, skipped } = result;
  const failed = outcome === 'failed';
  const exitCode: ExitCode = failed
    ? EXIT.proofFailed
    : outcome === 'none'
      ? skipped.length > 0
        ? EXIT.unreachable
        : EXIT.notFound
      : EXIT.ok;
  const text = renderFacts(
    [
      ['turn', turn === null ? 'no copy can be proved now' : `${turn.backupId} at ${colors.bold(turn.store)}`],
      ['why', turn?.why],
      [
        'outcome',
        failed ? colors.red(outcome) : outcome === 'busy' ? 'this copy is being proved by another run' : outcome,
      ],
      ['grade', proof === null ? null : proof.grade === null ? colors.red('none') : colors.green(proof.grade)],
      ['read', measured === null ? null : measuredText(measured)],
      [
        'failure',
        proof?.failure ? colors.red(`${proof.failure.class} ${proof.failure.code}: ${proof.failure.message}`) : null,
      ],
      ['hint', proof?.failure?.hint],
      ['in rotation', `${result.copies} copies, ${result.overdue} overdue`],
      ...skipped.map(({ store, reason }) => ['away', `${store}: ${reason}`] as const),
    ],
    colors.dim,
  );
  return { data: result, text, exitCode };
}
