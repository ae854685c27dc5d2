/** Everything that can be said to a running workflow, and asked of it. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import {
  CLAIM_TRIAL_UPDATE,
  PLACE_QUERY,
  PLAN_QUERY,
  PROGRESS_QUERY,
  QUEUE_QUERY,
  SIGNAL,
  STATUS_QUERY,
  type Attached,
  type CopyChanged,
  type DumpProgressed,
  type LockAlert,
  type StartNow,
  type StoreWaiter,
  type Turn,
} from '../domain/messages';
import type { AskMessage, AskRef, HeavyQueue, OwnPlace } from '../domain/load/places';
import type { LoadWatchState } from '../activities/load-types';
import type { ProofGrade } from '../domain/names';
import type { Pace } from '../domain/pace';
import type { BackupProgress } from '../domain/progress';
import type { StoreFillProgress } from '../domain/runs';
import type { Observation, StoreStatus } from '../domain/store-watch';
import type { IntactPlan, RotationDecision } from '../domain/verification-runs';

// From people and side workflows to `backup`. Signals, since nobody waits for an answer: the applied pace shows in the query.
export const pauseSignal = defineSignal<[Partial<Pace>?]>(SIGNAL.pause);
export const resumeSignal = defineSignal<[Partial<Pace>?]>(SIGNAL.resume);
export const setPaceSignal = defineSignal<[Partial<Pace>?]>(SIGNAL.setPace);
export const progressQuery = defineQuery<BackupProgress>(PROGRESS_QUERY);
/** Whatever its calendar and the impact breaker say. */
export const startNowSignal = defineSignal<[StartNow]>(SIGNAL.startNow);
/** Of `fillStoreWithAll`. */
export const storeFillQuery = defineQuery<StoreFillProgress>(PROGRESS_QUERY);

// From people to `rotation` and `intactShare`.
export const turnQuery = defineQuery<RotationDecision | null>(PLAN_QUERY);
export const sharesQuery = defineQuery<IntactPlan | null>(PLAN_QUERY);

// From the dump activity and from copies to `backup`.
export const attachedSignal = defineSignal<[Attached]>(SIGNAL.attached);
export const dumpProgressSignal = defineSignal<[DumpProgressed]>(SIGNAL.dumpProgress);
export const lockWaitersSignal = defineSignal<[LockAlert]>(SIGNAL.lockWaiters);
export const copyChangedSignal = defineSignal<[CopyChanged]>(SIGNAL.copyChanged);

/** To `replicateCopy`: whoever started it waits no longer, so it shall prove the copy itself. */
export const proveWhenFilledSignal = defineSignal<[ProofGrade]>(SIGNAL.proveWhenFilled);

/** To `retention`: a backup was made or a hold changed; plan again now. */
export const wakeSignal = defineSignal(SIGNAL.wake);

/** To `replicateCopy`: the store it waits for answers again; it shall not sleep any longer. */
export const storeRecoveredSignal = defineSignal<[string]>(SIGNAL.storeRecovered);

// To `storeHealth`.
/** From activities: what a run saw of the store while it used it. */
export const reportStoreSignal = defineSignal<[Observation]>(SIGNAL.reportStore);
export const probeNowSignal = defineSignal(SIGNAL.probeNow);
export const registerSignal = defineSignal<[StoreWaiter]>(SIGNAL.register);
/** The config names the store no more. */
export const endSignal = defineSignal(SIGNAL.end);
/** Content: who asks, the name of a database. Answers whether it may try the store now. */
export const claimTrialUpdate = defineUpdate<boolean, [string]>(CLAIM_TRIAL_UPDATE);
// `loadWatch` takes `probeNow` and `end` as well.
/** null before the first round. */
export const loadStatusQuery = defineQuery<LoadWatchState | null>(STATUS_QUERY);

/** As of the last change, or of the last hour; null before. The catalogue has every probe. */
export const statusQuery = defineQuery<StoreStatus | null>(STATUS_QUERY);

// Between `heavyWork` and the runs that do heavy work: `backup`, `verifyCopy` and `restore`.
export const askSignal = defineSignal<[AskMessage]>(SIGNAL.ask);
export const giveBackSignal = defineSignal<[AskRef]>(SIGNAL.giveBack);
export const turnSignal = defineSignal<[Turn]>(SIGNAL.turn);
export const placeQuery = defineQuery<OwnPlace>(PLACE_QUERY);
export const queueQuery = defineQuery<HeavyQueue>(QUEUE_QUERY);
