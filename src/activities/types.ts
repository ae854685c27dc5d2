/** What activities take and return. Workflows see these types and nothing else of the activities. */
import type { CopyPolicy, PolicyStore } from '../domain/compliance';
import type { Failover, Lead } from '../domain/failover';
import type { AttemptRef, PaceApplied } from '../domain/messages';
import type { BackupType, CopyState, EngineKind, ProofGrade } from '../domain/names';
import type { Pace } from '../domain/pace';
import type { Observation, StoreEvent, StoreStatus } from '../domain/store-watch';
import type {
  AskTurnInput,
  AskTurnResult,
  HeavyLook,
  LoadNews,
  PlannedStart,
  SampleLoadInput,
  SampleLoadResult,
} from './load-types';
import type { HeavyAsk } from '../domain/load/places';
import type {
  BackupInput,
  ReplicateInput,
  RestoreInput,
  RestoreResult,
  RetentionDecision,
  MeasuredStore,
  RetentionInput,
  VerifyInput,
  VerifyResult,
} from '../domain/runs';
import type {
  IntactInput,
  IntactPlan,
  RotationDecision,
  RotationResult,
  ShareInput,
  ShareRead,
} from '../domain/verification-runs';

/** What admission decided: which work, on which base, where to, and the policies of the config that hold for this run. */
export interface BackupPlan {
  readonly engine: EngineKind;
  /** May be stronger than asked: with nothing to build on, a full backup is taken. */
  readonly type: BackupType;
  readonly base: BaseBackup | null;
  /** Primary first. */
  readonly stores: readonly string[];
  /** Stores that are left out of the dump, and why; their copies are filled when they can be. Absent = none. */
  readonly withheld?: readonly Withheld[];
  /** Stores whose breaker is half-open: the dump tries them, and tells how it went. Absent = none. */
  readonly trials?: readonly string[];
  /** Stores that were left out because of their breaker: better than none, should the others fail. Absent = none. */
  readonly reserve?: readonly string[];
  /** Which store leads; absent where none is the primary. */
  readonly lead?: Lead;
  /** The lead changes with this run. */
  readonly failover?: Failover;
  /** No store can be used now: to be waited for, at most this long. Then `stores`, which are all, are tried. */
  readonly blocked?: { readonly reason: string; readonly patienceMs: number };
  /** Whether it may begin now. Absent in plans of runs that began before anything held a start back. */
  readonly start?: PlannedStart;
  /** In the order in which copies are to be proved: longest unproved first, so that proofs rotate over the stores. */
  readonly proveOrder: readonly string[];
  readonly verification: { readonly grade: ProofGrade; readonly stores: 'one' | 'all' };
  readonly enforceRetention: boolean;
  /** The copies that are wanted, and what the stores are judged by; null: no policy. */
  readonly policy?: CopyPolicy | null;
  /** Absent in plans of runs that began before there was a policy. */
  readonly places?: readonly PolicyStore[];
  readonly timing: RunTiming;
  readonly notices: readonly string[];
}
export interface Withheld {
  readonly store: string;
  readonly code: string;
  readonly message: string;
}
export interface BaseBackup {
  readonly backupId: string;
  readonly stores: readonly string[];
}
/** Milliseconds. */
export interface RunTiming {
  readonly dumpTimeoutMs: number;
  readonly dumpHeartbeatMs: number;
  readonly verifyTimeoutMs: number;
  /** How long a backup waits for a store that is being filled and gets on. */
  readonly replicateWaitMs: number;
  /** How long a store that is down is tried before the copy is given up as lost. */
  readonly replicatePatienceMs: number;
}

export interface JobOpening {
  readonly backupId: string;
  readonly database: string;
  readonly engine: EngineKind;
  readonly backupType: BackupType;
  readonly basedOn: string | null;
  readonly startedAt: string;
  readonly workflowId: string;
  readonly runId: string;
}
export interface JobFailure {
  readonly backupId: string;
  readonly code: string;
  readonly message: string;
}

export interface DumpInput {
  readonly database: string;
  readonly backupId: string;
  readonly type: BackupType;
  readonly startedAt: string;
  readonly base: BaseBackup | null;
  readonly stores: readonly string[];
  readonly pace: Pace;
  /** Whoever watches these is told when they took the backup. */
  readonly trials?: readonly string[];
  /** Tried when none of `stores` can be opened. */
  readonly reserve?: readonly string[];
  /** Counts dumps of this run from 1: a spent pause budget, or a snapshot given up for others, starts another. */
  readonly dump: number;
  /** How often this run gave its snapshot up for others, and to which backends last; absent = never. */
  readonly yielded?: { readonly times: number; readonly backends: readonly number[] };
}
export interface DumpResult {
  /** True when the backup had been committed already, by an attempt that could not report it. */
  readonly adopted: boolean;
  readonly completedAt: string;
  readonly rows: number;
  readonly plainBytes: number;
  readonly sealedBytes: number;
  readonly uploadedBytes: number;
  readonly reusedBytes: number;
  readonly segments: number;
  readonly location: string;
  readonly committed: readonly string[];
  readonly behind: readonly { readonly store: string; readonly code: string; readonly message: string }[];
  readonly notices: readonly string[];
  /** What was asked of each store by the attempt that ended well. Absent in results of earlier releases. */
  readonly transfers?: readonly StoreTransfer[];
}
/** Requests and bytes of one piece of work at one store. */
export interface StoreTransfer {
  readonly store: string;
  readonly writes: number;
  readonly reads: number;
  readonly objects: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}
