/** Runs that watch one thing each for as long as the config names it: made, listed and ended alike whatever they watch. */
import { WorkflowNotFoundError, type Client, type WorkflowStartOptions } from '@temporalio/client';
import type { HoldfastConfig } from '../config/schema';
import { SIGNAL } from '../domain/messages';
import { queueName } from '../workflows/ids';
import type { Calls } from './calls';

export interface WatchKind {
  /** Type of the workflow. */
  readonly workflow: string;
  /** Id of the run that watches a subject; the subject stands at its end. */
  readonly idOf: (subject: string) => string;
  /** What a run is started with. */
  readonly start: (subject: string) => Pick<
    WorkflowStartOptions,
    'staticSummary' | 'staticDetails' | 'typedSearchAttributes'
  > & {
    readonly args: readonly unknown[];
  };
}

/** What was or would be done about the watch over one subject. */
export interface WatchStep {
  readonly subject: string;
  readonly action: 'start' | 'end' | 'unchanged';
}

export interface Watches {
  plan(): Promise<readonly WatchStep[]>;
  apply(): Promise<readonly WatchStep[]>;
  /** Its next look is now; false when nobody watches. */
  lookNow(subject: string): Promise<boolean>;
}

/** Starts those that do not run; one that runs goes on as it is. */
export async function startWatches(
  client: Client,
  config: HoldfastConfig,
  kind: WatchKind,
  subjects: readonly string[],
): Promise<void> {
  for (const subject of subjects) await startWatch(client, config, kind, subject);
}

async function startWatch(client: Client, config: HoldfastConfig, kind: WatchKind, subject: string): Promise<void> {
  const { args, ...described } = kind.start(subject);
  await client.workflow.start(kind.workflow, {
    ...described,
    args: [...args],
    taskQueue: queueName(config.taskQueues.prefix, 'workflow'),
    workflowId: kind.idOf(subject),
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
}

/** `wanted`: the subjects that the config names. */
export function watchesOf(
  { client, call }: Calls,
  config: HoldfastConfig,
  kind: WatchKind,
  wanted: readonly string[],
): Watches {
  const taskQueue = queueName(config.taskQueues.prefix, 'workflow');
  const query = `TaskQueue = "${taskQueue}" AND WorkflowType = "${kind.workflow}" AND ExecutionStatus = "Running"`;

  const isRunning = async (subject: string): Promise<boolean> => {
    try {
      return (await client.workflow.getHandle(kind.idOf(subject)).describe()).status.name === 'RUNNING';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  const signal = async (subject: string, name: string): Promise<boolean> => {
    try {
      await client.workflow.getHandle(kind.idOf(subject)).signal(name);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  const plan = () =>
    call(async () => {
      const steps: WatchStep[] = [];
      for (const subject of wanted) steps.push({ subject, action: (await isRunning(subject)) ? 'unchanged' : 'start' });
      for await (const { workflowId } of client.workflow.list({ query })) {
        const subject = workflowId.slice(kind.idOf('').length);
        // The list may be a moment old.
        if (!wanted.includes(subject) && (await isRunning(subject))) steps.push({ subject, action: 'end' });
      }
      return steps;
    });

  return {
    plan,
    async apply() {
      const steps = await plan();
      for (const { subject, action } of steps) {
        if (action === 'start') await call(() => startWatch(client, config, kind, subject));
        if (action === 'end') await call(() => signal(subject, SIGNAL.end));
      }
      return steps;
    },
    lookNow: (subject) => call(() => signal(subject, SIGNAL.probeNow)),
  };
}
