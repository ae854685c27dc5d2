import { isHoldfastError } from '../errors/holdfast-error';
import { storageError } from '../errors/storage';
import { assertKey, normalisePrefix } from './keys';
import type { CallOptions, ObjectInfo } from './object-store';
import { throwIfAborted, type Timing } from './timing';

/** How long a bucket that was seen is taken to exist, ms. */
const BUCKET_SEEN_MS = 5_000;

/** What the stores behind a network have in common: a prefix, an end, uploads that outlive their call, a bucket. */
export abstract class RemoteStore {
  readonly name: string;
  protected readonly prefix: string;
  private readonly uploads = new Set<Promise<unknown>>();
  private bucketSeenAt: number | null = null;
  private closed = false;

  protected constructor(
    config: { readonly name: string; readonly prefix: string },
    private readonly clock: Pick<Timing, 'now'>,
  ) {
    this.name = config.name;
    this.prefix = normalisePrefix(config.prefix, config.name);
  }

  abstract head(key: string, options?: CallOptions): Promise<ObjectInfo | null>;

  /** Before each call: refuses keys that are none, calls after the end, and those that were given up. */
  protected begin(key: string, options: CallOptions): void {
    assertKey(key, this.name);
    this.assertOpen();
    throwIfAborted(options.signal);
  }

  protected assertOpen(): void {
    if (this.closed) throw storageError('STORE_CLOSED', '', { context: { store: this.name } });
  }

  /** An upload that is given up is still ended at the store; `end` waits for that. */
  protected async uploading<Result>(upload: Promise<Result>): Promise<Result> {
    this.uploads.add(upload);
    try {
      return await upload;
    } finally {
      this.uploads.delete(upload);
    }
  }

  /** No call begins any more; waits for uploads to end, which is bounded in time. */
  protected async end(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.uploads);
  }

  /** No bytes of an object that is there. */
  protected async emptyRange(key: string, options: CallOptions): Promise<Buffer> {
    if ((await this.head(key, options)) === null)
      throw storageError('STORE_OBJECT_MISSING', '', { context: { store: this.name, key } });
    return Buffer.alloc(0);
  }

  /**
   * Absent is believed only where the bucket answers to these credentials: a missing bucket or a revoked key must never
   * look like a missing object, or copies would be taken for lost. `look` asks for the bucket; throws errors of the store.
   */
  protected async seeBucket(look: () => Promise<unknown>): Promise<void> {
    const now = this.clock.now();
    if (this.bucketSeenAt !== null && now - this.bucketSeenAt < BUCKET_SEEN_MS) return;
    try {
      await look();
    } catch (error) {
      // Not every key may list; such a key was accepted all the same, and the bucket is there.
      if (!isHoldfastError(error, 'STORE_ACCESS_DENIED')) throw error;
    }
    this.bucketSeenAt = now;
  }
}
