/** Decides what a run does before anything is read: type and base, where to, in which order to prove. Writes nothing. */
import { expectedBackup } from '../domain/quota';
import type { BackupJob, Catalog, CopyRow } from '../catalog/types';
import { chooseDumpStores, type DumpStores } from '../domain/failover';
import type { BackupType } from '../domain/names';
import { mayBegin } from '../domain/load/start';
import { lifeOf } from '../domain/store-life';
import { orchestrationError } from '../errors/orchestration';
import type { ActivityDeps } from './deps';
import type { PlannedStart } from './load-types';
import { admitStores } from './quota';
import { knownStores } from './resting';
import { claimTrial } from './store-reports';
import type { BackupPlan, BaseBackup, HoldfastActivities, Withheld } from './types';

type AdmitDeps = Pick<
  ActivityDeps,
  'database' | 'stores' | 'terms' | 'compliance' | 'catalog' | 'timing' | 'connection' | 'keys' | 'health' | 'load'
>;

export function createAdmitActivities(deps: AdmitDeps): Pick<HoldfastActivities, 'admit'> {
  return {
    async admit({ database, type, waited }) {
      const config = deps.database(database);
      // References that do not resolve and keys that do not open are known before anything runs.
      await deps.connection({ database });
      await deps.keys();
      const configured = deps.stores.namesFor(database);
      if (configured.length === 0) throw orchestrationError('RUN_NO_STORE', '', { context: { database } });
      const catalog = await deps.catalog();
      const start = await startOf(deps, catalog, database, waited ?? false);
      const lives = await catalog.storeLives();
      const stores = configured.filter((store) => lifeOf(lives, store) === 'active');
      const leftOut = configured
        .filter((store) => !stores.includes(store))
        .map((store) => `${store} is ${lifeOf(lives, store)}: this backup does not go there`);
      if (stores.length === 0) throw orchestrationError('RUN_NO_STORE', leftOut.join('; '), { context: { database } });
      const { policy, stores: places } = deps.compliance(database);
      const jobs = await catalog.jobs({ database, status: 'completed' });
      const copies = await catalog.copies({ database });
      const base = chooseBase(type, jobs, copies);
      const promoted = type !== 'full' && base === null;
      const room = await admitStores(deps, stores, database, expectedBackup(jobs, promoted ? 'full' : type));
      const chosen = await choose(deps, catalog, database, room.stores);
      const primary = room.stores.find((store) => deps.stores.roleOf(store) === 'primary');
      const plan: BackupPlan = {
        engine: config.engine,
        type: promoted ? 'full' : type,
        base,
        ...placesOf(room.withheld, chosen, primary),
        ...(chosen.blocked === null ? {} : { blocked: { reason: chosen.blocked, patienceMs: deps.health.patienceMs } }),
        start,
        proveOrder: rotate(stores, copies),
        verification: { grade: config.verification.grade, stores: config.verification.stores },
        enforceRetention: config.retention.enforce,
        timing: {
          dumpTimeoutMs: config.timeout,
          dumpHeartbeatMs: deps.timing.dumpHeartbeatMs,
          verifyTimeoutMs: config.verification.timeout,
          replicateWaitMs: deps.timing.replicateWaitMs,
          replicatePatienceMs: deps.timing.replicatePatienceMs,
        },
        policy,
        places: places.filter((place) => lifeOf(lives, place.name) !== 'retired'),
        notices: [
          ...leftOut,
          ...(promoted ? [`${type} was asked for, but there is no backup to build on: a full one is taken`] : []),
          ...room.notices,
          ...chosen.notices,
        ],
      };
      return plan;
    },
  };
}

