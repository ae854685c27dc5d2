/**
 * Makes one store hold all that a backup's manifest names, object by object from any store that has it sound, the manifest
 * last. The same code fills a store that was away and heals one that is damaged. Needs no identity; every object is hashed
 * as it passes.
 */
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { ObjectStore } from '../storage/object-store';
import { inspectObject, isSound, readObject } from './check';
import { createManifest, readManifestObject } from './commit';
import { manifestKey, segmentKey } from './layout';
import type { ParsedManifest } from './manifest';
import { forEachLimited, objectsPresent } from './reuse-index';
import type { RepositoryKeys, SegmentRef } from './types';

export interface FillCopyRequest {
  /** Best first; each object is taken from the first that has it sound. */
  readonly sources: readonly ObjectStore[];
  readonly target: ObjectStore;
  readonly database: string;
  readonly backupId: string;
  readonly keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>;
  /** Read again what the target has, and replace what is damaged; otherwise name and size are believed. */
  readonly heal?: boolean;
  /** When healing: only these objects are read again. Absent = all. */
  readonly only?: ReadonlySet<string>;
  /** Whether the backup was deleted meanwhile, by the word of whoever deletes; asked after the manifest was placed. */
  readonly isDeleted?: () => Promise<boolean>;
  /** Told what the target lacks before any of it is sent; throws when the target may not take so much. */
  readonly admit?: (lacking: { readonly bytes: number; readonly objects: number }) => Promise<void>;
  readonly signal?: AbortSignal;
  /** Called with the number of objects that are done, already there or copied. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Objects under way at once; default 4. Bounds memory. */
  readonly concurrency?: number;
}

export interface FillCopyResult {
  readonly copiedObjects: number;
  readonly copiedBytes: number;
  /** Objects that the target had already. */
  readonly alreadyThere: number;
  /** False when the target had this very manifest. */
  readonly wroteManifest: boolean;
  /** True when the backup was deleted while it was copied: the target has no manifest of it. */
  readonly withdrawn: boolean;
}

/** Listings after which a store that loses what it is given is given up. */
const MAX_ROUNDS = 5;

/**
 * Idempotent: what an earlier call copied is found there. Throws REPO_NO_GOOD_COPY when an object is sound nowhere.
 *
 * Nobody holds the database's lock for it, so a sweep or a deletion may run beside it. Hence the target is listed again
 * until nothing lacks, before the manifest is placed and after it: from then on the manifest itself spares its segments.
 * And when the backup was deleted meanwhile, the manifest that was placed is taken away again.
 */
export async function fillCopy(request: FillCopyRequest): Promise<FillCopyResult> {
  const manifest = await bestManifest(request);
  if (request.admit) await request.admit(await lackingAt(request, manifest));
  const copied = { objects: new Set<string>(), bytes: 0 };
  await fillUntilWhole(request, manifest, copied, request.heal ?? false);
  const wroteManifest = await placeManifest(request, manifest);
  const withdrawn = wroteManifest && (await isDeleted(request));
  if (withdrawn)
    await request.target.delete([manifestKey(request.database, request.backupId)], { signal: request.signal });
  else await fillUntilWhole(request, manifest, copied, false);
  const copiedObjects = copied.objects.size;
  return {
    copiedObjects,
    copiedBytes: copied.bytes,
    alreadyThere: manifest.inventory.segments.length - copiedObjects,
    wroteManifest: wroteManifest && !withdrawn,
    withdrawn,
  };
}

interface Copied {
  readonly objects: Set<string>;
  bytes: number;
}

/** Copies what lacks until a listing shows that nothing does. */
async function fillUntilWhole(
  request: FillCopyRequest,
  manifest: ParsedManifest,
  copied: Copied,
  heal: boolean,
): Promise<void> {
  const { target, database, backupId } = request;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if ((await fillOnce(request, manifest, copied, heal && round === 0)) === 0) return;
  }
  throw repositoryError('REPO_COPY_INCOMPLETE', 'what was copied keeps vanishing from the store', {
    context: { store: target.name, database, backup: backupId },
  });
}

async function lackingAt(
  { target, database, signal }: FillCopyRequest,
  { inventory }: ParsedManifest,
): Promise<{ readonly bytes: number; readonly objects: number }> {
  const sizes = await objectsPresent(target, database, inventory.segments, signal);
  const lacking = inventory.segments.filter((ref) => sizes.get(ref.object) !== ref.sealedBytes);
  return { bytes: lacking.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0), objects: lacking.length };
}

