/** The composition root: one Worker for each queue that this process serves, over one connection. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities';
import type { TimingDefaults } from '../activities/deps';
import { connectTemporal } from '../client/connect';
import { temporalEndpoint, temporalFault, type SecretResolver } from '../client/connection-options';
import { registerSearchAttributes } from '../client/search-attributes';
import { startLoadWatches } from '../client/load-watches';
import { startStoreWatches } from '../client/store-watches';
import type { HoldfastConfig } from '../config/schema';
import { orchestrationError } from '../errors/orchestration';
import { hostQueueName, QUEUE_KINDS, queueName, watchQueueName, type QueueKind } from '../workflows/ids';
import { watchedDatabases } from '../config/load-rules';
import { createDependencies } from './dependencies';
import { errorMapping } from './error-mapping';
import { serveMetrics, type MetricsServer } from './metrics';
import { createMetricsGuard } from './metrics-guard';

export interface CreateWorkersOptions {
  readonly config: HoldfastConfig;
  readonly secrets: SecretResolver;
  /** @default all */
  readonly queues?: readonly QueueKind[];
  /** Shown in the Temporal Web UI. @default <pid>@<host> */
  readonly identity?: string;
  /** Milliseconds; shorter ones in tests. */
  readonly timing?: Partial<TimingDefaults>;
  /** An open connection to share; closed by whoever opened it. */
  readonly connection?: NativeConnection;
  /** Workflows bundled already. @default dist/workflow-bundle.js beside this code, else the sources are bundled now */
  readonly workflowBundle?: WorkerOptions['workflowBundle'];
}

export interface HoldfastWorkers {
  readonly identity: string;
  readonly queues: readonly string[];
  /** Where metrics are served; null when the config names no address. */
  readonly metricsAddress: string | null;
  /** Resolves when `shutdown` was called and everything has ended; rejects when a worker fails. */
  run(): Promise<void>;
  /** Takes no more work; what runs is given `worker.shutdownGrace`, then handed over. */
  shutdown(): void;
}

/** A cancelled activity, a paused one included, learns of it with the answer to a heartbeat: so those are not held back long. */
const HEARTBEAT_THROTTLE_MS = 250;
/** After the grace, time for children to be ended and sockets to be closed. */
const FORCE_AFTER_GRACE_MS = 30_000;
const WAITING_ACTIVITIES = 100;

export async function createWorkers(options: CreateWorkersOptions): Promise<HoldfastWorkers> {
  const { config, secrets } = options;
  const queues = options.queues ?? QUEUE_KINDS;
  if (queues.length === 0) throw orchestrationError('WORKER_NO_QUEUES');
  const identity = options.identity ?? `${process.pid}@${hostname()}`;
  const { prefix } = config.taskQueues;
  const hostQueue = hostQueueName(prefix, randomBytes(6).toString('hex'));
  const { timing } = options;
  const dependencies = createDependencies({ config, secrets, identity, hostQueue, timing });
  const ownConnection = options.connection === undefined;
  await prepareServer(config, secrets);
  const connection = options.connection ?? (await connect(config, secrets));
  const activities = createActivities(dependencies.activities);

  const common = {
    connection,
    namespace: config.temporal.namespace,
    identity,
    shutdownGraceTime: config.worker.shutdownGrace,
    shutdownForceTime: config.worker.shutdownGrace + FORCE_AFTER_GRACE_MS,
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    interceptors: { activity: [errorMapping((fact) => dependencies.metrics.failed(fact))] },
  } satisfies Partial<WorkerOptions>;
  const slots: Record<QueueKind, number> = {
    workflow: WAITING_ACTIVITIES,
    dump: config.worker.dumps,
    store: config.worker.transfers,
    verify: config.worker.verifications,
    restore: 1,
  };
  const workerFor = (kind: QueueKind): WorkerOptions => ({
    ...common,
    taskQueue: queueName(prefix, kind),
    activities: activities[kind],
    maxConcurrentActivityTaskExecutions: slots[kind],
    ...(kind === 'workflow' ? { ...workflowCode(options.workflowBundle), maxCachedWorkflows: 200 } : {}),
  });
  const wanted: WorkerOptions[] = QUEUE_KINDS.filter((kind) => queues.includes(kind)).map(workerFor);
  if (queues.includes('dump'))
    wanted.push({
      ...common,
      taskQueue: hostQueue,
      activities: activities.host,
      // A pace must reach a dump until its very end, so this queue goes last: its activities are over in a moment.
      maxConcurrentActivityTaskExecutions: config.worker.dumps + 1,
    });

  if (queues.includes('store'))
    wanted.push({
      ...common,
      taskQueue: watchQueueName(prefix),
      activities: activities.watch,
      // Handed over at once: a watch never ends by itself.
      shutdownGraceTime: 0,
      shutdownForceTime: FORCE_AFTER_GRACE_MS,
      maxConcurrentActivityTaskExecutions: Math.max(1, config.stores.length + watchedDatabases(config).length),
    });

  const workers: Worker[] = [];
  let metricsServer: MetricsServer | null = null;
  const closeAll = async () => {
    await metricsServer?.close();
    await dependencies.close();
    if (ownConnection) await connection.close();
  };
  try {
    // The schema is brought up to date before the first task; several workers may do it at once.
    await dependencies.activities.catalog();
    for (const one of wanted) workers.push(await Worker.create(one));
    if (config.worker.metrics !== undefined)
      metricsServer = await serveMetrics(
        config.worker.metrics,
        dependencies.metrics,
        () => ({
          ok: workers.every((worker) => worker.getState() === 'RUNNING'),
          queues: Object.fromEntries(workers.map((worker) => [worker.options.taskQueue, worker.getState()])),
        }),
        createMetricsGuard(config.access),
      );
  } catch (error) {
    await closeAll();
    throw error;
  }

  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return {
    identity,
    queues: workers.map((worker) => worker.options.taskQueue),
    metricsAddress: metricsServer?.address ?? null,
    shutdown,
    async run() {
      try {
        // One that fails takes the others with it: a process that serves half of its queues looks healthy and is not.
        await Promise.all(
          workers.map((worker) =>
            worker.run().catch((error: unknown) => {
              shutdown();
              throw error;
            }),
          ),
        );
      } finally {
        await closeAll();
      }
    },
  };
}

/** The first run would fail on a search attribute that the server does not know. */
async function prepareServer(config: HoldfastConfig, secrets: SecretResolver): Promise<void> {
  const connection = await connectTemporal(config.temporal, secrets);
  try {
    await registerSearchAttributes(connection, config.temporal.namespace);
    const { namespace } = config.temporal;
    const client = new Client({ connection, namespace });
    if (config.health.watch) await startStoreWatches(client, config);
    await startLoadWatches(client, config);
  } catch (error) {
    throw temporalFault(error, config.temporal);
  } finally {
    await connection.close();
  }
}

async function connect(config: HoldfastConfig, secrets: SecretResolver): Promise<NativeConnection> {
  const endpoint = await temporalEndpoint(config.temporal, secrets);
  try {
    return await NativeConnection.connect(endpoint);
  } catch (error) {
    throw temporalFault(error, config.temporal);
  }
}

/** A release brings its workflows bundled (`npm run build`); from the sources they are bundled at start. */
function workflowCode(bundle: WorkerOptions['workflowBundle']): Partial<WorkerOptions> {
  if (bundle !== undefined) return { workflowBundle: bundle };
  const codePath = join(__dirname, '..', 'workflow-bundle.js');
  return existsSync(codePath) ? { workflowBundle: { codePath } } : { workflowsPath: require.resolve('../workflows') };
}
