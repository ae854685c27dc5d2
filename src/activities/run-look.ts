/** How the backup of a database is under way, as Temporal knows it: its own word, refreshed with the newest heartbeat. */
import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError, type WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { backupRunId, PROGRESS_QUERY } from '../domain/messages';
import type { BackupProgress, DumpProgress } from '../domain/progress';

export interface RunLook {
  readonly workflowId: string;
  readonly runId: string;
  readonly progress: BackupProgress;
}

/** A server, or a worker, that does not answer within this is asked again in the next round. */
const PATIENCE_MS = 4_000;

/** Null when none runs. Throws when that cannot be found out. */
export async function lookAtBackup(database: string): Promise<RunLook | null> {
  const client = getClient();
  const workflowId = backupRunId(database);
  return client.withDeadline(Date.now() + PATIENCE_MS, async () => {
    const run = await client.workflow
      .getHandle(workflowId)
      .describe()
      .catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      });
    if (run === null || run.status.name !== 'RUNNING' || run.type !== 'backup') return null;
    const progress = await client.workflow.getHandle(workflowId, run.runId).query<BackupProgress>(PROGRESS_QUERY);
    const newest = dumpOf(run);
    return { workflowId, runId: run.runId, progress: newest === null ? progress : { ...progress, dump: newest } };
  });
}

function dumpOf(run: WorkflowExecutionDescription): DumpProgress | null {
  const pending = run.raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'dump');
  const payload = pending?.heartbeatDetails?.payloads?.[0];
  return payload ? defaultPayloadConverter.fromPayload<DumpProgress | null>(payload) : null;
}
