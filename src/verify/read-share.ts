/**
 * Reads the objects of some buckets at one store and checks that their bytes are what their names say. Needs no key that
 * decrypts. One bucket after another, so that an attempt that was cut off goes on where it was.
 */
import { bucketOf } from '../domain/intact-plan';
import { inspectObject, type ObjectRef } from '../repository/check';
import { namedSlice, type NamedSlice } from '../repository/named-slice';
import { forEachLimited } from '../repository/reuse-index';
import type { RepositoryKeys } from '../repository/types';
import type { ObjectStore } from '../storage/object-store';

export interface BucketResult {
  readonly bucket: number;
  /** Objects and bytes that were read, sound or not. */
  readonly objects: number;
  readonly bytes: number;
  readonly missing: readonly string[];
  readonly damaged: readonly string[];
  /** Milliseconds. */
  readonly ms: number;
}

export interface ReadShareRequest {
  readonly store: ObjectStore;
  readonly database: string;
  readonly keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>;
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal;
  /** Told of the manifests at each pass over them, before the first object is read. */
  readonly onManifests: (slice: Pick<NamedSlice, 'manifests' | 'refused'>) => Promise<void>;
  /** Told after each bucket, empty ones too; the next is not begun before it has ended. */
  readonly onBucket: (result: BucketResult) => Promise<void>;
  readonly onObject?: (bytes: number) => void;
  /** Waits until so many bytes may be read. */
  readonly pass?: (bytes: number, signal: AbortSignal) => Promise<void>;
  /** Objects read at once; default 4. Bounds memory. */
  readonly concurrency?: number;
  /** Names held at once; default 250000. */
  readonly maxNames?: number;
}

/** Throws only when the store cannot be asked; missing and damaged objects are results. */
export async function readShare(request: ReadShareRequest): Promise<void> {
  const { store, database, keys, to, signal, maxNames } = request;
  for (let from = request.from; from < to;) {
    const slice = await namedSlice({ store, database, keys, from, to, signal, maxNames });
    await request.onManifests(slice);
    const buckets = new Map<number, ObjectRef[]>();
    for (const [object, sealedBytes] of slice.sizes) {
      const bucket = bucketOf(object);
      const there = buckets.get(bucket);
      if (there) there.push({ object, sealedBytes });
      else buckets.set(bucket, [{ object, sealedBytes }]);
    }
    for (let bucket = from; bucket < slice.to; bucket++) {
      signal.throwIfAborted();
      await request.onBucket(await readBucket(request, bucket, buckets.get(bucket) ?? []));
    }
    from = slice.to;
  }
}

async function readBucket(
  request: ReadShareRequest,
  bucket: number,
  refs: readonly ObjectRef[],
): Promise<BucketResult> {
  const { store, database, signal, concurrency = 4 } = request;
  const started = performance.now();
  const missing: string[] = [];
  const damaged: string[] = [];
  let bytes = 0;
  await forEachLimited(refs, concurrency, async (ref) => {
    await request.pass?.(ref.sealedBytes, signal);
    const state = await inspectObject(store, database, ref, signal);
    if (state === 'missing') missing.push(ref.object);
    else bytes += ref.sealedBytes;
    if (state === 'damaged') damaged.push(ref.object);
    request.onObject?.(ref.sealedBytes);
  });
  return {
    bucket,
    objects: refs.length - missing.length,
    bytes,
    missing: missing.sort(),
    damaged: damaged.sort(),
    ms: performance.now() - started,
  };
}
