/**
 * The commit: one manifest for a backup id, the same bytes at every store.
 *
 * Two attempts may race (an attempt that was believed dead wakes up). The rule: a manifest that any store holds already
 * counts, the earliest store in the config's order first; else the earliest store that takes it decides, by create-only.
 * Who comes second adopts what is there. Should two attempts each have won at a store that the other could not reach,
 * both manifests are whole and valid; replication later makes the stores follow the one that the run reports.
 */
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { ObjectStore } from '../storage/object-store';
import { errorFacts } from './lanes';
import { manifestKey } from './layout';
import { parseManifest, type ParsedManifest } from './manifest';
import { objectsPresent } from './reuse-index';
import type { CommitResult, Inventory, RepositoryKeys, StoreOutcome } from './types';

type VerifyKeys = Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>;

/** The verified manifest at this store, or null when there is none. Throws when there is one that cannot be trusted. */
export async function readManifestObject(
  store: ObjectStore,
  database: string,
  backupId: string,
  keys: VerifyKeys,
  signal?: AbortSignal,
): Promise<ParsedManifest | null> {
  const key = manifestKey(database, backupId);
  let bytes: Buffer;
  try {
    bytes = await store.get(key, { signal });
  } catch (error) {
    if (isHoldfastError(error, 'STORE_OBJECT_MISSING')) return null;
    throw error;
  }
  return parseManifest(bytes, keys, { database, backupId, store: store.name });
}

/** Writes the manifest where there is none. Returns what stands there afterwards: ours, or another attempt's. */
export async function createManifest(
  store: ObjectStore,
  manifest: ParsedManifest,
  keys: VerifyKeys,
  signal?: AbortSignal,
): Promise<ParsedManifest> {
  const { database, backupId } = manifest.inventory;
  const read = () => readManifestObject(store, database, backupId, keys, signal);
  if (!store.capabilities.createOnly) {
    const found = await read();
    if (found) return found;
  }
  const createOnly = store.capabilities.createOnly;
  const { created } = await store.put(manifestKey(database, backupId), manifest.bytes, { createOnly, signal });
  if (created && createOnly) return manifest;
  const found = await read();
  if (found) return found;
  throw repositoryError('REPO_MANIFEST_MISSING', 'the manifest vanished after it was written', {
    context: { store: store.name, database, backup: backupId },
  });
}

/** True when the store holds every segment, by name and size. */
export async function holdsAll(store: ObjectStore, inventory: Inventory, signal?: AbortSignal): Promise<boolean> {
  const sizes = await objectsPresent(store, inventory.database, inventory.segments, signal);
  return inventory.segments.every((segment) => sizes.get(segment.object) === segment.sealedBytes);
}

/**
 * What an earlier or another attempt committed under this backup id, or null. A retry calls this first and, when there
 * is something, dumps nothing. Stores that cannot be asked are reported as behind.
 */
export async function findCommitted(
  stores: readonly ObjectStore[],
  keys: VerifyKeys,
  database: string,
  backupId: string,
  signal?: AbortSignal,
): Promise<CommitResult | null> {
  const found = await lookEverywhere(stores, keys, database, backupId, signal);
  return found ? { inventory: found.manifest.inventory, adopted: true, stores: found.outcomes } : null;
}

async function lookEverywhere(
  stores: readonly ObjectStore[],
  keys: VerifyKeys,
  database: string,
  backupId: string,
  signal?: AbortSignal,
): Promise<{ readonly manifest: ParsedManifest; readonly outcomes: readonly StoreOutcome[] } | null> {
  const answers = await Promise.all(
    stores.map(async (store) => {
      try {
        return { store, manifest: await readManifestObject(store, database, backupId, keys, signal), error: null };
      } catch (error) {
        signal?.throwIfAborted();
        return { store, manifest: null, error };
      }
    }),
  );
  const winner = answers.find((answer) => answer.manifest)?.manifest;
  if (!winner) return null;
  const outcomes = answers.map(({ store, manifest, error }): StoreOutcome => {
    if (manifest?.bytes.equals(winner.bytes)) return { store: store.name, state: 'committed', error: null };
    const context = { store: store.name, database, backup: backupId };
    const why = error ?? repositoryError(manifest ? 'REPO_MANIFEST_CONFLICT' : 'REPO_COPY_INCOMPLETE', '', { context });
    return { store: store.name, state: 'behind', error: errorFacts(why) };
  });
  return { manifest: winner, outcomes };
}

export interface CommitRequest {
  readonly manifest: ParsedManifest;
  readonly keys: VerifyKeys;
  /** Stores that still take part, in the config's order. */
  readonly stores: readonly ObjectStore[];
  /** Those of them that lack a reused segment, or could not be asked, and why. */
  readonly behind: ReadonlyMap<string, unknown>;
  readonly signal: AbortSignal;
}

/** Carries out the rule above. Throws REPO_NO_STORE_LEFT when no store ended with a manifest. */
export async function commitManifest(request: CommitRequest): Promise<CommitResult> {
  const { keys, signal, stores } = request;
  const { database, backupId } = request.manifest.inventory;
  const outcomes = new Map<string, StoreOutcome>();
  const committed = (store: ObjectStore) =>
    outcomes.set(store.name, { store: store.name, state: 'committed', error: null });
  const behind = (store: ObjectStore, error: unknown) => {
    signal.throwIfAborted();
    outcomes.set(store.name, { store: store.name, state: 'behind', error: errorFacts(error) });
  };

  let winner = (await lookEverywhere(stores, keys, database, backupId, signal))?.manifest ?? null;
  for (const store of winner ? [] : stores) {
    if (request.behind.has(store.name)) continue;
    try {
      winner = await createManifest(store, request.manifest, keys, signal);
      committed(store);
      break;
    } catch (error) {
      behind(store, error);
    }
  }
  if (!winner) {
    const text = [...outcomes.values()].map((outcome) => `${outcome.store}: ${outcome.error?.message}`).join('; ');
    throw repositoryError('REPO_NO_STORE_LEFT', `no store took the manifest (${text})`, {
      context: { database, backup: backupId },
    });
  }

  const counts = winner;
  const adopted = !counts.bytes.equals(request.manifest.bytes);
  await Promise.all(
    stores.map(async (store) => {
      if (outcomes.has(store.name)) return;
      const context = { store: store.name, database, backup: backupId };
      try {
        const whole = adopted ? await holdsAll(store, counts.inventory, signal) : !request.behind.has(store.name);
        if (!whole) throw request.behind.get(store.name) ?? repositoryError('REPO_COPY_INCOMPLETE', '', { context });
        const there = await createManifest(store, counts, keys, signal);
        if (!there.bytes.equals(counts.bytes)) throw repositoryError('REPO_MANIFEST_CONFLICT', '', { context });
        committed(store);
      } catch (error) {
        behind(store, error);
      }
    }),
  );
  return {
    inventory: counts.inventory,
    adopted,
    stores: stores.map((store) => outcomes.get(store.name)!),
  };
}
