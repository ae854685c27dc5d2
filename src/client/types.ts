/** The one typed way to start, signal, query and schedule. CLI, API and tests use it; nothing else talks to Temporal. */
import type { BackupType, ProofGrade } from '../domain/names';
import type { Pace } from '../domain/pace';
import type { BackupProgress } from '../domain/progress';

export type OverlapPolicy = 'skip' | 'wait' | 'cancel';

export interface RequestInput {
  readonly database: string;
  readonly type: BackupType;
  readonly overlap: OverlapPolicy;
  /** Who or what asked: `schedule hourly`, `ana@host`. */
  readonly requestedBy: string;
}
/** Result of the `request` workflow. */
export interface RequestResult {
  readonly outcome: 'ran' | 'skipped';
  /** The run that did the work, or that was under way. */
  readonly workflowId: string;
  readonly runId: string;
  readonly backup: BackupResult | null;
  readonly reason: string;
}

export interface CopyResult {
  readonly store: string;
  readonly state: 'pending' | 'copying' | 'complete' | 'proved' | 'damaged' | 'lost';
  readonly grade: ProofGrade | null;
  readonly detail: string | null;
}
/** Result of the `backup` workflow. Counts and names only. */
export interface BackupResult {
  readonly database: string;
  readonly backupId: string;
  readonly type: BackupType;
  readonly basedOn: string | null;
  /** Strongest grade that a copy reached; null when none was asked for or the proof failed. */
  readonly grade: ProofGrade | null;
  readonly rows: number;
  readonly plainBytes: number;
  readonly sealedBytes: number;
  readonly uploadedBytes: number;
  readonly reusedBytes: number;
  readonly segments: number;
  readonly durationMs: number;
  readonly copies: readonly CopyResult[];
  readonly notices: readonly string[];
}

export interface RestoreInput {
  readonly backupId: string;
  readonly database: string;
  /** Store to read from; null = the best proved copy. */
  readonly store: string | null;
  /** A database entry of the config whose server is restored to, or a secret reference to a URL. */
  readonly to: { readonly database: string } | { readonly url: string };
  /** Name of the database to create; null = the target's own. */
  readonly as: string | null;
  readonly schemas: readonly string[];
  readonly tables: readonly string[];
  readonly owners: 'keep' | 'omit' | { readonly mapTo: string };
  readonly acls: 'keep' | 'omit';
  readonly globals: 'none' | 'roles';
  readonly jobs: number;
  /** Drop what stands in the target first; the CLI asks for typed confirmation before it sets this. */
  readonly replace: boolean;
  readonly requestedBy: string;
}
export interface RestoreResult {
  readonly backupId: string;
  readonly store: string;
  readonly target: string;
  readonly databaseName: string;
  readonly rows: number;
  readonly plainBytes: number;
  readonly tables: number;
  readonly durationMs: number;
  readonly notices: readonly string[];
}

export interface VerifyInput {
  readonly database: string;
  readonly backupId: string;
  readonly store: string;
  readonly grade: ProofGrade;
  readonly requestedBy: string;
}
export interface VerifyResult {
  readonly store: string;
  readonly backupId: string;
  readonly grade: ProofGrade | null;
  readonly durationMs: number;
  readonly restoreMs: number | null;
  readonly rows: number;
  readonly failure: {
    readonly class: 'data' | 'environment' | 'not-tested';
    readonly code: string;
    readonly message: string;
    readonly hint: string;
  } | null;
}

export interface RetentionInput {
  readonly database: string;
  /** False = plan only. */
  readonly confirm: boolean;
  readonly requestedBy: string;
}

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
}

export interface ScheduleChange {
  readonly scheduleId: string;
  readonly action: 'create' | 'update' | 'pause' | 'unchanged';
  /** Field by field: what differs, as text. */
  readonly differences: readonly string[];
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
  pause(database: string, who: string, reason: string): Promise<Pace>;
  resume(database: string, who: string, reason: string): Promise<Pace>;
  setPace(
    database: string,
    pace: { maxBytesPerSecond: number | null; readers: number | null },
    who: string,
    reason: string,
  ): Promise<Pace>;
  /** Resolves when the dumping worker confirmed that this sequence is in force, with the milliseconds it took since the signal. */
  awaitPaceApplied(database: string, sequence: number, timeoutMs: number): Promise<{ readonly effectiveMs: number }>;
  cancel(database: string, reason: string): Promise<void>;

  startVerify(input: VerifyInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  verifyResult(workflowId: string): Promise<VerifyResult>;
  startRestore(input: RestoreInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  restoreResult(workflowId: string): Promise<RestoreResult>;
  /** Step, rows and bytes of a running restore or proof; null when unknown. */
  activityProgress(
    workflowId: string,
  ): Promise<{
    readonly step: string;
    readonly done: number;
    readonly total: number;
    readonly current: string | null;
  } | null>;
  startRetention(input: RetentionInput): Promise<{ readonly workflowId: string; readonly runId: string }>;
  startReplicate(
    database: string,
    backupId: string,
    store: string,
  ): Promise<{ readonly workflowId: string; readonly runId: string }>;
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
