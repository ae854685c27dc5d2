/** Starts the database's retention run, or wakes the one that waits for a grace period to pass. */
import {
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { retentionId } from './ids';
import { wakeSignal } from './messages';
import { retention } from './retention';
import { attributes } from './search-attributes';

export async function startRetention(database: string, requestedBy: string): Promise<void> {
  const workflowId = retentionId(database);
  try {
    await startChild(retention, {
      workflowId,
      args: [{ database, confirm: true, requestedBy }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      typedSearchAttributes: attributes({ database }),
      staticSummary: `Retention of ${database}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    // It may end in this very moment; the next backup starts it again then.
    await getExternalWorkflowHandle(workflowId)
      .signal(wakeSignal)
      .catch(() => undefined);
  }
}
