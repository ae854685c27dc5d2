/**
 * Makes one store hold all that a backup's manifest names, from any good copy, the manifest last. The same code fills a
 * store that was away and heals one that is damaged. Needs no identity; every object is hashed as it passes.
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
}

/** Idempotent: what an earlier call copied is found there. Throws REPO_NO_GOOD_COPY when an object is sound nowhere. */
export async function fillCopy(request: FillCopyRequest): Promise<FillCopyResult> {
  const { target, database, signal, heal = false } = request;
  const manifest = await bestManifest(request);
  const { segments } = manifest.inventory;
  const sizes = await objectsPresent(target, database, segments, signal);
  let copiedObjects = 0;
  let copiedBytes = 0;
  let done = 0;
  await forEachLimited(segments, request.concurrency ?? 4, async (ref) => {
    const there = sizes.get(ref.object) === ref.sealedBytes;
    const sound = there && (!heal || (await inspectObject(target, database, ref, signal)) === 'sound');
    if (!sound) {
      const bytes = await soundObject(request, ref);
      await target.put(segmentKey(database, ref.object), bytes, { sha256: ref.object, replace: heal, signal });
      copiedObjects++;
      copiedBytes += bytes.length;
    }
    request.onProgress?.(++done, segments.length);
  });
  const wroteManifest = await placeManifest(request, manifest);
  return { copiedObjects, copiedBytes, alreadyThere: segments.length - copiedObjects, wroteManifest };
}

/** The first source that has a valid manifest decides which backup it is. */
async function bestManifest(request: FillCopyRequest): Promise<ParsedManifest> {
  const { database, backupId, keys, signal } = request;
  return firstGood(request, `manifest of ${backupId}`, (store) =>
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
  // Whoever fills a copy holds the database's lock, so the manifest it brings is the one that counts.
  await target.put(manifestKey(database, backupId), manifest.bytes, { signal });
  return true;
}
