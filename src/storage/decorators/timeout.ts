import { storageError } from '../../errors/storage';
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
} from '../object-store';
import { abortReason, throwIfAborted } from '../timing';
import { ForwardingStore } from './forward';

/** A request moves this much in one timeout; larger bodies get one timeout for each such piece. */
const BYTES_PER_TIMEOUT = 16 * 1024 * 1024;
/** An object that is read whole has a size that is not known yet. */
const TIMEOUTS_FOR_UNKNOWN_SIZE = 8;

/** Ends each request after `timeoutMs` (see above for large bodies) even when the adapter below never answers. */
export function withTimeout(inner: ObjectStore, timeoutMs: number): ObjectStore {
  return new TimedStore(inner, timeoutMs);
}

class TimedStore extends ForwardingStore {
  constructor(
    inner: ObjectStore,
    private readonly timeoutMs: number,
  ) {
    super(inner);
  }

  override put(key: string, body: Buffer, options?: PutOptions): Promise<PutResult> {
    return this.within('put', options, pieces(body.length), (signal) =>
      this.inner.put(key, body, { ...options, signal }),
    );
  }
  override get(key: string, options?: GetOptions): Promise<Buffer> {
    const range = options?.range;
    const timeouts = range ? pieces(range.end - range.start) : TIMEOUTS_FOR_UNKNOWN_SIZE;
    return this.within('get', options, timeouts, (signal) => this.inner.get(key, { ...options, signal }));
  }
  override head(key: string, options?: CallOptions): Promise<ObjectInfo | null> {
    return this.within('head', options, 1, (signal) => this.inner.head(key, { ...options, signal }));
  }
  override delete(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.within('delete', options, Math.max(1, Math.ceil(keys.length / 100)), (signal) =>
      this.inner.delete(keys, { ...options, signal }),
    );
  }

  /** Each page, rather than the whole listing, has the timeout. */
  override async *list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    const controller = new AbortController();
    const entries = this.inner.list(prefix, { ...options, signal: controller.signal })[Symbol.asyncIterator]();
    let finished = false;
    try {
      for (;;) {
        const next = await this.within('list', options, 1, () => entries.next(), controller);
        if (next.done) {
          finished = true;
          return;
        }
        yield next.value;
      }
    } finally {
      // Not awaited: an adapter that hangs would hang its clean-up too.
      if (!finished) {
        controller.abort();
        entries.return?.().catch(() => undefined);
      }
    }
  }

  private async within<T>(
    operation: string,
    options: CallOptions | undefined,
    timeouts: number,
    call: (signal: AbortSignal) => Promise<T>,
    controller = new AbortController(),
  ): Promise<T> {
    const outer = options?.signal;
    throwIfAborted(outer);
    const limitMs = Math.min(this.timeoutMs * timeouts, 2 ** 31 - 1);
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    const ended = new Promise<never>((_, reject) => {
      const end = (error: Error) => {
        // The rejection first: an adapter that answers the abort at once must not win the race.
        reject(error);
        controller.abort(error);
      };
      onAbort = () => end(abortReason(outer!));
      outer?.addEventListener('abort', onAbort, { once: true });
      timer = setTimeout(
        () => end(storageError('STORE_TIMEOUT', '', { context: { store: this.name, operation, ms: limitMs } })),
        limitMs,
      );
    });
    const running = call(controller.signal);
    running.catch(() => undefined);
    try {
      return await Promise.race([ended, running]);
    } finally {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort!);
    }
  }
}

function pieces(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / BYTES_PER_TIMEOUT));
}
