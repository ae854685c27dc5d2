import { randomUUID } from 'node:crypto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import type { HoldfastActivities } from '../../src/activities/types';
import { hostQueueName, QUEUE_KINDS, queueName, watchQueueName } from '../../src/workflows/ids';
import { ATTRIBUTE } from '../../src/workflows/search-attributes';
import { findBinary } from './processes';

let runtimeInstalled = false;

/** A real Temporal server in a process of its own, without a Web UI, with Holdfast's search attributes. */
export async function startTemporal(
  options: { readonly dbFilename?: string; readonly port?: number } = {},
): Promise<TestWorkflowEnvironment> {
  if (!runtimeInstalled) Runtime.install({ logger: new DefaultLogger('ERROR') });
  runtimeInstalled = true;
  return TestWorkflowEnvironment.createLocal({
    server: {
      ...options,
      executable: { type: 'existing-path', path: findBinary('temporal', 'HOLDFAST_TEMPORAL_BIN') },
      searchAttributes: Object.values(ATTRIBUTE),
      log: { format: 'pretty', level: 'never' },
    },
  });
}

let bundle: Promise<WorkflowBundle> | undefined;

/** The workflows, bundled once a test file. */
export function workflowBundle(): Promise<WorkflowBundle> {
  bundle ??= bundleWorkflowCode({
    workflowsPath: require.resolve('../../src/workflows/index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  return bundle;
}

export interface FakeWorkers {
  readonly prefix: string;
  readonly workflowQueue: string;
  readonly hostQueue: string;
  stop(): Promise<void>;
}

/** Workers for every queue of a prefix of its own, with activities that the test states. */
export async function startWorkers(
  env: TestWorkflowEnvironment,
  activities: Partial<HoldfastActivities>,
): Promise<FakeWorkers> {
  const prefix = `test-${randomUUID().slice(0, 8)}`;
  const hostQueue = hostQueueName(prefix, 'one');
  const common = {
    connection: env.nativeConnection,
    namespace: env.namespace,
    activities,
    maxHeartbeatThrottleInterval: 100,
    defaultHeartbeatThrottleInterval: 100,
    shutdownGraceTime: 0,
    shutdownForceTime: 5_000,
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: queueName(prefix, 'workflow'),
      workflowBundle: await workflowBundle(),
    }),
    ...QUEUE_KINDS.filter((kind) => kind !== 'workflow').map((kind) =>
      Worker.create({ ...common, taskQueue: queueName(prefix, kind) }),
    ),
    Worker.create({ ...common, taskQueue: hostQueue }),
    Worker.create({ ...common, taskQueue: watchQueueName(prefix) }),
  ]);
  const running = workers.map((worker) => worker.run());
  return {
    prefix,
    workflowQueue: queueName(prefix, 'workflow'),
    hostQueue,
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.all(running);
    },
  };
}
