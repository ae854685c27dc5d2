/** What an error is, whichever way it arrived: activity failures and child failures wrap the one that matters. */
import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';

export interface FailureFacts {
  /** Stable code: the `type` of the innermost application failure. */
  readonly type: string;
  readonly message: string;
  readonly cancelled: boolean;
}

export function failureFacts(error: unknown): FailureFacts {
  if (isCancellation(error)) return { type: 'RUN_CANCELLED', message: 'the run was cancelled', cancelled: true };
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) {
    if (error.cause !== undefined) return failureFacts(error.cause);
  }
  if (error instanceof ApplicationFailure)
    return { type: error.type ?? 'UNEXPECTED', message: error.message, cancelled: false };
  if (error instanceof TimeoutFailure) return { type: 'RUN_TIMED_OUT', message: timeoutText(error), cancelled: false };
  return { type: 'UNEXPECTED', message: error instanceof Error ? error.message : String(error), cancelled: false };
}

/** Facts that the error stated of itself, as text; empty when it stated none. */
export function failureContext(error: unknown): Readonly<Record<string, string>> {
  if (error instanceof ActivityFailure && error.cause !== undefined) return failureContext(error.cause);
  if (!(error instanceof ApplicationFailure)) return {};
  const [details] = (error.details ?? []) as readonly ({ readonly context?: object } | undefined)[];
  return Object.fromEntries(Object.entries(details?.context ?? {}).map(([name, value]) => [name, String(value)]));
}

/** Fails the workflow with the code that scripts rely on, keeping the chain of causes for the Web UI. */
export function asWorkflowFailure(error: unknown): ApplicationFailure {
  const { type, message } = failureFacts(error);
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: true,
    cause: error instanceof Error ? error : undefined,
  });
}

function timeoutText({ timeoutType }: TimeoutFailure): string {
  if (timeoutType === 'HEARTBEAT')
    return 'the worker that did this stopped reporting, in every attempt HINT: look at whether workers crash or are killed for memory';
  if (timeoutType === 'SCHEDULE_TO_START')
    return 'no worker took this up in time HINT: is a worker with this queue running?';
  return 'this took longer than its timeout HINT: raise the timeout in holdfast.yaml, or look at what slows it down';
}
