/** Looking at other runs: who holds a lock, and waiting for it to be free. */
import { getClient } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { withHeartbeat } from './heartbeat';
import type { HoldfastActivities } from './types';

export function createRunActivities(): Pick<HoldfastActivities, 'describeRun' | 'awaitRunEnd'> {
  return {
    async describeRun({ workflowId }) {
      try {
        const run = await getClient().workflow.getHandle(workflowId).describe();
        return { runId: run.runId, open: run.status.name === 'RUNNING', type: run.type };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },

    async awaitRunEnd({ workflowId, runId }) {
      const client = getClient();
      await withHeartbeat(({ signal }) =>
        client.withAbortSignal(signal, async () => {
          try {
            await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
          } catch (error) {
            // Ended badly, or forgotten: the id is free in either case.
            if (!(error instanceof WorkflowFailedError) && !(error instanceof WorkflowNotFoundError)) throw error;
          }
        }),
      );
    },
  };
}
