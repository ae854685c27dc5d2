/** Starting a child under an id that serves as a lock: waits for whoever holds it. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { RunState } from '../activities/types';
import { records, waits } from './proxies';

/** What to do about the run that holds the id. */
export type InTheWay = (run: RunState) => 'wait' | 'give-way' | Promise<'wait' | 'give-way'>;

/**
 * Calls `start` until it gets the id. Each time that another run holds it, `decide` is asked; `give-way` returns that run
 * instead of a child.
 */
export async function startInTurn<Child>(
  workflowId: string,
  start: () => Promise<Child>,
  decide: InTheWay = () => 'wait',
): Promise<{ readonly child: Child; readonly held: null } | { readonly child: null; readonly held: RunState }> {
  for (;;) {
    try {
      return { child: await start(), held: null };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const run = await records().describeRun.executeWithOptions({ summary: `Who holds ${workflowId}?` }, [
      { workflowId },
    ]);
    if (run === null || !run.open) continue;
    if ((await decide(run)) === 'give-way') return { child: null, held: run };
    await waits().awaitRunEnd.executeWithOptions({ summary: `Wait for ${workflowId} to end` }, [
      { workflowId, runId: run.runId },
    ]);
  }
}
