/** Tells who waits behind our locks, within seconds: whoever decides may then give the snapshot up, alert, or hold on. */
import { samplingError } from '../errors/sampling';
import { readLockWaiters, type WaiterBehindUs } from './samplers/postgres/lock-waiters';
import {
  openSamplingSession,
  postgresProblem,
  type SamplingSession,
  type SamplingSessionOptions,
} from './samplers/postgres/session';

export type { WaiterBehindUs } from './samplers/postgres/lock-waiters';

export interface LockWatchOptions extends SamplingSessionOptions {
  /** Between two looks. Milliseconds. @default 1500 */
  readonly intervalMs?: number;
  /** What one look may take, connecting included; then it is given up and counts as failed. Milliseconds. @default 2500 */
  readonly deadlineMs?: number;
}

export interface LockReport {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Sessions that wait for any lock, without ours. */
  readonly waiters: number;
  /** Longest waiting first; empty when nobody does. */
  readonly behindUs: readonly WaiterBehindUs[];
}

/** One look on a connection of its own, for who asks seldom. @throws SAMPLER_FAILED, SAMPLER_DENIED */
export async function waitersBehindUs(options: SamplingSessionOptions, signal: AbortSignal): Promise<LockReport> {
  const open = await opened(options, signal);
  const onAbort = () => open.destroy(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await look(open);
  } catch (error) {
    signal.throwIfAborted();
    throw fault(error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await open.session.close();
  }
}

/**
 * Looks again and again until aborted, and reports every look that found somebody, and the first that found nobody again.
 * A look that fails is told to `failed`, and the next one connects anew: a watch that is blind must not look like a server
 * without waiters. With the defaults a waiter is told at most four seconds after it began to wait. Resolves when aborted.
 */
export async function watchLocks(
  options: LockWatchOptions,
  signal: AbortSignal,
  told: { readonly report: (report: LockReport) => void; readonly failed?: (message: string) => void },
): Promise<void> {
  const { intervalMs = 1_500, deadlineMs = 2_500 } = options;
  let open: SamplingSession | null = null;
  let anybody = false;
  const end = (reason: unknown) => {
    open?.destroy(reason);
    void open?.session.close();
    open = null;
  };
  try {
    while (!signal.aborted) {
      const deadline = new AbortController();
      const onAbort = () => deadline.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const timer = setTimeout(() => deadline.abort(samplingError('SAMPLER_HUNG')), deadlineMs);
      const stop = () => open?.destroy(deadline.signal.reason);
      deadline.signal.addEventListener('abort', stop, { once: true });
      try {
        if (open?.session.lost.aborted) end(open.session.lost.reason);
        open ??= await openSamplingSession(options, deadline.signal);
        const report = await look(open);
        if (report.behindUs.length > 0 || anybody) told.report(report);
        anybody = report.behindUs.length > 0;
      } catch (error) {
        end(error);
        const late = deadline.signal.aborted ? `looking for lock waiters: no answer within ${deadlineMs} ms` : null;
        if (!signal.aborted) told.failed?.(late ?? fault(error).message);
      } finally {
        clearTimeout(timer);
        deadline.signal.removeEventListener('abort', stop);
        signal.removeEventListener('abort', onAbort);
      }
      await pause(intervalMs, signal);
    }
  } finally {
    const last = open as SamplingSession | null;
    await last?.session.close();
  }
}

async function look({ session, own }: SamplingSession): Promise<LockReport> {
  return { at: Date.now(), ...(await readLockWaiters(session, own)) };
}

async function opened(options: SamplingSessionOptions, signal: AbortSignal): Promise<SamplingSession> {
  try {
    return await openSamplingSession(options, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw fault(error);
  }
}

function fault(error: unknown) {
  const { kind, message } = postgresProblem(error, 'looking for lock waiters');
  return samplingError(kind === 'denied' ? 'SAMPLER_DENIED' : 'SAMPLER_FAILED', message);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
