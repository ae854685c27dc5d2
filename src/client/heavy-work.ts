/** Who does heavy work, and who waits for a place. */
import { WorkflowNotFoundError } from '@temporalio/client';
import type { HoldfastConfig } from '../config/schema';
import { QUEUE_QUERY, SIGNAL } from '../domain/messages';
import type { HeavyQueue } from '../domain/load/places';
import { heavyWorkId } from '../workflows/ids';
import type { Calls } from './calls';
import type { HoldfastClient } from './types';

export function heavyWorkCalls(
  { client, call }: Calls,
  config: HoldfastConfig,
): Pick<HoldfastClient, 'heavyQueue' | 'lookAtHeavyWork'> {
  const handle = client.workflow.getHandle(heavyWorkId(config.taskQueues.prefix));
  const unlessNobody = <Result>(work: () => Promise<Result>): Promise<Result | null> =>
    call(work).catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
  return {
    heavyQueue: () =>
      unlessNobody(async () => {
        // One that was ended answers with what it knew then.
        if ((await handle.describe()).status.name !== 'RUNNING') return null;
        return handle.query<HeavyQueue>(QUEUE_QUERY);
      }),
    lookAtHeavyWork: async () => void (await unlessNobody(() => handle.signal(SIGNAL.probeNow))),
  };
}
