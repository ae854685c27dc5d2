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
      if (previous !== null && previous !== 'STORE_THROTTLED' && !options.replace) {
        const found = await this.alreadyStored(key, body, options);
        if (found !== null) return found;
      }
      return this.inner.put(key, body, options);
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
   * null: send it. With `createOnly` any object of that name decides the matter, and it is reported as not created:
   * who created it cannot be known any more, and two may never both believe that they did. Without it, an object that
   * is named by its content and has the right size is the object.
   */
  private async alreadyStored(key: string, body: Buffer, options: PutOptions): Promise<PutResult | null> {
    const contentNamed = options.sha256 !== undefined && key.endsWith(options.sha256);
    if (!options.createOnly && !contentNamed) return null;
    const found = await this.inner.head(key, { signal: options.signal });
    if (found === null) return null;
    if (contentNamed && found.bytes === body.length) return { created: !options.createOnly };
    return options.createOnly ? { created: false } : null;
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
