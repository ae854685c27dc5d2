/** Reads one copy of one backup. Every byte that is yielded was authenticated first; every error names the copy. */
import { isName } from '../domain/names';
import type { FileSource } from '../engines/engine';
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { ObjectStore } from '../storage/object-store';
import { freeMemory } from '../domain/free-memory';
import { createOpener } from './age';
import { readSealed } from './check';
import { readManifestObject } from './commit';
import { backupOfKey, manifestsPrefix, segmentsPrefix } from './layout';
import { openManifest, type ParsedManifest } from './manifest';
import { sharedOpenPool, type OpenPool } from './open-pool';
import { createNamer, openSegment } from './segment';
import type { BackupReader, Inventory, RepositoryKeys, SegmentRef } from './types';

/** Segments fetched ahead of the one that is being read, for each open file. */
const PREFETCH = 2;
/** Larger than what Node takes from memory that buffers share. */
const RELEASED_BYTES = 128 * 1024;

export interface OpenBackupRequest {
  readonly store: ObjectStore;
  readonly database: string;
  readonly backupId: string;
  readonly keys: RepositoryKeys;
  readonly signal?: AbortSignal;
  /** Segments fetched ahead for each file that is read; default 2. Bounds memory: (prefetch + 1) segments a file. */
  readonly prefetch?: number;
  /** Threads that open segments; null: this thread does it. @default those of this process, where there is compiled code */
  readonly threads?: OpenPool | null;
}

/** Verifies the manifest at this store and opens its body. Throws when there is none, or when it cannot be trusted. */
export async function openBackup(request: OpenBackupRequest): Promise<BackupReader> {
  const { store, database, backupId, keys } = request;
  const threads = request.threads === undefined ? sharedOpenPool() : request.threads;
  const parsed = await readManifest(store, database, backupId, keys, request.signal);
  const opener = createOpener(keys.identities);
  const [manifest, namer] = await Promise.all([openManifest(parsed, opener, store.name), createNamer(keys.idKey)]);
  const files = new Map(manifest.body.files.map((file) => [file.path, file]));
  const context = { store: store.name, database, backup: backupId };

  const fetch = async (ref: SegmentRef, signal?: AbortSignal): Promise<Buffer> => {
    try {
      return await readSealed(store, database, ref, signal);
    } catch (error) {
      if (!isHoldfastError(error, 'STORE_OBJECT_MISSING')) throw error;
      throw repositoryError('REPO_SEGMENT_MISSING', '', { context: { ...context, object: ref.object }, cause: error });
    }
  };
  const open = async (sealed: Buffer, ref: SegmentRef): Promise<Buffer> => {
    // Only with a key that is there: a header that nobody vouched for yet is not unwrapped before the hash was checked.
    const known = threads && sealed.length === ref.sealedBytes ? opener.known(sealed) : null;
    if (!threads || !known) return openSegment(sealed, ref, { namer, opener }, context);
    const opened = await threads.open(sealed, ref, { ...known, idKey: keys.idKey });
    if (Buffer.isBuffer(opened)) return opened;
    throw repositoryError('REPO_SEGMENT_DAMAGED', opened.damaged, {
      context: { ...context, object: ref.object },
      cause: opened.cause === undefined ? undefined : new Error(opened.cause),
    });
  };
  const readSegment = async (ref: SegmentRef, signal?: AbortSignal): Promise<Buffer> => {
    const asked = signal ?? request.signal;
    try {
      return await open(await fetch(ref, asked), ref);
    } catch (error) {
      if (!isHoldfastError(error, 'REPO_SEGMENT_DAMAGED')) throw error;
      // Once more: bytes that were damaged on the way are no damaged copy.
      return open(await fetch(ref, asked), ref);
    }
  };

  const readFile: FileSource['readFile'] = async function* (path, options = {}) {
    const file = files.get(path);
    if (!file) throw repositoryError('REPO_FILE_UNKNOWN', '', { context: { ...context, path } });
    const stopper = new AbortController();
    const signals = [stopper.signal, options.signal, request.signal].filter((signal) => signal !== undefined);
    const signal = AbortSignal.any(signals);
    const ahead: Promise<Buffer>[] = [];
    let next = 0;
    const start = () => {
      const ref = manifest.inventory.segments[file.segments[next++]!]!;
      const segment = readSegment(ref, signal);
      // Its failure shows when its turn comes, not before.
      segment.catch(() => {});
      ahead.push(segment);
    };
    try {
      while (next < file.segments.length || ahead.length > 0) {
        while (next < file.segments.length && ahead.length <= (request.prefetch ?? PREFETCH)) start();
        signal.throwIfAborted();
        yield await ahead.shift()!;
      }
    } finally {
      stopper.abort();
      await Promise.allSettled(ahead);
    }
  };
  const release = (chunk: Buffer) => {
    // Small ones may stand in memory that Node shares between buffers.
    if (chunk.byteOffset === 0 && chunk.length >= RELEASED_BYTES) freeMemory(new Uint8Array(chunk.buffer));
  };
  return { store, manifest, readSegment, readFile, release };
}

/** The verified manifest as it is stored; REPO_MANIFEST_MISSING when this store has none. Needs no identity. */
export async function readManifest(
  store: ObjectStore,
  database: string,
  backupId: string,
  keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>,
  signal?: AbortSignal,
): Promise<ParsedManifest> {
  const parsed = await readManifestObject(store, database, backupId, keys, signal);
  if (parsed) return parsed;
  throw repositoryError('REPO_MANIFEST_MISSING', '', { context: { store: store.name, database, backup: backupId } });
}

/** The signed part alone. Needs no identity. */
export async function readInventory(
  store: ObjectStore,
  database: string,
  backupId: string,
  keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>,
  signal?: AbortSignal,
): Promise<Inventory> {
  return (await readManifest(store, database, backupId, keys, signal)).inventory;
}

export interface ListedBackup {
  readonly database: string;
  readonly backupId: string;
  /** Size of the manifest object, and when the store took it. */
  readonly bytes: number;
  readonly storedAt: Date;
}

/** What the store's keys say; nothing is read or verified. Oldest first within a database. */
export async function listBackups(
  store: ObjectStore,
  database?: string,
  signal?: AbortSignal,
): Promise<ListedBackup[]> {
  const found: ListedBackup[] = [];
  for (const name of database === undefined ? await listDatabases(store, signal) : [database]) {
    for await (const info of store.list(manifestsPrefix(name), { signal })) {
      const backupId = backupOfKey(name, info.key);
      if (backupId) found.push({ database: name, backupId, bytes: info.bytes, storedAt: info.modifiedAt });
    }
  }
  return found;
}

/** Databases that have a manifest at this store. Steps over each one's segments instead of listing them. */
export async function listDatabases(store: ObjectStore, signal?: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  let after: string | undefined;
  for (;;) {
    const first = await firstKey(store, after, signal);
    if (first === null) return names.sort();
    const name = first.includes('/') ? first.slice(0, first.indexOf('/')) : null;
    if (name !== null && isName(name)) {
      if ((await listBackups(store, name, signal)).length > 0) names.push(name);
      // `z` comes after every character that a segment's key has there.
      after = `${segmentsPrefix(name)}zz`;
    } else after = first;
    if (after < first) after = first;
  }
}
async function firstKey(store: ObjectStore, after: string | undefined, signal?: AbortSignal): Promise<string | null> {
  for await (const info of store.list('', { after, signal })) return info.key;
  return null;
}
