/** Deletes what no manifest names any more. Runs under the same lock as the database's backups. */
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { ObjectInfo, ObjectStore } from '../storage/object-store';
import { readManifestObject } from './commit';
import { backupOfKey, manifestKey, manifestsPrefix, objectOfKey, proofsPrefix, segmentsPrefix } from './layout';
import { forEachLimited } from './reuse-index';
import type { RepositoryKeys } from './types';

/** Keys deleted by one request. */
const BATCH = 500;
/** A manifest may take some hundred MiB while it is read. */
const MANIFESTS_AT_ONCE = 2;

export interface SweepPlan {
  /** Exact keys of segments that nothing names and that are old enough. */
  readonly remove: readonly ObjectInfo[];
  /** Objects that some manifest names. */
  readonly named: number;
  /** Objects that nothing names, but that are younger than the grace. */
  readonly young: number;
  /** Keys below the prefix that are no segment's; never touched. */
  readonly strange: readonly string[];
}

/** Pure: what may go. `objects` is what stands below the database's segments, `wanted` the names that manifests name. */
export function planSweep(
  database: string,
  objects: Iterable<ObjectInfo>,
  wanted: Pick<ReadonlySet<string>, 'has'>,
  now: Date,
  graceMs: number,
): SweepPlan {
  const remove: ObjectInfo[] = [];
  const strange: string[] = [];
  let named = 0;
  let young = 0;
  for (const info of objects) {
    const object = objectOfKey(database, info.key);
    if (object === null) strange.push(info.key);
    else if (wanted.has(object)) named++;
    else if (now.getTime() - info.modifiedAt.getTime() < graceMs) young++;
    else remove.push(info);
  }
  return { remove, named, young, strange };
}

export interface SweepRequest {
  readonly store: ObjectStore;
  readonly database: string;
  readonly keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>;
  /** Further stores of this database: what their manifests name is spared here too. */
  readonly others?: readonly ObjectStore[];
  /** What earlier sweeps of the same run read already. */
  readonly named?: NamedObjects;
  /** Objects younger than this are left alone: an attempt may be about to name them. */
  readonly graceMs: number;
  /** Backups that are known to have a manifest here; a listing that lacks one is cut off, and nothing is swept. */
  readonly known?: readonly string[];
  readonly dryRun?: boolean;
  readonly now?: Date;
  readonly signal?: AbortSignal;
}
export interface SweepResult {
  readonly deleted: number;
  readonly bytes: number;
  readonly kept: number;
  readonly young: number;
  /** Objects that would have gone, but that the store does not let go yet. */
  readonly locked: number;
}

/**
 * Spares whatever any manifest of this database names, at this store or at `others`: a copy that is being filled from
 * them has no manifest of its own yet. Manifests are listed before the segments and once more after, so that whatever is
 * named by then is kept. Any doubt about them (one that cannot be read, a key that is none, two listings of this store
 * that differ) refuses the whole sweep.
 */
export async function sweep(request: SweepRequest): Promise<SweepResult> {
  const { store, database, signal, others = [] } = request;
  const named = request.named ?? new NamedObjects(database, request.keys);
  const backups = await named.add(store, signal);
  for (const other of others) await named.add(other, signal);
  const objects: ObjectInfo[] = [];
  for await (const info of store.list(segmentsPrefix(database), { signal })) objects.push(info);
  const again = await named.add(store, signal);
  for (const other of others) await named.add(other, signal);
  const seen = new Set(backups);
  const lost = [...again, ...(request.known ?? [])].find((backup) => !seen.has(backup));
  if (backups.length !== again.length || lost !== undefined) {
    const context = { store: store.name, database, backup: lost };
    throw repositoryError('REPO_SWEEP_REFUSED', 'the listing of manifests is not complete', { context });
  }

  const plan = planSweep(database, objects, named, request.now ?? new Date(), request.graceMs);
  const locked = new Set<string>();
  for (let at = 0; !request.dryRun && at < plan.remove.length; at += BATCH) {
    const batch = plan.remove.slice(at, at + BATCH).map((info) => info.key);
    for (const key of await deleteUnlocked(store, batch, signal)) locked.add(key);
  }
  const gone = plan.remove.filter((info) => !locked.has(info.key));
  return {
    deleted: gone.length,
    bytes: gone.reduce((sum, info) => sum + info.bytes, 0),
    kept: plan.named,
    young: plan.young,
    locked: locked.size,
  };
}

/** Deletes what can be; gives the keys that the store holds on to (Object Lock): a later sweep finds them again. */
export async function deleteUnlocked(
  store: ObjectStore,
  objectKeys: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  try {
    await store.delete(objectKeys, { signal });
    return [];
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_OBJECT_LOCKED')) throw error;
  }
  if (objectKeys.length === 1) return objectKeys;
  const locked: string[] = [];
  for (const key of objectKeys) locked.push(...(await deleteUnlocked(store, [key], signal)));
  return locked;
}

/**
 * Names of all objects that the manifests of some stores name. Of a manifest only these names are kept, once, however
 * many manifests name them; what was read already is not read again. One for all sweeps of a run.
 */
export class NamedObjects {
  private readonly names = new Set<string>();
  private readonly read = new Set<string>();

  constructor(
    private readonly database: string,
    private readonly keys: SweepRequest['keys'],
  ) {}

  has(object: string): boolean {
    return this.names.has(object);
  }

  /** Reads each manifest of the store that is new; gives the backups listed. Refuses on a manifest that cannot be read. */
  async add(store: ObjectStore, signal?: AbortSignal): Promise<readonly string[]> {
    const { database } = this;
    const backups = await listedBackups(store, database, signal);
    const fresh = backups.filter((backupId) => !this.read.has(manifestAt(store, backupId)));
    await forEachLimited(fresh, MANIFESTS_AT_ONCE, async (backupId) => {
      try {
        const manifest = await readManifestObject(store, database, backupId, this.keys, signal);
        if (!manifest) throw new Error('listed, but not there');
        for (const { object } of manifest.inventory.segments) this.names.add(object);
        this.read.add(manifestAt(store, backupId));
      } catch (cause) {
        signal?.throwIfAborted();
        throw repositoryError('REPO_SWEEP_REFUSED', '', {
          context: { store: store.name, database, backup: backupId },
          cause,
        });
      }
    });
    return backups;
  }
}
const manifestAt = (store: ObjectStore, backupId: string) => `${store.name}/${backupId}`;

/** Backups that have a manifest at this store by its listing; a key among them that is none refuses the sweep. */
export async function listedBackups(store: ObjectStore, database: string, signal?: AbortSignal): Promise<string[]> {
  const backups: string[] = [];
  for await (const info of store.list(manifestsPrefix(database), { signal })) {
    const backupId = backupOfKey(database, info.key);
    if (backupId === null) {
      const context = { store: store.name, database, key: info.key };
      throw repositoryError('REPO_SWEEP_REFUSED', 'there is a key among the manifests that is none', { context });
    }
    backups.push(backupId);
  }
  return backups;
}

/** Makes the backup vanish at this store: its manifest first, then its proofs. Its segments are left to the sweep. */
export async function deleteBackup(request: {
  readonly store: ObjectStore;
  readonly database: string;
  readonly backupId: string;
  readonly signal?: AbortSignal;
}): Promise<void> {
  const { store, database, backupId, signal } = request;
  await store.delete([manifestKey(database, backupId)], { signal });
  const proofs: string[] = [];
  for await (const info of store.list(proofsPrefix(database, backupId), { signal })) proofs.push(info.key);
  if (proofs.length > 0) await store.delete(proofs, { signal });
}