/** Returns how many objects had to be copied. */
async function fillOnce(
  request: FillCopyRequest,
  manifest: ParsedManifest,
  copied: Copied,
  heal: boolean,
): Promise<number> {
  const { target, database, signal } = request;
  const { segments } = manifest.inventory;
  const sizes = await objectsPresent(target, database, segments, signal);
  let count = 0;
  let done = 0;
  await forEachLimited(segments, request.concurrency ?? 4, async (ref) => {
    const there = sizes.get(ref.object) === ref.sealedBytes;
    const suspect = heal && (request.only?.has(ref.object) ?? true);
    const sound = there && (!suspect || (await inspectObject(target, database, ref, signal)) === 'sound');
    if (!sound) {
      const bytes = await soundObject(request, ref);
      await target.put(segmentKey(database, ref.object), bytes, { sha256: ref.object, replace: heal, signal });
      count++;
      copied.objects.add(ref.object);
      copied.bytes += bytes.length;
    }
    request.onProgress?.(++done, segments.length);
  });
  return count;
}

/** When the caller says so, or when every source answers that it has no manifest any more. */
async function isDeleted(request: FillCopyRequest): Promise<boolean> {
  const { sources, database, backupId, signal } = request;
  if (request.isDeleted && (await request.isDeleted())) return true;
  for (const store of sources) {
    try {
      if (await store.head(manifestKey(database, backupId), { signal })) return false;
    } catch {
      signal?.throwIfAborted();
      // It may well have it; when in doubt a copy stays.
      return false;
    }
  }
  return true;
}

/**
 * The first source that has a valid manifest decides which backup it is. When none has one, the target's own says what it
 * lacks: other backups at the sources may share those objects.
 */
async function bestManifest(request: FillCopyRequest): Promise<ParsedManifest> {
  const { sources, target, database, backupId, keys, signal } = request;
  return firstGood({ ...request, sources: [...sources, target] }, `manifest of ${backupId}`, (store) =>
    readManifestObject(store, database, backupId, keys, signal),
  );
}

async function soundObject(request: FillCopyRequest, ref: SegmentRef): Promise<Buffer> {
  return firstGood(request, ref.object, async (store) => {
    const read = await readObject(store, request.database, ref, request.signal);
    return isSound(ref, read) ? read.bytes : null;
  });
}

/** Asks one source after another; a store that could not be asked makes the failure one that may pass. */
async function firstGood<Result>(
  request: FillCopyRequest,
  what: string,
  ask: (store: ObjectStore) => Promise<Result | null>,
): Promise<Result> {
  const answers: string[] = [];
  let cause: unknown;
  for (const store of request.sources) {
    try {
      const result = await ask(store);
      if (result !== null) return result;
      answers.push(`${store.name}: missing or damaged`);
    } catch (error) {
      request.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      answers.push(`${store.name}: ${reason}`);
      if (!isHoldfastError(error, 'STORE_OBJECT_MISSING')) cause ??= error;
    }
  }
  throw repositoryError('REPO_NO_GOOD_COPY', `no good copy of ${what} (${answers.join('; ')})`, {
    context: { database: request.database, backup: request.backupId, target: request.target.name },
    cause,
  });
}

/**
 * What may stand in place of a manifest that we replace: anything that does not prove to be another repository's. The one
 * that we bring was signed for this very backup, so whatever cannot be verified beside it is damage.
 */
const REPLACEABLE = [
  'REPO_MANIFEST_DAMAGED',
  'REPO_MANIFEST_FORGED',
  'REPO_MANIFEST_MISPLACED',
  'REPO_SIGNER_UNKNOWN',
  'REPO_FORMAT_UNKNOWN',
];

async function placeManifest(request: FillCopyRequest, manifest: ParsedManifest): Promise<boolean> {
  const { target, database, backupId, keys, signal } = request;
  let there: ParsedManifest | null = null;
  let replace = false;
  try {
    there = await readManifestObject(target, database, backupId, keys, signal);
  } catch (error) {
    if (!isHoldfastError(error) || !REPLACEABLE.includes(error.code)) throw error;
    replace = true;
  }
  if (there?.bytes.equals(manifest.bytes)) return false;
  if (!there && !replace) there = await createManifest(target, manifest, keys, signal);
  if (there?.bytes.equals(manifest.bytes)) return true;
  // The best source's manifest is the one that counts.
  await target.put(manifestKey(database, backupId), manifest.bytes, { signal });
  return true;
}
