/** Marking what the policy no longer keeps, and deleting it when its grace has passed and everything was checked again. */
import { log } from '@temporalio/activity';
import type { RetentionPlan } from '../domain/retention';
import { planFromCatalog } from '../catalog/retention-plan';
import type { Catalog } from '../catalog/types';
import { lifeOf } from '../domain/store-life';
import { isHoldfastError } from '../errors/holdfast-error';
import { DESCRIPTION_KEY } from '../repository/layout';
import { listBackups } from '../repository/reader';
import { deleteBackup, NamedObjects, sweep } from '../repository/sweep';
import type { ObjectStore } from '../storage/object-store';
import type { ActivityDeps } from './deps';
import { withHeartbeat, type Beat } from './heartbeat';
import { attemptRef } from './transfers';
import type { ExpiryPlan, HoldfastActivities, SweepInput, SweepResult } from './types';

type RetentionActivities = Pick<HoldfastActivities, 'planExpiry' | 'deleteExpired'>;

export function createRetentionActivities(deps: ActivityDeps): RetentionActivities {
  return {
    async planExpiry({ database, confirm, requestedBy }) {
      const catalog = await deps.catalog();
      const policy = deps.database(database).retention;
      const now = new Date();
      const { plan, tombstones } = await decide(catalog, deps, database, now);
      const expired = plan.refused
        ? []
        : plan.decisions.filter(
            ({ backupId, keep, reasons }) => !keep && !tombstones.has(backupId) && !isGone(reasons),
          );
      const tombstoned: string[] = [];
      for (const { backupId, reasons } of confirm ? expired : []) {
        await catalog.tombstone(backupId, reasons.join('; '), now);
        await catalog.audit({
          actor: requestedBy,
          action: 'retention.tombstone',
          database,
          backupId,
          details: { reasons },
          at: now,
        });
        tombstones.set(backupId, now);
        tombstoned.push(backupId);
      }
      const dueAt = (at: Date) => at.getTime() + policy.tombstoneGrace;
      const condemned = plan.decisions.filter(({ backupId, keep }) => !keep && tombstones.has(backupId));
      const due = condemned.filter(({ backupId }) => dueAt(tombstones.get(backupId)!) <= now.getTime());
      const later = condemned
        .map(({ backupId }) => dueAt(tombstones.get(backupId)!))
        .filter((at) => at > now.getTime());
      const { unfinished } = await deletedBackups(catalog, database, await keptStores(deps, database));
      const result: ExpiryPlan = {
        decisions: plan.decisions,
        tombstoned,
        due: confirm && plan.refused === null ? [...due.map(({ backupId }) => backupId), ...unfinished] : [],
        nextDueAt: later.length > 0 ? new Date(Math.min(...later)).toISOString() : null,
      };
      return result;
    },

    deleteExpired: (input) => withHeartbeat((beat) => deleteExpired(deps, input, beat)),
  };
}

async function deleteExpired(
  deps: ActivityDeps,
  { database, requestedBy }: SweepInput,
  beat: Beat,
): Promise<SweepResult> {
  const { signal } = beat;
  const catalog = await deps.catalog();
  const policy = deps.database(database).retention;
  const now = new Date();
  // Holds, floors and copies are looked at again: what was marked may be the last good one by now.
  const { plan, tombstones } = await decide(catalog, deps, database, now);
  const due = [...tombstones].filter(([, at]) => at.getTime() + policy.tombstoneGrace <= now.getTime());
  const { stores, unreachable } = await reach(deps, database);
  const deleted: string[] = [];
  const spared: { backupId: string; reason: string }[] = [];

  for (const [backupId] of due) {
    signal.throwIfAborted();
    const reason = whyNot(plan, backupId, unreachable) ?? (await begin(catalog, backupId));
    if (reason !== null) {
      spared.push({ backupId, reason });
      continue;
    }
    await catalog.audit({
      actor: requestedBy,
      action: 'retention.delete',
      database,
      backupId,
      details: { stores: stores.map(({ name }) => name) },
      at: new Date(),
    });
    deleted.push(backupId);
  }
  for (const [index, store] of stores.entries()) {
    beat.report({ step: 'delete', done: index, total: stores.length, current: store.name });
    spared.push(...(await removeDeleted(catalog, database, store, signal)));
  }
  const swept = await sweepStores(deps, database, stores, beat);
  log.info('retention swept', { database, deleted: deleted.length, spared: spared.length, ...swept });
  return { deleted, spared, ...swept };
}

/** The mark comes first: whatever is cut off from here on is carried on by the next call, and nothing can be undone. */
async function begin(catalog: Catalog, backupId: string): Promise<string | null> {
  await catalog.markDeleted(backupId, new Date());
  const job = await catalog.job(backupId);
  return job?.deletedAt ? null : 'its tombstone was undone';
}

/**
 * Removes what the store still has of backups that are deleted, by exact key: what an earlier call could not, and what a
 * copy that was under way brought back. The copy's row says when nothing is left.
 */
