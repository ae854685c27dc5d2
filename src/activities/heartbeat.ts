/** Heartbeats on their own timer, and the one signal that every long activity obeys. */
import { CancelledFailure, Context } from '@temporalio/activity';
import { orchestrationError } from '../errors/orchestration';

export interface Beat {
  /** Aborted on cancellation, pause, a lost attempt, worker shutdown, or after this process stood still for too long. */
  readonly signal: AbortSignal;
  /** What the next heartbeats carry: small, no secret. Cheap, may be called often. */
  report(details: unknown): void;
}

export interface HeartbeatOptions {
  /** @default a fifth of the heartbeat timeout, at most a second: a pause from the Web UI is learnt from the answer to a heartbeat */
  readonly everyMs?: number;
  /** What the first heartbeats carry: progress of an earlier attempt, which would be lost with this one otherwise. @default null */
  readonly initial?: unknown;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Each is a write of Temporal's, and an action where those are paid for. */
const LONGEST_INTERVAL_MS = 1_000;
/** Of an activity that never ends: what cuts it short may take so long to reach it. */
export const WATCH_INTERVAL_MS = 2_000;

/**
 * Runs `work` while heartbeats go out on a timer of their own: a pause, a slow store or a long query never holds them back.
 *
 * Whatever `work` throws after its signal was aborted is the consequence of the abort, so the cause is thrown instead.
 * An attempt that stood still for longer than its heartbeat timeout (SIGSTOP, a suspended machine) has been replaced by now:
 * it stops itself. That the server cannot be reached is no reason to stop: finished work is found again by the next attempt.
 */
export async function withHeartbeat<Result>(
  work: (beat: Beat) => Promise<Result>,
  options: HeartbeatOptions = {},
): Promise<Result> {
  const context = Context.current();
  const timeoutMs = context.info.heartbeatTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const everyMs = options.everyMs ?? Math.min(LONGEST_INTERVAL_MS, timeoutMs / 5);
  const abort = new AbortController();
  let details: unknown = options.initial ?? null;
  let lastBeat = performance.now();

  const beat = () => {
    const now = performance.now();
    const stoodStillMs = now - lastBeat - everyMs;
    lastBeat = now;
    if (stoodStillMs > timeoutMs && !abort.signal.aborted) {
      abort.abort(
        orchestrationError('RUN_ATTEMPT_STALE', '', {
          context: {
            activity: context.info.activityType,
            attempt: context.info.attempt,
            stoodStillMs: Math.round(stoodStillMs),
          },
        }),
      );
    }
    context.heartbeat(details);
  };
  const onCancel = () => abort.abort(reasonOf(context));
  if (context.cancellationSignal.aborted) onCancel();
  else context.cancellationSignal.addEventListener('abort', onCancel, { once: true });
  context.heartbeat(details);
  const timer = setInterval(beat, everyMs);

  try {
    return await work({ signal: abort.signal, report: (next) => void (details = next) });
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    clearInterval(timer);
    context.cancellationSignal.removeEventListener('abort', onCancel);
    // The last word: the next attempt and the operator see how far this one came.
    context.heartbeat(details);
  }
}

/** A shutdown is no cancellation: it fails this attempt, so that the next one goes on elsewhere. */
function reasonOf(context: Context): unknown {
  if (context.cancellationDetails?.workerShutdown)
    return orchestrationError('RUN_WORKER_STOPPING', '', { context: { activity: context.info.activityType } });
  const reason: unknown = context.cancellationSignal.reason;
  return reason instanceof CancelledFailure ? reason : new CancelledFailure('CANCELLED');
}
