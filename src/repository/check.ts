/** Checks one copy at rest: no identity needed, since an object's name is the hash of its bytes. */
import { isHoldfastError } from '../errors/holdfast-error';
import type { ObjectStore } from '../storage/object-store';
import { segmentKey, segmentsPrefix, objectOfKey } from './layout';
import { forEachLimited } from './reuse-index';
import { sha256Hex } from './segment';
import type { CopyCheck, Inventory, SegmentRef } from './types';

/** All that is needed to check an object: its name is the hash of its bytes. */
export type ObjectRef = Pick<SegmentRef, 'object' | 'sealedBytes'>;

export interface CheckCopyRequest {
  readonly store: ObjectStore;
  readonly inventory: Inventory;
  /** `stored`: every object is there with its size. `intact`: every object was read again and has its hash. */
  readonly grade: 'stored' | 'intact';
  readonly signal?: AbortSignal;
  /** Called with the number of objects that are done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Objects read at once; default 4. */
  readonly concurrency?: number;
}

/** Names all that is missing or damaged, not only the first. Throws only when the store cannot be asked. */
export async function checkCopy(request: CheckCopyRequest): Promise<CopyCheck> {
  const { store, inventory, signal } = request;
  const started = performance.now();
  const sizes = new Map<string, number>();
  for await (const info of store.list(segmentsPrefix(inventory.database), { signal })) {
    const object = objectOfKey(inventory.database, info.key);
    if (object) sizes.set(object, info.bytes);
  }
  const missing: string[] = [];
  const damaged: string[] = [];
  const sound: SegmentRef[] = [];
  for (const ref of inventory.segments) {
    const bytes = sizes.get(ref.object);
    if (bytes === undefined) missing.push(ref.object);
    else if (bytes !== ref.sealedBytes) damaged.push(ref.object);
    else sound.push(ref);
  }

  const total = inventory.segments.length;
  let bytes = 0;
  if (request.grade === 'stored') {
    bytes = sound.reduce((sum, ref) => sum + ref.sealedBytes, 0);
    request.onProgress?.(total, total);
  } else {
    let done = missing.length + damaged.length;
    await forEachLimited(sound, request.concurrency ?? 4, async (ref) => {
      const state = await inspectObject(store, inventory.database, ref, signal);
      if (state === 'missing') missing.push(ref.object);
      else if (state === 'damaged') damaged.push(ref.object);
      else bytes += ref.sealedBytes;
      request.onProgress?.(++done, total);
    });
  }
  return {
    grade: missing.length + damaged.length === 0 ? request.grade : null,
    objects: total - missing.length - damaged.length,
    bytes,
    missing,
    damaged,
    durationMs: Math.round(performance.now() - started),
  };
}

/** Reads and hashes one object; once more when it looks damaged, since the way may be at fault and not the copy. */
export async function inspectObject(
  store: ObjectStore,
  database: string,
  ref: ObjectRef,
  signal?: AbortSignal,
): Promise<'sound' | 'missing' | 'damaged'> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      if (isSound(ref, await readObject(store, database, ref, signal))) return 'sound';
    } catch (error) {
      if (isHoldfastError(error, 'STORE_OBJECT_MISSING')) return 'missing';
      throw error;
    }
  }
  return 'damaged';
}

/** The object's bytes and their hash; of a longer object one byte more than there should be, so that it shows. */
export async function readObject(
  store: ObjectStore,
  database: string,
  ref: ObjectRef,
  signal?: AbortSignal,
): Promise<{ readonly bytes: Buffer; readonly hash: string }> {
  const bytes = await readSealed(store, database, ref, signal);
  return { bytes, hash: await sha256Hex(bytes) };
}
/** Reads no more than one byte beyond the size that is known: a swollen object must not fill the memory. */
export function readSealed(
  store: ObjectStore,
  database: string,
  ref: ObjectRef,
  signal?: AbortSignal,
): Promise<Buffer> {
  return store.get(segmentKey(database, ref.object), { range: { start: 0, end: ref.sealedBytes + 1 }, signal });
}

export function isSound(ref: ObjectRef, read: { readonly bytes: Buffer; readonly hash: string }): boolean {
  return read.bytes.length === ref.sealedBytes && read.hash === ref.object;
}
