/** Deletes what no manifest names any more. Runs under the same lock as the database's backups. */
import { repositoryError } from '../errors/repository';
import type { ObjectInfo, ObjectStore } from '../storage/object-store';
import { readManifestObject } from './commit';
import { backupOfKey, manifestKey, manifestsPrefix, objectOfKey, proofsPrefix, segmentsPrefix } from './layout';
import { forEachLimited } from './reuse-index';
import type { Inventory, RepositoryKeys } from './types';

/** Keys deleted by one request. */
const BATCH = 500;

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

/** Pure: what may go. `objects` is what stands below the database's segments. */
export function planSweep(
  database: string,
  objects: readonly ObjectInfo[],
  inventories: readonly Pick<Inventory, 'segments'>[],
  now: Date,
  graceMs: number,
): SweepPlan {
  const wanted = new Set(inventories.flatMap((inventory) => inventory.segments.map((segment) => segment.object)));
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
}

/**
 * Lists segments first and manifests after, so that whatever a manifest named by then is kept. Any doubt about the
 * manifests (one that cannot be read, a key that is none, two listings that differ) refuses the whole sweep.
 */
export async function sweep(request: SweepRequest): Promise<SweepResult> {
  const { store, database, keys, signal } = request;
  const objects: ObjectInfo[] = [];
  for await (const info of store.list(segmentsPrefix(database), { signal })) objects.push(info);
  const backups = await listedBackups(store, database, signal);
  const again = await listedBackups(store, database, signal);
  const lost = [...again, ...(request.known ?? [])].find((backup) => !backups.includes(backup));
  if (backups.length !== again.length || lost !== undefined) {
    const context = { store: store.name, database, backup: lost };
    throw repositoryError('REPO_SWEEP_REFUSED', 'the listing of manifests is not complete', { context });
  }
  const inventories: Inventory[] = [];
  await forEachLimited(backups, 4, async (backupId) => {
    const context = { store: store.name, database, backup: backupId };
    try {
      const manifest = await readManifestObject(store, database, backupId, keys, signal);
      if (!manifest) throw new Error('listed, but not there');
      inventories.push(manifest.inventory);
    } catch (cause) {
      signal?.throwIfAborted();
      throw repositoryError('REPO_SWEEP_REFUSED', '', { context, cause });
    }
  });

  const plan = planSweep(database, objects, inventories, request.now ?? new Date(), request.graceMs);
  if (!request.dryRun) {
    for (let at = 0; at < plan.remove.length; at += BATCH) {
      const keysToGo = plan.remove.slice(at, at + BATCH).map((info) => info.key);
      await store.delete(keysToGo, { signal });
    }
  }
  return {
    deleted: plan.remove.length,
    bytes: plan.remove.reduce((sum, info) => sum + info.bytes, 0),
    kept: plan.named,
    young: plan.young,
  };
}

async function listedBackups(store: ObjectStore, database: string, signal?: AbortSignal): Promise<string[]> {
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
