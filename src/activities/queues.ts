import type { HoldfastActivities } from './types';

/** Which activities each queue serves; the workflows' proxies (src/workflows/proxies.ts) ask for them there. */
export interface QueueActivities {
  readonly workflow: Pick<
    HoldfastActivities,
    | 'openJob'
    | 'recordDump'
    | 'failJob'
    | 'recordCopy'
    | 'planExpiry'
    | 'planStoreFill'
    | 'describeRun'
    | 'awaitRunEnd'
    | 'announceStoreEvent'
    | 'announceLoad'
    | 'finishTurn'
    | 'askTurn'
    | 'lookAtHeavyWork'
  >;
  readonly dump: Pick<HoldfastActivities, 'dump'>;
  /** The private queue of a process that dumps. */
  readonly host: Pick<HoldfastActivities, 'applyPace'>;
  readonly store: Pick<
    HoldfastActivities,
    'admit' | 'fillStore' | 'deleteExpired' | 'measureStore' | 'planRotation' | 'planIntact' | 'readShare'
  >;
  /** Served by whoever serves `store`, with slots of its own. */
  readonly watch: Pick<HoldfastActivities, 'watchStore' | 'sampleLoad'>;
  readonly verify: Pick<HoldfastActivities, 'proveStore'>;
  readonly restore: Pick<HoldfastActivities, 'restoreBackup'>;
}
