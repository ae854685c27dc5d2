/**
 * What the manifests at one store name, for a range of buckets at a time: however large the repository, what is held in
 * memory is bounded. Buckets are the first two hex digits of an object's name.
 */
import { BUCKETS, bucketName, bucketOf } from '../domain/intact-plan';
import { isHoldfastError } from '../errors/holdfast-error';
import type { ObjectInfo, ObjectStore } from '../storage/object-store';
import { readManifestObject } from './commit';
import { objectOfKey, segmentsPrefix } from './layout';
import { sha256Hex } from './segment';
import { listBackups } from './reader';
import type { Inventory, RepositoryKeys } from './types';

/** Names held at once, about 200 bytes each. */
const MAX_NAMES = 250_000;

type VerifyKeys = Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>;

/** A manifest that stands at a store and cannot be believed, or vanished from it. */
export interface RefusedManifest {
  readonly backupId: string;
  readonly code: string;
  readonly message: string;
}

export interface NamedSlice {
  readonly from: number;
  /** The bucket after the last one that is in `sizes`; less than asked where that was too much to hold. */
  readonly to: number;
  /** Sealed bytes by object name. */
  readonly sizes: Map<string, number>;
  /** Believed manifests: hash and size of each as it is stored. */
  readonly manifests: ReadonlyMap<string, { readonly hash: string; readonly bytes: number }>;
  readonly refused: readonly RefusedManifest[];
}

export interface SliceRequest {
  readonly store: ObjectStore;
  readonly database: string;
  readonly keys: VerifyKeys;
  readonly from: number;
  readonly to: number;
  readonly signal?: AbortSignal;
  /** @default 250000 */
  readonly maxNames?: number;
}

/** Reads every manifest at the store, one at a time. Throws when the store cannot be asked. */
export async function namedSlice(request: SliceRequest): Promise<NamedSlice> {
  const { from, maxNames = MAX_NAMES } = request;
  let { to } = request;
  const sizes = new Map<string, number>();
  const manifests = new Map<string, { hash: string; bytes: number }>();
  const refused: RefusedManifest[] = [];
  for await (const read of readManifests(request)) {
    if ('code' in read) {
      refused.push(read);
      continue;
    }
    manifests.set(read.backupId, { hash: await sha256Hex(read.bytes), bytes: read.bytes.length });
    for (const { object, sealedBytes } of read.inventory.segments) {
      const bucket = bucketOf(object);
      if (bucket < from || bucket >= to) continue;
      sizes.set(object, sealedBytes);
      while (sizes.size > maxNames && to - from > 1) {
        to = from + Math.ceil((to - from) / 2);
        keepBelow(sizes, to);
      }
    }
  }
  return { from, to, sizes, manifests, refused };
}

/** Forgets the names of `to` and the buckets after it. */
export function keepBelow(sizes: Map<string, number>, to: number): void {
  for (const object of sizes.keys()) if (bucketOf(object) >= to) sizes.delete(object);
}

/** The backups at this store whose manifests name any of `objects`: which of them each one names. */
export async function backupsNaming(
  request: Pick<SliceRequest, 'store' | 'database' | 'keys' | 'signal'>,
  objects: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for await (const read of readManifests(request)) {
    if ('code' in read) continue;
    const named = read.inventory.segments.filter(({ object }) => objects.has(object)).map(({ object }) => object);
    if (named.length > 0) found.set(read.backupId, named);
  }
  return found;
}

interface ReadManifest {
  readonly backupId: string;
  readonly inventory: Inventory;
  readonly bytes: Buffer;
}

async function* readManifests(
  request: Pick<SliceRequest, 'store' | 'database' | 'keys' | 'signal'>,
): AsyncGenerator<ReadManifest | RefusedManifest, void, undefined> {
  const { store, database, keys, signal } = request;
  for (const { backupId } of await listBackups(store, database, signal)) {
    signal?.throwIfAborted();
    try {
      const manifest = await readManifestObject(store, database, backupId, keys, signal);
      // Deleted between the listing and the reading: it names nothing any more.
      if (manifest) yield { backupId, inventory: manifest.inventory, bytes: manifest.bytes };
    } catch (error) {
      if (!isHoldfastError(error) || !error.code.startsWith('REPO_')) throw error;
      yield { backupId, code: error.code, message: error.message };
    }
  }
}

/** Objects of the buckets from `from` to before `to`, in order; what is no segment there is left out. */
export async function* listBuckets(
  store: ObjectStore,
  database: string,
  from: number,
  to: number,
  signal?: AbortSignal,
): AsyncGenerator<ObjectInfo & { readonly object: string }, void, undefined> {
  const prefix = segmentsPrefix(database);
  const end = to >= BUCKETS ? null : prefix + bucketName(to);
  const after = from === 0 ? undefined : prefix + bucketName(from);
  for await (const info of store.list(prefix, { after, signal })) {
    if (end !== null && info.key >= end) return;
    const object = objectOfKey(database, info.key);
    if (object !== null) yield { ...info, object };
  }
}
