/** The runs that watch stores: one for each that the config names. */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { HoldfastConfig } from '../config/schema';
import { SIGNAL } from '../domain/messages';
import { queueName, storeHealthId } from '../workflows/ids';
import type { Calls } from './calls';
import type { HoldfastClient, StoreWatchChange } from './types';

type StoreWatchCalls = Pick<HoldfastClient, 'planStoreWatches' | 'applyStoreWatches' | 'probeStoreNow'>;

const WORKFLOW = 'storeHealth';

/** Starts those that do not run; one that runs goes on as it is. */
export async function startStoreWatches(client: Client, config: HoldfastConfig): Promise<void> {
  for (const { name } of config.stores) await startWatch(client, config, name);
}

async function startWatch(client: Client, config: HoldfastConfig, store: string): Promise<void> {
  await client.workflow.start(WORKFLOW, {
    taskQueue: queueName(config.taskQueues.prefix, 'workflow'),
    workflowId: storeHealthId(store),
    args: [{ store }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Watch the store ${store}`,
    staticDetails: 'Probes the store with a canary, keeps its health and its breaker, and tells who waits for it.',
  });
}

export function storeWatchCalls({ client, call }: Calls, config: HoldfastConfig): StoreWatchCalls {
  const taskQueue = queueName(config.taskQueues.prefix, 'workflow');
  const query = `TaskQueue = "${taskQueue}" AND WorkflowType = "${WORKFLOW}" AND ExecutionStatus = "Running"`;
  const wanted = config.health.watch ? config.stores.map(({ name }) => name) : [];

  const isRunning = async (store: string): Promise<boolean> => {
    try {
      return (await client.workflow.getHandle(storeHealthId(store)).describe()).status.name === 'RUNNING';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  const signal = async (store: string, name: string): Promise<boolean> => {
    try {
      await client.workflow.getHandle(storeHealthId(store)).signal(name);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  const plan = () =>
    call(async () => {
      const changes: StoreWatchChange[] = [];
      for (const store of wanted) changes.push({ store, action: (await isRunning(store)) ? 'unchanged' : 'start' });
      for await (const { workflowId } of client.workflow.list({ query })) {
        const store = workflowId.slice(storeHealthId('').length);
        // The list may be a moment old.
        if (!wanted.includes(store) && (await isRunning(store))) changes.push({ store, action: 'end' });
      }
      return changes;
    });

  return {
    planStoreWatches: plan,
    async applyStoreWatches() {
      const changes = await plan();
      for (const { store, action } of changes) {
        if (action === 'start') await call(() => startWatch(client, config, store));
        if (action === 'end') await call(() => signal(store, SIGNAL.end));
      }
      return changes;
    },
    probeStoreNow: (store) => call(() => signal(store, SIGNAL.probeNow)),
  };
}
