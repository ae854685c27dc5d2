/** How the client talks to Temporal: bounded calls, errors in Holdfast's words, waiting that outlives an outage. */
import { WorkflowFailedError, WorkflowNotFoundError, type Client, type WorkflowHandle } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../errors/holdfast-error';
import { ORCHESTRATION_ERRORS, orchestrationError } from '../errors/orchestration';
import { grpcStatus, isUnreachable, temporalFault, type TemporalConfig } from './connection-options';

const CALL_TIMEOUT_MS = 8_000;
/** A wait for a result goes on through an outage of the server of this length. */
const OUTAGE_MS = 10 * 60_000;
const OUTAGE_LOOK_MS = 1_000;

export interface Calls {
  readonly client: Client;
  /** A call that is over within seconds, or fails with TEMPORAL_UNREACHABLE. */
  call<Result>(work: () => Promise<Result>, timeoutMs?: number): Promise<Result>;
  /** The result of a run, however long it takes. */
  result<Result>(workflowId: string, runId?: string): Promise<Result>;
}

export function createCalls(client: Client, config: TemporalConfig): Calls {
  const call = async <Result>(work: () => Promise<Result>, timeoutMs = CALL_TIMEOUT_MS): Promise<Result> => {
    try {
      return await client.withDeadline(Date.now() + timeoutMs, work);
    } catch (error) {
      throw isUnreachable(error) ? temporalFault(error, config) : error;
    }
  };
  return {
    client,
    call,
    async result<Result>(workflowId: string, runId?: string): Promise<Result> {
      const handle = client.workflow.getHandle(workflowId, runId) as WorkflowHandle;
      let lostAt: number | null = null;
      for (;;) {
        try {
          return (await handle.result()) as Result;
        } catch (error) {
          if (!isUnreachable(error)) throw runFault(error, workflowId);
          lostAt ??= Date.now();
          if (Date.now() - lostAt > OUTAGE_MS) throw temporalFault(error, config);
          await sleep(OUTAGE_LOOK_MS);
        }
      }
    },
  };
}

/** What ended a run, with the stable code that the workflow failed with. */
export function runFault(error: unknown, workflowId: string): unknown {
  const context = { run: workflowId };
  if (error instanceof WorkflowNotFoundError || grpcStatus(error) === 5)
    return orchestrationError('RUN_NOT_FOUND', '', { context, cause: error });
  if (!(error instanceof WorkflowFailedError)) return error;
  const cause = innermost(error.cause);
  if (cause?.name === 'CancelledFailure') return orchestrationError('RUN_CANCELLED', '', { context, cause: error });
  const type = (cause as { type?: unknown } | undefined)?.type;
  if (typeof type !== 'string' || cause === undefined)
    return orchestrationError('RUN_FAILED', cause?.message ?? error.message, { context, cause: error });
  const [fact, hint] = cause.message.split(' HINT: ');
  const definition = {
    ...ORCHESTRATION_ERRORS.RUN_FAILED,
    summary: fact!,
    hint: hint ?? ORCHESTRATION_ERRORS.RUN_FAILED.hint,
  };
  return new HoldfastError(type, definition, fact!, { context: { run: workflowId }, cause: error });
}

/** Failures of activities and children wrap the one that says what happened. */
function innermost(error: Error | undefined): Error | undefined {
  let at = error;
  while (at && (at.name === 'ActivityFailure' || at.name === 'ChildWorkflowFailure') && at.cause instanceof Error)
    at = at.cause;
  return at;
}
