/** One turn of the rotation: picks the copy whose proof is missing or oldest, and proves it. `verifyCopy` heals what is damaged. */
import {
  CancellationScope,
  executeChild,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { PlannedTurn, RotationDecision, RotationInput, RotationResult } from '../domain/verification-runs';
import type { VerifyResult } from '../domain/runs';
import { asWorkflowFailure, failureFacts } from './failures';
import { verifyId } from './ids';
import { turnQuery } from './messages';
import { records, verificationPlans } from './proxies';
import { attributes } from './search-attributes';
import { verifyCopy } from './verify-copy';
import { turnCard, turnEndCard } from './verification-card';

export async function rotation(input: RotationInput): Promise<RotationResult> {
  const { database } = input;
  const turnId = workflowInfo().runId;
  let decision: RotationDecision | null = null;
  setHandler(turnQuery, () => decision, { description: 'Whose turn it is, and what that reads' });
  upsertSearchAttributes(attributes({ database, phase: 'verifying' }));

  decision = await verificationPlans().planRotation.executeWithOptions(
    { summary: `Whose turn is it at ${database}?` },
    [{ database, turnId }],
  );
  const { turn } = decision;
  setCurrentDetails(turnCard(decision));
  if (turn === null) {
    upsertSearchAttributes(attributes({ phase: 'done' }));
    return { database, ...decision, outcome: 'none', proof: null, measured: null };
  }
  upsertSearchAttributes(attributes({ backupId: turn.backupId }));

  const end = (outcome: Exclude<RotationResult['outcome'], 'none'>, detail: string | null) =>
    records().finishTurn.executeWithOptions({ summary: `Note the turn: ${outcome}` }, [{ turnId, outcome, detail }]);
  let proof: VerifyResult;
  try {
    proof = await prove(input, turn);
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      await end('busy', 'this copy is being proved by another run');
      return { database, ...decision, outcome: 'busy', proof: null, measured: null };
    }
    const { type, message } = failureFacts(error);
    await CancellationScope.nonCancellable(() => end('failed', `${type}: ${message}`));
    upsertSearchAttributes(attributes({ phase: 'failed' }));
    setCurrentDetails(`### Failed: \`${type}\`\n\n${message}`);
    throw isCancellation(error) ? error : asWorkflowFailure(error);
  }

  const { failure } = proof;
  const outcome = failure !== null ? 'failed' : proof.healed ? 'healed' : 'proved';
  await end(outcome, failure && `${failure.code}: ${failure.message}`);
  const measured = { ...turn.estimate, ...proof.read, ms: proof.durationMs };
  const result: RotationResult = { database, ...decision, outcome, proof, measured };
  upsertSearchAttributes(attributes({ phase: failure === null ? 'done' : 'failed', grade: proof.grade ?? 'none' }));
  setCurrentDetails(turnEndCard(result));
  return result;
}

function prove({ database, requestedBy }: RotationInput, turn: PlannedTurn): Promise<VerifyResult> {
  const { backupId, store, grade, timeoutMs } = turn;
  return executeChild(verifyCopy, {
    workflowId: verifyId(database, backupId, store),
    args: [
      { database, backupId, store, grade, requestedBy: `rotation, ${requestedBy}` },
      { verifyTimeoutMs: timeoutMs },
    ],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    typedSearchAttributes: attributes({ database, backupId }),
    staticSummary: `Prove ${backupId} at ${store} (${grade}): ${turn.why}`,
  });
}
