/** The runs that watch the load of databases: one for each whose config says so. */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { watchedDatabases } from '../config/load-rules';
import type { HoldfastConfig } from '../config/schema';
import { SIGNAL } from '../domain/messages';
import { loadWatchId, queueName } from '../workflows/ids';
import { attributes } from '../workflows/search-attributes';
import type { Calls } from './calls';
import type { HoldfastClient, LoadWatchChange } from './types';

type LoadWatchCalls = Pick<HoldfastClient, 'planLoadWatches' | 'applyLoadWatches' | 'measureLoadNow'>;

const WORKFLOW = 'loadWatch';

/** Starts those that do not run; one that runs goes on as it is. */
export async function startLoadWatches(client: Client, config: HoldfastConfig): Promise<void> {
  for (const database of watchedDatabases(config)) await startWatch(client, config, database);
}

async function startWatch(client: Client, config: HoldfastConfig, database: string): Promise<void> {
  await client.workflow.start(WORKFLOW, {
    taskQueue: queueName(config.taskQueues.prefix, 'workflow'),
    workflowId: loadWatchId(database),
    args: [{ database }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    typedSearchAttributes: attributes({ database }),
    staticSummary: `Watch the load of ${database}`,
    staticDetails: 'Measures the load, learns what is usual, and tells a running backup how fast it may read.',
  });
}

export function loadWatchCalls({ client, call }: Calls, config: HoldfastConfig): LoadWatchCalls {
  const taskQueue = queueName(config.taskQueues.prefix, 'workflow');
  const query = `TaskQueue = "${taskQueue}" AND WorkflowType = "${WORKFLOW}" AND ExecutionStatus = "Running"`;
  const wanted = watchedDatabases(config);

  const isRunning = async (database: string): Promise<boolean> => {
    try {
      return (await client.workflow.getHandle(loadWatchId(database)).describe()).status.name === 'RUNNING';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  const signal = async (database: string, name: string): Promise<boolean> => {
    try {
      await client.workflow.getHandle(loadWatchId(database)).signal(name);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  const plan = () =>
    call(async () => {
      const changes: LoadWatchChange[] = [];
      for (const database of wanted)
        changes.push({ database, action: (await isRunning(database)) ? 'unchanged' : 'start' });
      for await (const { workflowId } of client.workflow.list({ query })) {
        const database = workflowId.slice(loadWatchId('').length);
        // The list may be a moment old.
        if (!wanted.includes(database) && (await isRunning(database))) changes.push({ database, action: 'end' });
      }
      return changes;
    });

  return {
    planLoadWatches: plan,
    async applyLoadWatches() {
      const changes = await plan();
      for (const { database, action } of changes) {
        if (action === 'start') await call(() => startWatch(client, config, database));
        if (action === 'end') await call(() => signal(database, SIGNAL.end));
      }
      return changes;
    },
    measureLoadNow: (database) => call(() => signal(database, SIGNAL.probeNow)),
  };
}
