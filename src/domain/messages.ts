/** Names and contents of what workflows, activities and clients tell each other while a run goes on. */
import type { CopyState, ProofGrade } from './names';
import type { DumpProgress } from './progress';

/** Names of signals. A signal states a target or a fact, never a toggle, so a doubled one does no harm. */
export const SIGNAL = {
  pause: 'pause',
  resume: 'resume',
  setPace: 'setPace',
  attached: 'attached',
  dumpProgress: 'dumpProgress',
  copyChanged: 'copyChanged',
  proveWhenFilled: 'proveWhenFilled',
  wake: 'wake',
  reportStore: 'report',
  probeNow: 'probeNow',
  register: 'register',
  end: 'end',
  storeRecovered: 'storeRecovered',
  lockWaiters: 'lockWaiters',
  startNow: 'startNow',
  ask: 'ask',
  giveBack: 'giveBack',
  turn: 'turn',
} as const;

export const PROGRESS_QUERY = 'progress';
/** Of `storeHealth`. */
export const STATUS_QUERY = 'status';

/** To `storeHealth`: whether this database's run may be the trial of a half-open breaker. */
export const CLAIM_TRIAL_UPDATE = 'claimTrial';

/** Id of the run that watches a store; here, because activities report to it. */
export const storeHealthId = (store: string): string => `store-health/${store}`;

/** Id of the run that watches the load of a database; here, because activities tell it that a backup begins. */
export const loadWatchId = (database: string): string => `load-watch/${database}`;

/** The run that writes a database's repository. One id, so one at a time: this is the lock. */
export const backupRunId = (database: string): string => `backup/${database}`;
/** Id of the run that keeps the places for heavy work of all workers with this prefix. */
export const heavyWorkId = (prefix: string): string => `heavy-work/${prefix}`;
/** Found by whoever works on the queue `<prefix>-workflow` or `<prefix>-watch`. */
export const heavyWorkIdFor = (taskQueue: string): string => heavyWorkId(taskQueue.replace(/-(workflow|watch)$/, ''));
/** Of `heavyWork`: who holds a place and who waits. */
export const QUEUE_QUERY = 'queue';
/** Of a run that does heavy work: whether it holds a place, or waits for one. */
export const PLACE_QUERY = 'place';

/** Told by `heavyWork` to a run that asked for a place. */
export interface Turn {
  /** Which asking it answers: the run may have asked, given back and asked again. */
  readonly askedAt: number;
  /** Grows; an older one that arrives late changes nothing. */
  readonly sequence: number;
  /** False where it was true: the place is taken back. */
  readonly granted: boolean;
  /** For people: "waits for one of 2 places, behind the backup of orders". */
  readonly text: string;
}

/** Told to a backup that waits for its time: somebody lets it start now. */
export interface StartNow {
  readonly by: string;
  readonly why: string;
}

/** Told to `storeHealth`: this run waits for the store and wants to know when it is back. */
export interface StoreWaiter {
  readonly workflowId: string;
  /** Milliseconds since the epoch: when it last found the store out of reach. */
  readonly failedAt: number;
}
/** Of `rotation` and `intactShare`: what is read, and what that takes; null until it is decided. */
export const PLAN_QUERY = 'plan';

/** Which attempt speaks: the n-th dump of the run (a spent pause budget starts another), and its attempt. */
export interface AttemptRef {
  readonly dump: number;
  readonly attempt: number;
  /** Task queue that only the process of this attempt listens on. */
  readonly queue: string;
}

/** An attempt of the dump has begun, in this process, under this pace. */
export interface Attached extends AttemptRef {
  readonly workerIdentity: string;
  readonly paceSequence: number;
}

export interface DumpProgressed extends AttemptRef {
  readonly progress: DumpProgress;
}

/** From a dump: sessions wait behind its locks. */
export interface LockAlert {
  readonly dump: number;
  readonly attempt: number;
  /** ISO time by the dumping process's clock. */
  readonly at: string;
  readonly text: string;
}

/** What the short activity `applyPace` found: which pace is in force in that process, and since when. */
export interface PaceApplied {
  readonly sequence: number;
  /** ISO time by that process's clock. */
  readonly at: string;
  /** False: no such dump runs in that process any more. */
  readonly found: boolean;
}

/** Told by `replicateCopy` to the backup that waits for it. */
export interface CopyChanged {
  readonly store: string;
  readonly state: CopyState;
  readonly grade: ProofGrade | null;
  readonly detail: string | null;
  /** True: it will be tried again later; nobody should wait for it. */
  readonly waiting: boolean;
}

/** True when `next` speaks for the same attempt as `known` or for a later one. */
export function isCurrentAttempt(known: AttemptRef | null, next: AttemptRef): boolean {
  if (known === null) return true;
  return next.dump > known.dump || (next.dump === known.dump && next.attempt >= known.attempt);
}
