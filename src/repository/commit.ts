/**
 * The commit: one manifest for a backup id, the same bytes at every store.
 *
 * Two attempts may race (an attempt that was believed dead wakes up). The rule: a manifest that any store holds already
 * counts, the earliest store in the config's order first; else the earliest store that takes it decides, by create-only.
 * Who comes second adopts what is there. Should two attempts each have won at a store that the other could not reach,
 * both manifests are whole and valid; replication later makes the stores follow the one that the run reports.
 */
import { errorFacts, isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { ObjectStore } from '../storage/object-store';
import { askEach, type AskOptions } from './grace';
import { manifestKey } from './layout';
import { parseManifest, statedManifestBytes, type ParsedManifest } from './manifest';
import { objectsPresent } from './reuse-index';
import type { CommitResult, Inventory, RepositoryKeys, StoreOutcome } from './types';

/** Most manifests are whole within this. */
const FIRST_READ = 256 * 1024;

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
  const read = (bytes: number) => store.get(key, { range: { start: 0, end: bytes }, signal });
  let bytes: Buffer;
  try {
    bytes = await read(FIRST_READ);
    // Never more than the first line states, and one byte by which a longer object shows.
    if (bytes.length === FIRST_READ) bytes = await read(statedManifestBytes(bytes) + 1);
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
  const { winner, outcomes } = await lookEverywhere(stores, keys, database, backupId, { signal });
  return winner ? { inventory: winner.inventory, adopted: true, stores: outcomes } : null;
}

async function lookEverywhere(
  stores: readonly ObjectStore[],
  keys: VerifyKeys,
  database: string,
  backupId: string,
  options: AskOptions,
): Promise<{
  readonly winner: ParsedManifest | null;
  /** What each store's part in the winner is. */
  readonly outcomes: readonly StoreOutcome[];
  /** Stores that let the others wait for longer than the grace, and the error that says so. */
  readonly lagged: ReadonlyMap<string, unknown>;
}> {
  const answers = await askEach(stores, options, (store, signal) =>
    readManifestObject(store, database, backupId, keys, signal),
  );
  const winner = answers.map((answer) => (answer.ok ? answer.result : null)).find((found) => found !== null) ?? null;
  const outcomes = answers.map((answer): StoreOutcome => {
    const store = answer.store.name;
    if (answer.ok && winner && answer.result?.bytes.equals(winner.bytes)) {
      return { store, state: 'committed', error: null };
    }
    const code = answer.ok && answer.result ? 'REPO_MANIFEST_CONFLICT' : 'REPO_COPY_INCOMPLETE';
    const why = answer.ok
      ? repositoryError(code, '', { context: { store, database, backup: backupId } })
      : answer.error;
    return { store, state: 'behind', error: errorFacts(why) };
  });
  const lagged = new Map<string, unknown>();
  for (const answer of answers) {
    if (!answer.ok && isHoldfastError(answer.error, 'REPO_STORE_LAGGED')) lagged.set(answer.store.name, answer.error);
  }
  return { winner, outcomes, lagged };
}

export interface CommitRequest {
  readonly manifest: ParsedManifest;
  readonly keys: VerifyKeys;
  /** Stores that still take part, in the config's order. */
  readonly stores: readonly ObjectStore[];
  /** Those of them that lack a reused segment, or could not be asked, and why. */
  readonly behind: ReadonlyMap<string, unknown>;
  /** How long one store may keep the others waiting at each step, in ms; default 20000. */
  readonly answerGraceMs?: number;
  readonly signal: AbortSignal;
}

/** Carries out the rule above. Throws REPO_NO_STORE_LEFT when no store ended with a manifest. */
export async function commitManifest(request: CommitRequest): Promise<CommitResult> {
  const { keys, signal, stores, answerGraceMs: graceMs } = request;
  const { database, backupId } = request.manifest.inventory;
  const outcomes = new Map<string, StoreOutcome>();
  const committed = (store: ObjectStore) =>
    outcomes.set(store.name, { store: store.name, state: 'committed', error: null });
  const behind = (store: ObjectStore, error: unknown) =>
    outcomes.set(store.name, { store: store.name, state: 'behind', error: errorFacts(error) });

  const before = await lookEverywhere(stores, keys, database, backupId, { graceMs, signal });
  let { winner } = before;
  for (const store of stores) {
    const lag = before.lagged.get(store.name);
    if (lag !== undefined) behind(store, lag);
  }
  const candidates = stores.filter((store) => !outcomes.has(store.name) && !request.behind.has(store.name));
  for (const [index, store] of winner ? [] : candidates.entries()) {
    // Whoever is next in line waits for this one; the last has nobody behind it.
    const othersWait = index < candidates.length - 1;
    const [answer] = await askEach([store], { graceMs, othersWait, signal }, (to, within) =>
      createManifest(to, request.manifest, keys, within),
    );
    if (answer!.ok) {
      winner = answer!.result;
      committed(store);
      break;
    }
    behind(store, answer!.error);
  }
  if (!winner) {
    const text = [...outcomes.values()].map((outcome) => `${outcome.store}: ${outcome.error?.message}`).join('; ');
    throw repositoryError('REPO_NO_STORE_LEFT', `no store took the manifest (${text})`, {
      context: { database, backup: backupId },
    });
  }

  const counts = winner;
  const adopted = !counts.bytes.equals(request.manifest.bytes);
  const rest = stores.filter((store) => !outcomes.has(store.name));
  const answers = await askEach(rest, { graceMs, othersWait: true, signal }, async (store, within) => {
    const context = { store: store.name, database, backup: backupId };
    const whole = adopted ? await holdsAll(store, counts.inventory, within) : !request.behind.has(store.name);
    if (!whole) throw request.behind.get(store.name) ?? repositoryError('REPO_COPY_INCOMPLETE', '', { context });
    const there = await createManifest(store, counts, keys, within);
    if (!there.bytes.equals(counts.bytes)) throw repositoryError('REPO_MANIFEST_CONFLICT', '', { context });
  });
  for (const answer of answers) {
    if (answer.ok) committed(answer.store);
    else behind(answer.store, answer.error);
  }
  return {
    inventory: counts.inventory,
    adopted,
    stores: stores.map((store) => outcomes.get(store.name)!),
  };
}
