import { isHoldfastError } from '../errors/holdfast-error';
import { storageError } from '../errors/storage';

/**
 * Runs `work` with a signal that ends everything under way after `ms`, retries and their waits included, and says
 * STORE_TIMEOUT then. For probes: a store that is asked whether it is there must not be waited for as an upload is.
 */
export async function withDeadline<T>(
  store: string,
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(ms);
  try {
    return await work(signal ? AbortSignal.any([signal, deadline]) : deadline);
  } catch (error) {
    if (!deadline.aborted || signal?.aborted || isHoldfastError(error)) throw error;
    throw storageError('STORE_TIMEOUT', '', { context: { store, ms }, cause: error });
  }
}
