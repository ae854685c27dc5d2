/** Activities by the queue that serves them, so that a worker takes on only what it is equipped for. */
import type { QueueActivities } from './queues';
import { createAdmitActivities } from './admit';
import type { ActivityDeps } from './deps';
import { createDumpActivities } from './dump';
import { createLoadNewsActivities, createLoadWatchActivities } from './load-watch';
import { createPaceActivities } from './pace';
import { createRecordActivities } from './records';
import { createHeavyWorkActivities } from './heavy-work';
import { createIntactActivities } from './intact';
import { createReplicateActivities } from './replicate';
import { createRestoreActivities } from './restore';
import { createRetentionActivities } from './retention';
import { createRotationActivities } from './rotation';
import { createRunActivities } from './runs';
import { createStoreFillActivities } from './store-fill';
import { createUsageActivities } from './usage';
import { createStoreEventActivities, createWatchActivities } from './watch';
import { createVerifyActivities } from './verify';

export function createActivities(deps: ActivityDeps): QueueActivities {
  const { planExpiry, deleteExpired } = createRetentionActivities(deps);
  const { planRotation, finishTurn } = createRotationActivities(deps);
  return {
    workflow: {
      ...createRecordActivities(deps),
      ...createRunActivities(),
      ...createStoreFillActivities(deps),
      ...createStoreEventActivities(deps),
      ...createLoadNewsActivities(deps),
      ...createHeavyWorkActivities(deps),
      planExpiry,
      finishTurn,
    },
    dump: createDumpActivities(deps),
    host: createPaceActivities(deps),
    store: {
      ...createAdmitActivities(deps),
      ...createReplicateActivities(deps),
      ...createUsageActivities(deps),
      ...createIntactActivities(deps),
      deleteExpired,
      planRotation,
    },
    watch: { ...createWatchActivities(deps), ...createLoadWatchActivities(deps) },
    verify: createVerifyActivities(deps),
    restore: createRestoreActivities(deps),
  };
}
