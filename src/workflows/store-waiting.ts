/** Waiting for a store: whoever watches it is asked to tell. */
import { getExternalWorkflowHandle, isCancellation, workflowInfo } from '@temporalio/workflow';
import { storeHealthId } from '../domain/messages';
import { registerSignal } from './messages';

/** This run is told when the breaker of the store closes, or at once where that happened after `failedAt` (ms). */
export async function registerFor(store: string, failedAt: number): Promise<void> {
  try {
    const { workflowId } = workflowInfo();
    await getExternalWorkflowHandle(storeHealthId(store)).signal(registerSignal, { workflowId, failedAt });
  } catch (error) {
    // Nobody watches it: the timer is left.
    if (isCancellation(error)) throw error;
  }
}
