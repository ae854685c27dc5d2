/** What runs are asked and what they answer: names, ids, counts and states; never data, never a secret. */
import type { BackupType, CopyState, FaultClass, ProofGrade } from './names';

/** What to do when a run is under way: give way, take the next turn, or cancel it and go. */
export type OverlapPolicy = 'skip' | 'wait' | 'cancel';

export interface RequestInput {
  readonly database: string;
  readonly type: BackupType;
  readonly overlap: OverlapPolicy;
  /** Who or what asked: `schedule hourly`, `ana@host`. */
  readonly requestedBy: string;
  /** Whatever its windows, protected times and the impact breaker say. Never of a schedule. */
  readonly now?: boolean;
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

/** Input of the `backup` workflow, whose id `backup/<database>` is the lock on the database's repository. */
export interface BackupInput {
  readonly database: string;
  readonly type: BackupType;
  readonly requestedBy: string;
  /** It waits for no window, protected time or impact breaker. */
  readonly now?: boolean;
}

export interface CopyResult {
  readonly store: string;
  readonly state: CopyState;
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
  /** What the proof asked of the store; absent in results of older workers. */
  readonly read?: {
    readonly bytes: number;
    readonly objects: number;
    /** As text with its currency; null = the store's prices are not stated. */
    readonly cost: string | null;
  };
  /** True when the copy was damaged, and was healed before it was proved. */
  readonly healed?: boolean;
  readonly failure: {
    readonly class: FaultClass;
    readonly code: string;
    readonly message: string;
    readonly hint: string;
  } | null;
}

export interface ReplicateInput {
  readonly database: string;
  readonly backupId: string;
  readonly store: string;
  /** True: every object at the store is read again and replaced where it is damaged. False: what is missing is sent. */
  readonly heal: boolean;
  /** When healing: only these objects are read again, the others are believed by name and size. Absent or empty = all. */
  readonly objects?: readonly string[];
  /** Give up after this many milliseconds of trying. */
  readonly patienceMs: number;
  /** Prove the copy to this grade once it is filled; null leaves that to whoever started this. */
  readonly proveGrade: ProofGrade | null;
  /** Whom to tell of changes while this runs: a workflow id; null = nobody. */
  readonly tell: string | null;
}
export interface ReplicateResult {
  readonly store: string;
  readonly state: 'complete' | 'proved' | 'damaged' | 'lost';
  readonly grade: ProofGrade | null;
  readonly copiedObjects: number;
  readonly copiedBytes: number;
}

/** Input of `fillStoreWithAll`. */
export interface StoreFillInput {
  readonly store: string;
  readonly databases: readonly string[];
  /** Copies that are filled at once. */
  readonly atOnce: number;
  /** How long one copy is tried. Milliseconds. */
  readonly patienceMs: number;
  /** Prove each copy, as far as its database asks, once it is filled. */
  readonly prove: boolean;
  readonly requestedBy: string;
}
/** Its result, and the answer of its `progress` query while it runs. */
export interface StoreFillProgress {
  readonly store: string;
  readonly filled: number;
  readonly left: number;
  readonly copiedBytes: number;
  /** Backups that are being filled now. */
  readonly active: readonly string[];
  /** The last hundred. */
  readonly failed: readonly { readonly backupId: string; readonly code: string; readonly message: string }[];
  /** Backups that could not be filled, or were deleted meanwhile. */
  readonly notFilled: number;
}

/** Input of the `storeUsage` workflow: which stores are listed. */
export interface StoreUsageInput {
  readonly stores: readonly string[];
  readonly requestedBy: string;
}
/** Bytes and objects below the store's prefix. */
export interface MeasuredStore {
  readonly store: string;
  readonly bytes: number;
  readonly objects: number;
  readonly durationMs: number;
  /** Why it could not be measured; then the counts are 0. */
  readonly error: { readonly code: string; readonly message: string } | null;
}
export interface StoreUsageResult {
  readonly stores: readonly MeasuredStore[];
}

export interface RetentionInput {
  readonly database: string;
  /** False = plan only. */
  readonly confirm: boolean;
  readonly requestedBy: string;
}
export interface RetentionDecision {
  readonly backupId: string;
  readonly keep: boolean;
  readonly reasons: readonly string[];
}
export interface RetentionResult {
  readonly decisions: readonly RetentionDecision[];
  /** Marked in this run; each can be taken back until it is deleted. */
  readonly tombstoned: readonly string[];
  readonly deleted: readonly string[];
  readonly sweptObjects: number;
  readonly sweptBytes: number;
}
