/** The one typed way to start, signal, query and schedule. CLI, API and tests use it; nothing else talks to Temporal. */
import type { HeavyQueue } from '../domain/load/places';
import type { Pace } from '../domain/pace';
import type { BackupProgress } from '../domain/progress';
import type {
  IntactInput,
  IntactPlan,
  IntactResult,
  RotationDecision,
  RotationInput,
  RotationResult,
} from '../domain/verification-runs';
import type {
  BackupResult,
  CopyResult,
  OverlapPolicy,
  RequestInput,
  RequestResult,
  RestoreInput,
  RestoreResult,
  RetentionDecision,
  RetentionInput,
  RetentionResult,
  StoreFillInput,
  StoreFillProgress,
  StoreUsageInput,
  StoreUsageResult,
  VerifyInput,
  VerifyResult,
} from '../domain/runs';

export type {
  BackupResult,
  CopyResult,
  OverlapPolicy,
  RequestInput,
  RequestResult,
  RestoreInput,
  RestoreResult,
  RetentionDecision,
  RetentionInput,
  RetentionResult,
  StoreUsageInput,
  StoreUsageResult,
  VerifyInput,
  VerifyResult,
};

export interface RunSummary {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly status: string;
  readonly database: string | null;
  readonly startedAt: Date;
  readonly closedAt: Date | null;
  readonly phase: string | null;
  readonly pace: string | null;
  /** `2/3`: its search attribute; null where it has none. */
  readonly copies: string | null;
}

export interface ScheduleChange {
  readonly scheduleId: string;
  readonly action: 'create' | 'update' | 'pause' | 'unchanged';
  /** Field by field: what differs, as text. */
  readonly differences: readonly string[];
}
/** The run that watches a store. */
export interface StoreWatchChange {
  readonly store: string;
  readonly action: 'start' | 'end' | 'unchanged';
}
/** The run that watches the load of a database. */
export interface LoadWatchChange {
  readonly database: string;
  readonly action: 'start' | 'end' | 'unchanged';
}
export interface ScheduleView {
  readonly scheduleId: string;
  readonly database: string;
  readonly name: string;
  readonly paused: boolean;
  readonly note: string;
  readonly nextRuns: readonly Date[];
  readonly lastRuns: readonly { readonly at: Date; readonly workflowId: string }[];
  readonly skippedOverlap: number;
  readonly missedCatchup: number;
}

