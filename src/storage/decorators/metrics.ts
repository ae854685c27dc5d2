import { isHoldfastError } from '../../errors/holdfast-error';
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
} from '../object-store';
import { countRequest } from '../tally';
import { realTiming, type Timing } from '../timing';
import { ForwardingStore } from './forward';

export type StoreOperation = 'put' | 'get' | 'head' | 'list' | 'delete';

/** One call of the adapter; a call that is tried again counts each time. A listing is one call. */
export interface StoreRequestEvent {
  readonly store: string;
  readonly operation: StoreOperation;
  readonly outcome: 'ok' | 'error' | 'aborted';
  /** Code of the error, else null. */
  readonly code: string | null;
  readonly durationMs: number;
  /** Body bytes sent, of a put that succeeded. */
  readonly sentBytes: number;
  /** Body bytes received, of a get that succeeded. */
  readonly receivedBytes: number;
  /** Requests at the provider: pages of a listing, 1 of anything else. */
  readonly requests: number;
}

/** Entries that every provider gives with one request of a listing. */
const LIST_PAGE = 1_000;

export interface StoreRetryEvent {
  readonly store: string;
  readonly operation: StoreOperation;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly code: string;
  readonly delayMs: number;
}

/** What a process counts about its stores. Implementations must not throw. */
export interface StoreMetrics {
  request(event: StoreRequestEvent): void;
  retry(event: StoreRetryEvent): void;
}

/** Reports each call of `inner`. */
export function withMetrics(inner: ObjectStore, metrics: StoreMetrics, timing: Timing = realTiming): ObjectStore {
  return new MeasuredStore(inner, metrics, timing);
}

class MeasuredStore extends ForwardingStore {
  constructor(
    inner: ObjectStore,
    private readonly metrics: StoreMetrics,
    private readonly timing: Timing,
  ) {
    super(inner);
  }

  override put(key: string, body: Buffer, options?: PutOptions): Promise<PutResult> {
    return this.measure(
      'put',
      options,
      () => this.inner.put(key, body, options),
      (result) => ({ sentBytes: result.created ? body.length : 0 }),
    );
  }
  override get(key: string, options?: GetOptions): Promise<Buffer> {
    return this.measure(
      'get',
      options,
      () => this.inner.get(key, options),
      (body) => ({ receivedBytes: body.length }),
    );
  }
  override head(key: string, options?: CallOptions): Promise<ObjectInfo | null> {
    return this.measure('head', options, () => this.inner.head(key, options));
  }
  override delete(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.measure('delete', options, () => this.inner.delete(keys, options));
  }

  override async *list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    const started = this.timing.now();
    let waited = 0;
    let entries = 0;
    try {
      for await (const info of this.inner.list(prefix, options)) {
        entries += 1;
        const handedOut = this.timing.now();
        yield info;
        waited += this.timing.now() - handedOut;
      }
      this.report('list', 'ok', null, started + waited, { requests: pages(entries) });
    } catch (error) {
      this.reportError('list', options, error, started + waited, pages(entries));
      throw error;
    }
  }

  private async measure<T>(
    operation: StoreOperation,
    options: CallOptions | undefined,
    call: () => Promise<T>,
    bytes: (result: T) => { sentBytes?: number; receivedBytes?: number } = () => ({}),
  ): Promise<T> {
    const started = this.timing.now();
    try {
      const result = await call();
      this.report(operation, 'ok', null, started, bytes(result));
      return result;
    } catch (error) {
      this.reportError(operation, options, error, started);
      throw error;
    }
  }

  private reportError(
    operation: StoreOperation,
    options: CallOptions | undefined,
    error: unknown,
    started: number,
    requests = 1,
  ) {
    const code = isHoldfastError(error) ? error.code : null;
    this.report(operation, code === null && options?.signal?.aborted ? 'aborted' : 'error', code, started, {
      requests,
    });
  }

  private report(
    operation: StoreOperation,
    outcome: StoreRequestEvent['outcome'],
    code: string | null,
    started: number,
    {
      sentBytes = 0,
      receivedBytes = 0,
      requests = 1,
    }: { sentBytes?: number; receivedBytes?: number; requests?: number },
  ): void {
    const durationMs = this.timing.now() - started;
    const event = { store: this.name, operation, outcome, code, durationMs, sentBytes, receivedBytes, requests };
    countRequest(event);
    this.metrics.request(event);
  }
}

const pages = (entries: number) => Math.max(1, Math.ceil(entries / LIST_PAGE));
