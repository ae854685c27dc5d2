import { isHoldfastError, type HoldfastError } from '../errors/holdfast-error';
import { abortReason, type Timing } from './timing';

/** Exponential backoff with full jitter, bounded by count and by time. */
export interface BackoffPolicy {
  /** Attempts after the first one. */
  readonly retries: number;
  /** The same while the store answers that it is asked too much: it is alive, so more patience is worth it. */
  readonly throttledRetries: number;
  /** Upper bound of the first delay, ms; doubles with each attempt. */
  readonly baseMs: number;
  /** Upper bound of any delay, ms. */
  readonly maxDelayMs: number;
  /** No attempt is begun later than this after the first one, ms. */
  readonly maxElapsedMs: number;
}

export const DEFAULT_BACKOFF: BackoffPolicy = {
  retries: 5,
  throttledRetries: 20,
  baseMs: 500,
  maxDelayMs: 30_000,
  maxElapsedMs: 300_000,
};

/** Delay before attempt `attempt + 1`, ms: anything from 0 to the bound, so that clients do not come back together. */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: number): number {
  return random * Math.min(policy.maxDelayMs, policy.baseMs * 2 ** (attempt - 1));
}

export interface RetryEvent {
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly error: HoldfastError;
  readonly delayMs: number;
}

/** Runs `attempt(n, lastError)` until it succeeds, fails for good, or the policy is used up; then the last error stands. */
export async function retrying<T>(
  policy: BackoffPolicy,
  timing: Timing,
  signal: AbortSignal | undefined,
  attempt: (number: number, previous: HoldfastError | null) => Promise<T>,
  onRetry?: (event: RetryEvent) => void,
): Promise<T> {
  const started = timing.now();
  let previous: HoldfastError | null = null;
  let failures = 0;
  for (let number = 1; ; number++) {
    if (signal?.aborted) throw abortReason(signal);
    try {
      return await attempt(number, previous);
    } catch (error) {
      if (signal?.aborted) throw abortReason(signal);
      if (!isHoldfastError(error) || !error.retryable) throw error;
      const throttled = error.code === 'STORE_THROTTLED';
      if (!throttled) failures++;
      if (failures > policy.retries || number > policy.retries + policy.throttledRetries) throw error;
      const delayMs = backoffDelay(policy, number, timing.random());
      if (timing.now() - started + delayMs > policy.maxElapsedMs) throw error;
      onRetry?.({ attempt: number, error, delayMs });
      previous = error;
      await timing.sleep(delayMs, signal);
    }
  }
}