export interface DumpRecord {
  readonly database: string;
  readonly backupId: string;
  readonly result: DumpResult;
}

export interface CopyChange {
  readonly database: string;
  readonly backupId: string;
  readonly store: string;
  readonly state: CopyState;
  readonly grade?: ProofGrade | null;
  readonly detail: string | null;
}

export interface FillResult {
  readonly copiedObjects: number;
  readonly copiedBytes: number;
  /** The backup is deleted, or the store retired: the store is to hold no manifest of it. */
  readonly gone?: boolean;
}

export interface ExpiryPlan {
  readonly decisions: readonly RetentionDecision[];
  readonly tombstoned: readonly string[];
  /** Tombstoned backups whose grace has passed, and deleted ones of which a store still has something. */
  readonly due: readonly string[];
  /** ISO time at which the next tombstone is due; null when none waits. */
  readonly nextDueAt: string | null;
}
export interface SweepInput {
  readonly database: string;
  readonly requestedBy: string;
}
export interface SweepResult {
  readonly deleted: readonly string[];
  /** Why a tombstoned backup was spared after all. */
  readonly spared: readonly { readonly backupId: string; readonly reason: string }[];
  readonly objects: number;
  readonly bytes: number;
}

export interface RunState {
  readonly runId: string;
  readonly open: boolean;
  /** Workflow type: `backup` or `sweep`. */
  readonly type: string;
}

/** Step of a running restore or proof, in its heartbeats. */
export interface StepProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
  readonly current: string | null;
}

export interface StoreFillItem {
  readonly database: string;
  readonly backupId: string;
  /** How far the config asks copies to be proved. */
  readonly grade: ProofGrade;
}

export interface WatchInput {
  readonly store: string;
  /** What is known so far; null: nothing. */
  readonly status: StoreStatus | null;
  /** What runs saw since then. */
  readonly reports: readonly Observation[];
  /** Probe at once, whatever is due. */
  readonly probeNow: boolean;
}
export interface WatchResult {
  readonly status: StoreStatus;
  /** Empty when it was cancelled, or nothing changed for an hour. */
  readonly events: readonly StoreEvent[];
}

/** How a turn of the rotation ended. */
export interface TurnEnd {
  readonly turnId: string;
  readonly outcome: Exclude<RotationResult['outcome'], 'none'>;
  readonly detail: string | null;
}

/** `waited`: the run was admitted already and waits; an emergency stop that came since then is waited for, too. */
export type AdmitInput = BackupInput & { readonly waited?: boolean };

export interface HoldfastActivities {
  admit(input: AdmitInput): Promise<BackupPlan>;

  openJob(job: JobOpening): Promise<void>;
  recordDump(record: DumpRecord): Promise<void>;
  failJob(failure: JobFailure): Promise<void>;
  recordCopy(change: CopyChange): Promise<void>;

  dump(input: DumpInput): Promise<DumpResult>;
  applyPace(input: { readonly backupId: string; readonly pace: Pace }): Promise<PaceApplied>;

  fillStore(input: Pick<ReplicateInput, 'database' | 'backupId' | 'store' | 'heal' | 'objects'>): Promise<FillResult>;
  /** Backups that the store lacks and that can be copied from elsewhere, newest first; `left` counts all of them. */
  planStoreFill(input: {
    readonly store: string;
    readonly databases: readonly string[];
    readonly skip: readonly string[];
    readonly limit: number;
  }): Promise<{ readonly items: readonly StoreFillItem[]; readonly left: number }>;
  proveStore(input: VerifyInput): Promise<VerifyResult>;

  planExpiry(input: RetentionInput): Promise<ExpiryPlan>;
  deleteExpired(input: SweepInput): Promise<SweepResult>;

  watchStore(input: WatchInput): Promise<WatchResult>;
  announceStoreEvent(event: StoreEvent): Promise<void>;
  sampleLoad(input: SampleLoadInput): Promise<SampleLoadResult>;
  announceLoad(news: LoadNews): Promise<void>;
  measureStore(input: { readonly store: string }): Promise<MeasuredStore>;
  planRotation(input: { readonly database: string; readonly turnId: string }): Promise<RotationDecision>;
  finishTurn(end: TurnEnd): Promise<void>;
  planIntact(input: IntactInput): Promise<IntactPlan>;
  readShare(input: ShareInput): Promise<ShareRead>;

  restoreBackup(input: RestoreInput): Promise<RestoreResult>;

  /** Asks for a place among the heavy work of all workers; the answer comes as a signal. Asking twice is asking once. */
  askTurn(input: AskTurnInput): Promise<AskTurnResult>;
  /** `fresh`: nothing is known, so every run under way is asked. */
  lookAtHeavyWork(input: {
    readonly runs: readonly Pick<HeavyAsk, 'id' | 'runId'>[];
    readonly fresh: boolean;
  }): Promise<HeavyLook>;

  describeRun(input: { readonly workflowId: string }): Promise<RunState | null>;
  awaitRunEnd(input: { readonly workflowId: string; readonly runId: string }): Promise<void>;
}

export type { AttemptRef };
