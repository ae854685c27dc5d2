import type {
  CallOptions,
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
} from '../object-store';
import { realTiming, throwIfAborted, abortReason, type Timing } from '../timing';
import { ForwardingStore } from './forward';

export interface RateOptions {
  /** Body bytes sent per second; undefined = no limit. What is read is not limited: a restore is never slowed down. */
  readonly maxBytesPerSecond?: number;
  /** Requests at once. */
  readonly maxRequests: number;
  readonly timing?: Timing;
}

/** At most so many bytes a second and so many requests at once, over all who use this store object. */
export function withRate(inner: ObjectStore, options: RateOptions): ObjectStore {
  return new LimitedStore(inner, options);
}

class LimitedStore extends ForwardingStore {
  private readonly places: Places;
  private readonly meter: Meter | null;

  constructor(inner: ObjectStore, options: RateOptions) {
    super(inner);
    this.places = new Places(options.maxRequests);
    this.meter =
      options.maxBytesPerSecond === undefined
        ? null
        : new Meter(options.maxBytesPerSecond, options.timing ?? realTiming);
  }

  /** Waits for its bytes first: a body that is not due yet keeps no place from the small requests. */
  override async put(key: string, body: Buffer, options?: PutOptions): Promise<PutResult> {
    if (this.meter) await this.meter.pass(body.length, options?.signal);
    return this.places.within(options?.signal, () => this.inner.put(key, body, options));
  }
  override get(key: string, options?: GetOptions): Promise<Buffer> {
    return this.places.within(options?.signal, () => this.inner.get(key, options));
  }
  override head(key: string, options?: CallOptions): Promise<ObjectInfo | null> {
    return this.places.within(options?.signal, () => this.inner.head(key, options));
  }
  override delete(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.places.within(options?.signal, () => this.inner.delete(keys, options));
  }

  /** Holds a place while it asks for entries, not while the caller works on one. */
  override async *list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    const entries = this.inner.list(prefix, options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.places.within(options?.signal, () => entries.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await entries.return?.();
    }
  }
}

/** A counting semaphore, first come, first served. */
class Places {
  private readonly waiting = new Set<() => void>();

  constructor(private free: number) {}

  async within<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    throwIfAborted(signal);
    if (this.free > 0) this.free--;
    else await this.wait(signal);
    try {
      return await work();
    } finally {
      // A place is handed to the next in line rather than freed, so nobody can overtake.
      const [next] = this.waiting;
      if (next) next();
      else this.free++;
    }
  }

  private wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.waiting.delete(enter);
        signal?.removeEventListener('abort', onAbort);
      };
      const enter = () => {
        leave();
        resolve();
      };
      const onAbort = () => {
        leave();
        reject(abortReason(signal!));
      };
      this.waiting.add(enter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

/** A token bucket without burst: each body is due when those before it have had their time. */
export class Meter {
  private nextAt = 0;
  /** One waits for its time, the others for their turn: time is taken when it begins, so who gives up took none. */
  private readonly turn = new Places(1);

  constructor(
    private readonly bytesPerSecond: number,
    private readonly timing: Timing,
  ) {}

  pass(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return this.turn.within(signal, async () => {
      const wait = this.nextAt - this.timing.now();
      if (wait > 0) await this.timing.sleep(wait, signal);
      this.nextAt = Math.max(this.nextAt, this.timing.now()) + (bytes / this.bytesPerSecond) * 1000;
    });
  }
}