async function removeDeleted(
  catalog: Catalog,
  database: string,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<{ backupId: string; reason: string }[]> {
  const { gone, unfinished } = await deletedBackups(catalog, database, [store.name]);
  const remove = new Set(unfinished);
  for (const { backupId } of await listBackups(store, database, signal)) if (gone.has(backupId)) remove.add(backupId);
  const locked: { backupId: string; reason: string }[] = [];
  for (const backupId of remove) {
    signal.throwIfAborted();
    try {
      await deleteBackup({ store, database, backupId, signal });
    } catch (error) {
      // Where the store has Object Lock that is what it is for: the next run tries again.
      if (!isHoldfastError(error, 'STORE_OBJECT_LOCKED')) throw error;
      locked.push({ backupId, reason: `${store.name} does not let it go yet (Object Lock)` });
      continue;
    }
    const detail = 'deleted by retention';
    await catalog.setCopy({
      backupId,
      database,
      store: store.name,
      state: 'lost',
      grade: null,
      detail,
      at: new Date(),
    });
  }
  return locked;
}

/** Backups that are marked deleted, and those of them of which a store may still have something by the catalogue. */
async function deletedBackups(
  catalog: Catalog,
  database: string,
  stores: readonly string[],
): Promise<{ readonly gone: ReadonlySet<string>; readonly unfinished: readonly string[] }> {
  const [jobs, copies] = await Promise.all([
    catalog.jobs({ database, includeDeleted: true }),
    catalog.copies({ database }),
  ]);
  const gone = new Set(jobs.filter((job) => job.deletedAt !== null).map((job) => job.backupId));
  const unfinished = copies
    .filter((copy) => gone.has(copy.backupId) && stores.includes(copy.store) && copy.state !== 'lost')
    .map((copy) => copy.backupId);
  return { gone, unfinished: [...new Set(unfinished)] };
}

/** A backup goes from all of its stores or from none, so that the catalogue is never half right. */
function whyNot(plan: RetentionPlan, backupId: string, unreachable: readonly string[]): string | null {
  const decision = plan.decisions.find((one) => one.backupId === backupId);
  if (plan.refused !== null) return plan.refused;
  if (decision === undefined) return 'the catalogue does not know it any more';
  if (decision.keep) return decision.reasons.join('; ');
  return unreachable.length > 0 ? `cannot be deleted everywhere now: ${unreachable.join(', ')} out of reach` : null;
}

/** What is at a retired store counts for nothing, and a store that is gone for good keeps no backup from being deleted. */
async function keptStores(deps: ActivityDeps, database: string): Promise<readonly string[]> {
  const lives = await (await deps.catalog()).storeLives();
  return deps.stores.namesFor(database).filter((store) => lifeOf(lives, store) !== 'retired');
}

async function reach(
  deps: ActivityDeps,
  database: string,
): Promise<{ readonly stores: readonly ObjectStore[]; readonly unreachable: readonly string[] }> {
  const names = await keptStores(deps, database);
  const opened = await Promise.allSettled(
    names.map(async (name) => {
      const store = await deps.stores.open(name);
      // A store that was opened long ago may be away now.
      await store.head(DESCRIPTION_KEY);
      return store;
    }),
  );
  return {
    stores: opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
    unreachable: names.filter((_, index) => opened[index]!.status === 'rejected'),
  };
}

async function sweepStores(
  deps: ActivityDeps,
  database: string,
  stores: readonly ObjectStore[],
  beat: Beat,
): Promise<{ readonly objects: number; readonly bytes: number }> {
  const keys = await deps.keys();
  const copies = await (await deps.catalog()).copies({ database });
  const living = new Set(
    (await (await deps.catalog()).jobs({ database }))
      .filter((job) => job.deletedAt === null)
      .map((job) => job.backupId),
  );
  const { sweepGrace } = deps.database(database).retention;
  const named = new NamedObjects(database, keys);
  let objects = 0;
  let bytes = 0;
  for (const [index, store] of stores.entries()) {
    beat.report({ step: 'sweep', done: index, total: stores.length, current: store.name });
    const here = copies.filter((copy) => copy.store === store.name && living.has(copy.backupId));
    // A copy that is being filled counts on what it found there, and has no manifest yet that says so.
    if (here.some((copy) => copy.state === 'pending' || copy.state === 'copying')) {
      log.info('not swept while a copy is being filled', { database, store: store.name });
      continue;
    }
    const others = stores.filter((other) => other !== store);
    const known = here
      .filter((copy) => copy.state === 'complete' || copy.state === 'proved')
      .map((copy) => copy.backupId);
    const swept = await sweep({
      store,
      others,
      named,
      database,
      keys,
      known,
      graceMs: sweepGrace,
      signal: beat.signal,
    });
    objects += swept.deleted;
    bytes += swept.bytes;
    await recordFreed(deps, database, store.name, swept);
  }
  return { objects, bytes };
}

/** Estimates follow what was freed, so that a store that was full is known to have room. */
async function recordFreed(
  deps: ActivityDeps,
  database: string,
  store: string,
  { deleted, bytes }: { readonly deleted: number; readonly bytes: number },
): Promise<void> {
  if (deleted === 0) return;
  await (
    await deps.catalog()
  ).recordTransfer({
    ...{ ref: attemptRef('sweep'), store, database, backupId: null, kind: 'sweep', at: new Date() },
    ...{ bytes: -bytes, objects: -deleted, writes: 0, reads: 0, receivedBytes: 0 },
  });
}

async function decide(
  catalog: Catalog,
  deps: Pick<ActivityDeps, 'database'>,
  database: string,
  now: Date,
): Promise<{ readonly plan: RetentionPlan; readonly tombstones: Map<string, Date> }> {
  const { plan, jobs } = await planFromCatalog(catalog, deps.database(database), now);
  const tombstones = new Map(
    jobs.flatMap((job) => (job.tombstonedAt && !job.deletedAt ? [[job.backupId, job.tombstonedAt] as const] : [])),
  );
  return { plan, tombstones };
}

const isGone = (reasons: readonly string[]) => reasons.includes('is deleted');
