import { isHoldfastError } from '../../errors/holdfast-error';
import { DEFAULT_BACKOFF, retrying, type BackoffPolicy } from '../backoff';
import { compareKeys } from '../keys';
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
} from '../object-store';
import { realTiming, type Timing } from '../timing';
import type { StoreMetrics, StoreOperation } from './metrics';
import { ForwardingStore } from './forward';

export interface RetryOptions {
  readonly policy?: BackoffPolicy;
  readonly timing?: Timing;
  readonly metrics?: StoreMetrics;
}

/** Tries again what may succeed later. See `retrying` for the bounds. */
export function withRetry(inner: ObjectStore, options: RetryOptions = {}): ObjectStore {
  return new RetryingStore(inner, options);
}

class RetryingStore extends ForwardingStore {
  private readonly policy: BackoffPolicy;
  private readonly timing: Timing;

  constructor(
    inner: ObjectStore,
    private readonly options: RetryOptions,
  ) {
    super(inner);
    this.policy = options.policy ?? DEFAULT_BACKOFF;
    this.timing = options.timing ?? realTiming;
  }

  override put(key: string, body: Buffer, options: PutOptions = {}): Promise<PutResult> {
    return this.attempt('put', options.signal, async (previous) => {
      // The store may have taken the object although its answer was lost: look before sending it again.
      if (previous === null || previous === 'STORE_THROTTLED' || options.replace)
        return this.inner.put(key, body, options);
      const found = await this.look(key, body, options);
      if (found === 'whole') return { created: !options.createOnly };
      // Who created an object of another content cannot be known any more, and two may never both believe that they did.
      if (found === 'other' && options.createOnly) return { created: false };
      if (found !== 'damaged') return this.inner.put(key, body, options);
      // The name states the content, so nobody's object is lost; it was there, so it is not reported as created.
      await this.inner.put(key, body, { ...options, createOnly: false, replace: true });
      return { created: !options.createOnly };
    });
  }

  override get(key: string, options?: GetOptions): Promise<Buffer> {
    return this.attempt('get', options?.signal, () => this.inner.get(key, options));
  }

  override head(key: string, options?: CallOptions): Promise<ObjectInfo | null> {
    return this.attempt('head', options?.signal, () => this.inner.head(key, options));
  }

  override delete(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.attempt('delete', options?.signal, () => this.inner.delete(keys, options));
  }

  /** A listing that breaks off goes on after the last key that it gave; each key given renews the number of retries. */
  override async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    let after = options.after;
    let open: AsyncIterator<ObjectInfo> | null = null;
    try {
      for (;;) {
        const next: IteratorResult<ObjectInfo> = await this.attempt('list', options.signal, async () => {
          open ??= this.inner.list(prefix, { ...options, after })[Symbol.asyncIterator]();
          try {
            return await open.next();
          } catch (error) {
            open = null;
            throw error;
          }
        });
        if (next.done) return;
        if (after !== undefined && compareKeys(next.value.key, after) <= 0) continue;
        after = next.value.key;
        yield next.value;
      }
    } finally {
      await (open as AsyncIterator<ObjectInfo> | null)?.return?.();
    }
  }

  /**
   * What stands under the name after an attempt whose end is not known. `whole`: the object that was sent, by a name that
   * states its content, and by its size; where the store checks no checksum, by its bytes as well. `damaged`: the name states
   * the content, and it is not that. `other`: an object whose name states nothing.
   */
  private async look(
    key: string,
    body: Buffer,
    { createOnly, sha256, signal }: PutOptions,
  ): Promise<'absent' | 'whole' | 'damaged' | 'other'> {
    const contentNamed = sha256 !== undefined && key.endsWith(sha256);
    if (!createOnly && !contentNamed) return 'other';
    const found = await this.inner.head(key, { signal });
    if (found === null) return 'absent';
    if (!contentNamed) return 'other';
    if (found.bytes !== body.length) return 'damaged';
    if (this.capabilities.serverChecksum) return 'whole';
    return (await this.inner.get(key, { signal })).equals(body) ? 'whole' : 'damaged';
  }

  private attempt<T>(
    operation: StoreOperation,
    signal: AbortSignal | undefined,
    call: (previousCode: string | null) => Promise<T>,
  ): Promise<T> {
    return retrying(
      this.policy,
      this.timing,
      signal,
      (_, previous) => call(isHoldfastError(previous) ? previous.code : null),
      ({ attempt, error, delayMs }) =>
        this.options.metrics?.retry({ store: this.name, operation, attempt, code: error.code, delayMs }),
    );
  }
}