/** By what whoever watches the stores wrote down. */
async function choose(
  deps: AdmitDeps,
  catalog: Catalog,
  database: string,
  stores: readonly string[],
): Promise<DumpStores> {
  const known = await knownStores(deps, catalog, stores);
  const primary = known.find(({ role }) => role === 'primary');
  const [last] = await catalog.storeEvents({ kind: 'failover', database, limit: 1 });
  const standIn = last === undefined || last.store !== primary?.name || last.to === last.store ? null : last.to;
  // Where another store can be used, a half-open one is tried by one run at a time.
  const tried = await Promise.all(
    known.map(async (store) =>
      store.breaker === 'half-open' ? { ...store, onTrial: !(await claimTrial(store.name, database)) } : store,
    ),
  );
  return chooseDumpStores(tried, standIn);
}

function placesOf(
  full: readonly Withheld[],
  chosen: DumpStores,
  primary: string | undefined,
): Pick<BackupPlan, 'stores' | 'withheld' | 'trials' | 'reserve' | 'lead' | 'failover'> {
  const resting = chosen.left.map(({ store, detail }) => ({ store, code: 'RUN_BREAKER_OPEN', message: detail }));
  const withheld = [...full, ...resting];
  // Whatever the breaker of each, all are tried once nobody waits for it any longer.
  const trials = chosen.blocked === null ? chosen.trials : chosen.stores;
  return {
    stores: chosen.stores,
    ...(withheld.length > 0 ? { withheld } : {}),
    ...(trials.length > 0 ? { trials } : {}),
    ...(resting.length > 0 ? { reserve: resting.map(({ store }) => store) } : {}),
    ...(primary === undefined ? {} : { lead: { primary, standIn: chosen.standIn } }),
    ...(chosen.failover === null ? {} : { failover: chosen.failover }),
  };
}

/** While an emergency stop stands nobody starts a run, a schedule neither; one that was admitted before waits for its end. */
async function startOf(
  deps: Pick<AdmitDeps, 'load'>,
  catalog: Pick<Catalog, 'standingStop' | 'loadWatches'>,
  database: string,
  waited: boolean,
): Promise<PlannedStart> {
  const stop = await catalog.standingStop();
  if (stop !== null && !waited) {
    const { by, why, since } = stop;
    throw orchestrationError('RUN_EMERGENCY_STOP', `set by ${by}: ${why || 'no reason given'}`, {
      context: { database, since: since.toISOString() },
    });
  }
  // Where nobody watches, nobody would end a breaker's trial.
  const [word] = deps.load.of(database) === null ? [] : await catalog.loadWatches({ database });
  const { wait, trial } = mayBegin({
    now: Date.now(),
    rules: deps.load.rulesOf(database),
    breaker: word?.word.breaker ?? null,
    emergencyStop: stop,
  });
  return { wait: wait && { ...wait, until: wait.until === null ? null : new Date(wait.until).toISOString() }, trial };
}

/** Differential builds on the last full backup that is proved, incremental on the last one that is complete. */
export function chooseBase(
  type: BackupType,
  jobs: readonly BackupJob[],
  copies: readonly CopyRow[],
): BaseBackup | null {
  if (type === 'full') return null;
  const holders = (backupId: string) =>
    copies
      .filter((copy) => copy.backupId === backupId && (copy.state === 'complete' || copy.state === 'proved'))
      .map((copy) => copy.store);
  const proved = (backupId: string) => copies.some((copy) => copy.backupId === backupId && copy.state === 'proved');
  // Tombstoned backups may be gone before the run ends: nothing is built on them.
  const usable = jobs
    .filter((job) => job.tombstonedAt === null && job.deletedAt === null && holders(job.backupId).length > 0)
    .sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
  const base =
    type === 'incremental' ? usable[0] : usable.find((job) => job.backupType === 'full' && proved(job.backupId));
  return base ? { backupId: base.backupId, stores: holders(base.backupId) } : null;
}

/** The store whose last proof is oldest comes first, so that every store is proved in turn. */
export function rotate(stores: readonly string[], copies: readonly CopyRow[]): readonly string[] {
  const lastProof = (store: string) =>
    Math.max(0, ...copies.filter((copy) => copy.store === store).map((copy) => copy.provedAt?.getTime() ?? 0));
  return [...stores].sort((a, b) => lastProof(a) - lastProof(b));
}
