/** Everything that activities are made of, from the config. Opened when first needed, closed together. */
import { log } from '@temporalio/activity';
import { DEFAULT_TIMING, type ActivityDeps, type TimingDefaults } from '../activities/deps';
import { createCatalog } from '../catalog/create-catalog';
import { migrate } from '../catalog/migrate';
import type { Catalog } from '../catalog/types';
import type { SecretResolver } from '../client/connection-options';
import { complianceFacts } from '../config/compliance-facts';
import type { DatabaseConfig, HoldfastConfig } from '../config/schema';
import { storesOf } from '../config/database-stores';
import { lockRuleOf, watchedDatabases } from '../config/load-rules';
import { readCosts } from '../config/read-cost';
import { watchLimits } from '../config/watch-limits';
import { toConnectionTarget } from '../config/secrets';
import type { StoreEventListener } from '../domain/store-watch';
import { createLogicalEngine } from '../engines/logical';
import { orchestrationError } from '../errors/orchestration';
import { createGovernorRegistry } from '../load/registry';
import { createStoreMeter, teeStoreMetrics } from '../load/samplers/store-meter';
import { createLoadWatching } from './load-watching';
import { createMetrics, type WorkerMetrics } from './metrics';
import { openKeys } from './open-keys';
import { createStoreSet } from './store-set';
import { createStoreTerms } from './store-terms';

export interface DependencyOptions {
  readonly config: HoldfastConfig;
  readonly secrets: SecretResolver;
  readonly identity: string;
  readonly hostQueue: string;
  readonly timing?: Partial<TimingDefaults>;
  /** Told of each change of a store's state. */
  readonly listeners?: readonly StoreEventListener[];
}

export interface Dependencies {
  readonly activities: ActivityDeps;
  readonly metrics: WorkerMetrics;
  close(): Promise<void>;
}

export function createDependencies(options: DependencyOptions): Dependencies {
  const { config, secrets } = options;
  const keys = retryingOnce(() => openKeys(config, secrets));
  let opened: Catalog | null = null;
  const catalog = retryingOnce(async () => {
    const target = await toConnectionTarget(config.catalog.connection, 'catalog');
    const { schema } = config.catalog;
    await migrate(target, schema);
    const catalog = createCatalog({
      target,
      schema,
      applicationName: `holdfast worker ${options.identity}`,
      judge: (name) => complianceFacts(config, name),
    });
    opened = catalog;
    // The policy, or what stores are, may have changed since the last worker ran.
    for (const { name } of config.databases) await catalog.judgeAll(name, new Date());
    return catalog;
  });
  const governors = createGovernorRegistry();
  const health = watchLimits(config.health);
  const metrics = createMetrics({
    databases: config.databases.map(({ name }) => name),
    held: (name) => complianceFacts(config, name).policy !== null,
    verified: config.databases.map((one) => ({ config: one, stores: storesOf(config, one.name) })),
    ...(config.health.watch ? { watched: { stores: config.stores.map(({ name }) => name), limits: health } } : {}),
    room: config,
    loads: watchedDatabases(config),
    catalog,
    governors,
  });
  const meter = createStoreMeter();
  const stores = createStoreSet(config, {
    secrets,
    keys,
    async usedBefore(store) {
      const copies = await (await catalog()).copies({ store });
      return copies.some(({ state }) => state === 'complete' || state === 'proved' || state === 'damaged');
    },
    probeMs: config.health.timeout,
    metrics: teeStoreMetrics(
      {
        request({ store, sentBytes, receivedBytes }) {
          if (sentBytes > 0) metrics.stored(store, 'sent', sentBytes);
          if (receivedBytes > 0) metrics.stored(store, 'received', receivedBytes);
        },
        retry() {},
      },
      meter.metrics,
    ),
  });
  const database = (name: string): DatabaseConfig => {
    const found = config.databases.find((one) => one.name === name);
    if (found) return found;
    const configured = config.databases.map((one) => one.name).join(', ');
    throw orchestrationError('RUN_DATABASE_UNKNOWN', '', { context: { database: name, configured } });
  };
  const load = createLoadWatching({
    config,
    secrets,
    database,
    connection: (name) => toConnectionTarget(database(name).connection, name),
    meter,
    log: (level, message, facts) => log[level](message, { ...facts }),
  });
  return {
    metrics,
    activities: {
      database,
      load,
      lockRule: (name) => lockRuleOf(config.load, database(name)),
      connection: (target) =>
        'database' in target
          ? toConnectionTarget(database(target.database).connection, target.database)
          : toConnectionTarget({ url: target.url }, 'target'),
      stores,
      compliance: (name) => complianceFacts(config, name),
      health: {
        limits: health,
        watched: config.health.watch,
        patienceMs: config.health.patience,
        async probe(store, signal) {
          const result = await stores.probe(store, signal);
          metrics.probed(store, result.code);
          return result;
        },
        listeners: options.listeners ?? [],
        log: (level, message, facts) => log[level](message, { ...facts }),
      },
      terms: createStoreTerms(config),
      keys,
      catalog,
      engine: createLogicalEngine(),
      governors,
      scratch: {
        baseDir: config.scratch.dir,
        binDirs: config.tools.postgresBin,
        minFreeBytes: config.scratch.minFree,
        osUser: config.scratch.user ?? null,
        jobs: config.scratch.jobs,
      },
      costOf: readCosts(config),
      uploadFigures: (names) => meter.figures(names),
      observeRead: (fact) => metrics.readAgain(fact),
      binDirs: config.tools.postgresBin,
      writing: {
        segmentBytes: config.repository.segmentSize,
        zstdLevel: config.repository.zstdLevel,
        inFlight: config.worker.segmentsInFlight,
      },
      timing: { ...DEFAULT_TIMING, ...options.timing },
      hostQueue: options.hostQueue,
      workerIdentity: options.identity,
    },
    async close() {
      await load.sessions.close();
      await stores.close();
      await opened?.close();
    },
  };
}

/** Opens once; a failure is not kept, so that whoever asks next tries again. */
function retryingOnce<Value>(open: () => Promise<Value>): () => Promise<Value> {
  let opening: Promise<Value> | null = null;
  return () => {
    if (opening === null) {
      const mine = open();
      opening = mine;
      mine.catch(() => {
        if (opening === mine) opening = null;
      });
    }
    return opening;
  };
}
