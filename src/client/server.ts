/** What the Temporal server is and has, for `holdfast doctor` and for links. */
import type { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { HoldfastConfig } from '../config/schema';
import { QUEUE_KINDS, queueName } from '../workflows/ids';
import type { Calls } from './calls';
import { grpcStatus, temporalFault } from './connection-options';
import { missingSearchAttributes, registerSearchAttributes } from './search-attributes';
import type { HoldfastClient } from './types';

type ServerCalls = Pick<HoldfastClient, 'checkServer' | 'registerSearchAttributes' | 'webUiUrl'>;

const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = temporal.api.enums.v1.TaskQueueType;
const NOT_FOUND = 5;

export function serverCalls(calls: Calls, connection: Connection, config: HoldfastConfig): ServerCalls {
  const { namespace, webUi } = config.temporal;
  const { prefix } = config.taskQueues;

  /** Of the workflow queue, workers that run workflows; of the others, workers that run activities. */
  const pollersOf = async (kind: (typeof QUEUE_KINDS)[number]): Promise<number> => {
    const answer = await connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: queueName(prefix, kind) },
      taskQueueType: kind === 'workflow' ? TASK_QUEUE_TYPE_WORKFLOW : TASK_QUEUE_TYPE_ACTIVITY,
    });
    return new Set(answer.pollers?.map(({ identity }) => identity)).size;
  };

  return {
    checkServer: () =>
      calls.call(async () => {
        const [{ serverVersion }] = await Promise.all([
          connection.workflowService.getSystemInfo({}),
          connection.workflowService.describeNamespace({ namespace }).catch((error: unknown) => {
            throw grpcStatus(error) === NOT_FOUND ? temporalFault(error, config.temporal) : error;
          }),
        ]);
        const pollers = await Promise.all(QUEUE_KINDS.map(async (kind) => [kind, await pollersOf(kind)] as const));
        return {
          serverVersion: serverVersion ?? 'unknown',
          namespace,
          missingSearchAttributes: await missingSearchAttributes(connection, namespace),
          pollers: Object.fromEntries(pollers),
        };
      }),
    registerSearchAttributes: () => calls.call(() => registerSearchAttributes(connection, namespace), 30_000),
    webUiUrl(workflowId, runId) {
      if (webUi === undefined) return null;
      const base = `${webUi.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
      return runId === undefined ? base : `${base}/${encodeURIComponent(runId)}/history`;
    },
  };
}