/** Errors: `src/errors/orchestration.ts` (TEMPORAL_UNREACHABLE, RUN_NOT_FOUND, …). */
export interface HoldfastClient {
  /** Starts `request/<database>/…`; returns at once. */
  requestBackup(input: RequestInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  /** Waits for a request to end. */
  requestResult(workflowId: string, runId?: string): Promise<RequestResult>;
  /** Progress of the database's current run: the query, refreshed with the newest heartbeat. null when none runs. */
  progress(database: string): Promise<BackupProgress | null>;
  /** `forMs`: it ends by itself. @default it stands until somebody resumes */
  pause(database: string, who: string, reason: string, forMs?: number): Promise<Pace>;
  /** Also takes back what people asked for before. `forMs`: the load watch may not slow the run down before. @default 0 */
  resume(database: string, who: string, reason: string, forMs?: number): Promise<Pace>;
  /** `forMs`: it ends by itself. @default it stands until somebody resumes */
  setPace(
    database: string,
    pace: { maxBytesPerSecond: number | null; readers: number | null },
    who: string,
    reason: string,
    forMs?: number,
  ): Promise<Pace>;
  /** Resolves when the dumping worker confirmed that this sequence is in force, with the milliseconds it took since the signal. */
  awaitPaceApplied(database: string, sequence: number, timeoutMs: number): Promise<{ readonly effectiveMs: number }>;
  cancel(database: string, reason: string): Promise<void>;
  /** A run that waits for its calendar, or for the impact breaker, starts now. False when it does not wait for them. */
  startNow(database: string, who: string, why: string): Promise<boolean>;
  /** Who does heavy work now, and who waits for a place; null when nobody keeps places, since nobody asked for one of late. */
  heavyQueue(): Promise<HeavyQueue | null>;
  /** Has those who do heavy work looked at now: an emergency stop began or ended. */
  lookAtHeavyWork(): Promise<void>;
  /** How often a run that has ended began to read its source: attempts of all its dumps. */
  dumpAttempts(workflowId: string, runId: string): Promise<number>;

  startVerify(input: VerifyInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  verifyResult(workflowId: string): Promise<VerifyResult>;
  /** Takes the next turn of the rotation; one that is under way serves as well. */
  startRotation(input: RotationInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  rotationResult(workflowId: string): Promise<RotationResult>;
  /** Whose turn it is; null until that is decided, or when nobody can tell. */
  rotationPlan(workflowId: string): Promise<RotationDecision | null>;
  /** Reads objects again; what is under way for this database serves as well. */
  startIntact(input: IntactInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  intactResult(workflowId: string): Promise<IntactResult>;
  intactPlan(workflowId: string): Promise<IntactPlan | null>;
  startRestore(input: RestoreInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  restoreResult(workflowId: string): Promise<RestoreResult>;
  /** Step, rows and bytes of a running restore or proof; null when unknown. */
  activityProgress(workflowId: string): Promise<{
    readonly step: string;
    readonly done: number;
    readonly total: number;
    readonly current: string | null;
  } | null>;
  startRetention(input: RetentionInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  /** Waits for a plan, or for a retention run to have deleted all that it marked (hours: the grace period). */
  retentionResult(workflowId: string, runId?: string): Promise<RetentionResult>;
  startReplicate(
    database: string,
    backupId: string,
    store: string,
  ): Promise<{ readonly workflowId: string; readonly runId: string }>;
  /** Fills a store with every kept backup that it lacks; a run for this store that is under way is joined. */
  startStoreFill(input: StoreFillInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  storeFillProgress(store: string): Promise<StoreFillProgress>;
  storeFillResult(store: string): Promise<StoreFillProgress>;
  /** Has the stores listed, beside what the schedule does. */
  startStoreUsage(input: StoreUsageInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  storeUsageResult(workflowId: string, runId?: string): Promise<StoreUsageResult>;
  /** Those that watch stores and load are not among them: they never end. */
  runs(filter: {
    readonly database?: string;
    readonly open?: boolean;
    readonly limit?: number;
  }): Promise<readonly RunSummary[]>;

  planSchedules(): Promise<readonly ScheduleChange[]>;
  applySchedules(): Promise<readonly ScheduleChange[]>;
  schedules(): Promise<readonly ScheduleView[]>;
  pauseSchedule(scheduleId: string, note: string): Promise<void>;
  resumeSchedule(scheduleId: string, note: string): Promise<void>;
  triggerSchedule(scheduleId: string): Promise<void>;
  backfillSchedule(scheduleId: string, start: Date, end: Date): Promise<void>;

  planStoreWatches(): Promise<readonly StoreWatchChange[]>;
  /** Watches each configured store, and those that left the config no more. */
  applyStoreWatches(): Promise<readonly StoreWatchChange[]>;
  planLoadWatches(): Promise<readonly LoadWatchChange[]>;
  /** Watches the load of each database whose config says so, and of no other. */
  applyLoadWatches(): Promise<readonly LoadWatchChange[]>;
  /** Measures now. False when nobody watches it. */
  measureLoadNow(database: string): Promise<boolean>;

  /** Probes a store now. False when nobody watches it. */
  probeStoreNow(store: string): Promise<boolean>;

  /** Server version, namespace, and which of Holdfast's search attributes are missing. */
  checkServer(): Promise<{
    readonly serverVersion: string;
    readonly namespace: string;
    readonly missingSearchAttributes: readonly string[];
    readonly pollers: Readonly<Record<string, number>>;
  }>;
  registerSearchAttributes(): Promise<readonly string[]>;
  webUiUrl(workflowId: string, runId?: string): string | null;
  close(): Promise<void>;
}
