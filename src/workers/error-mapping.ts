/** The only place where Holdfast's errors become Temporal's: stable type, fact and hint, nothing secret. */
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { isHoldfastError } from '../errors/holdfast-error';
import { redact } from '../errors/redact';

export interface FailureFact {
  readonly activity: string;
  readonly code: string;
}

const MAX_CAUSES = 5;
const MAX_TEXT = 4_000;

/** Maps what an activity throws; `observe` is told of each failure, for the metrics. */
export function errorMapping(observe: (fact: FailureFact) => void = () => undefined): ActivityInterceptorsFactory {
  return (context) => ({
    inbound: {
      async execute(input, next) {
        try {
          return await next(input);
        } catch (error) {
          const failure = toFailure(error);
          if (failure instanceof ApplicationFailure)
            observe({ activity: context.info.activityType, code: failure.type ?? 'UNEXPECTED' });
          throw failure;
        }
      },
    },
  });
}

/** `nonRetryable` is what the error's definition says. An error that nobody foresaw is tried again, within the policy's bounds. */
export function toFailure(error: unknown): Error {
  // Cancellations and what a client call inside an activity reports are Temporal's already.
  if (error instanceof TemporalFailure) return error;
  if (isHoldfastError(error)) {
    return ApplicationFailure.create({
      type: error.code,
      message: `${clean(error.message)} HINT: ${clean(error.hint)}`,
      nonRetryable: !error.retryable,
      details: [{ fault: error.fault, hint: clean(error.hint), context: cleanContext(error.context) }],
      cause: cleanCause(error.cause, 1),
    });
  }
  if (error instanceof Error) {
    if (error.name === 'AbortError') return error;
    const failure = ApplicationFailure.create({
      type: error.name === 'Error' ? 'UNEXPECTED' : error.name,
      message: clean(error.message),
      cause: cleanCause(error.cause, 1),
    });
    failure.stack = clean(error.stack ?? '');
    return failure;
  }
  return ApplicationFailure.create({ type: 'UNEXPECTED', message: clean(String(error)) });
}

function cleanCause(cause: unknown, depth: number): Error | undefined {
  if (!(cause instanceof Error) || depth > MAX_CAUSES) return undefined;
  const copy = new Error(clean(cause.message), { cause: cleanCause(cause.cause, depth + 1) });
  copy.name = isHoldfastError(cause) ? cause.code : cause.name;
  copy.stack = clean(cause.stack ?? '');
  return copy;
}

function cleanContext(context: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(context).map(([key, value]) => [key, typeof value === 'string' ? clean(value) : value]),
  );
}

const clean = (text: string) => redact(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
