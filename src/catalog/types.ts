/** The index: everything here can be made again from one store, except holds and audit, which are mirrored nowhere else. */
import type { MissingClause } from '../domain/compliance';
import type { StoreLife } from '../domain/store-life';
import type { BackupType, CopyState, EngineKind, ProofGrade } from '../domain/names';
import type { StoreEvent, StoreStatus } from '../domain/store-watch';
import type { JournalEntry, ProofRecord } from '../repository/types';
import type { LoadCatalog } from './load-types';
import type { UsageCatalog } from './usage-types';
import type { VerificationCatalog } from './verification-types';

export interface BackupJob {
  /** uuid, the row's key. */
  readonly id: string;
  readonly backupId: string;
  readonly database: string;
  readonly engine: EngineKind;
  readonly backupType: BackupType;
  readonly basedOn: string | null;
  readonly status: 'running' | 'completed' | 'failed';
  /** Sealed bytes of the whole backup (table column `file_size`). */
  readonly fileSize: number | null;
  readonly plainBytes: number | null;
  readonly uploadedBytes: number | null;
  readonly reusedBytes: number | null;
  readonly rows: number | null;
  readonly segments: number | null;
  /** Key of the manifest below each store (`<database>/manifests/<backupId>`). */
  readonly location: string | null;
  readonly verificationStatus: ProofGrade | 'failed' | null;
  readonly errorMessage: string | null;
  readonly errorCode: string | null;
  readonly workflowId: string | null;
  readonly runId: string | null;
  readonly startedAt: Date;
  readonly completedAt: Date | null;
  /** Set by retention: will be deleted by the sweep unless undone. */
  readonly tombstonedAt: Date | null;
  readonly tombstoneReason: string | null;
  readonly deletedAt: Date | null;
}

export interface CopyRow {
  readonly backupId: string;
  readonly database: string;
  readonly store: string;
  readonly state: CopyState;
  readonly grade: ProofGrade | null;
  readonly provedAt: Date | null;
  readonly updatedAt: Date;
  readonly detail: string | null;
}

export interface CopyWrite {
  readonly backupId: string;
  readonly database: string;
  readonly store: string;
  readonly state: CopyState;
  readonly grade?: ProofGrade | null;
  readonly detail?: string | null;
  readonly at: Date;
}

/** What a backup had of the copies that the policy wants, from `at` on. */
export interface ComplianceRow {
  readonly backupId: string;
  readonly database: string;
  readonly at: Date;
  /** `2/3` */
  readonly state: string;
  readonly met: number;
  readonly wanted: number;
  readonly proved: number;
  readonly compliant: boolean;
  readonly missing: readonly MissingClause[];
}

export interface HoldRow {
  readonly id: string;
  readonly backupId: string;
  readonly database: string;
  readonly holder: string;
  readonly reason: string;
  readonly createdAt: Date;
  readonly releasedAt: Date | null;
}

export interface AuditEntry {
  readonly seq: number;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly database: string | null;
  readonly backupId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  /** Hex SHA-256 over the previous entry's hash and this entry's content: the log is a chain. */
  readonly hash: string;
}

export interface StoreHealthRow {
  readonly store: string;
  readonly status: StoreStatus;
  readonly updatedAt: Date;
}

export interface JobFilter {
  readonly database?: string;
  readonly status?: BackupJob['status'];
  readonly includeDeleted?: boolean;
  readonly limit?: number;
}

/** Every write is idempotent: the same call twice leaves the same rows. Errors: `src/errors/catalog.ts`. */
/** Names one entry of the audit log, and by its hash all before it. */
export type AuditMark = Pick<AuditEntry, 'seq' | 'hash'>;

export interface Catalog extends UsageCatalog, VerificationCatalog, LoadCatalog {
  /** Insert, or return what an earlier attempt inserted for this backup id. */
  startJob(job: {
    backupId: string;
    database: string;
    engine: EngineKind;
    backupType: BackupType;
    basedOn: string | null;
    startedAt: Date;
    workflowId: string | null;
    runId: string | null;
  }): Promise<BackupJob>;
  completeJob(
    backupId: string,
    facts: {
      completedAt: Date;
      fileSize: number;
      plainBytes: number;
      /** null when the upload was not seen: a backup found again in a store. */
      uploadedBytes: number | null;
      reusedBytes: number | null;
      rows: number;
      segments: number;
      location: string;
    },
  ): Promise<void>;
  failJob(backupId: string, failure: { completedAt: Date; errorCode: string; errorMessage: string }): Promise<void>;
  setVerification(backupId: string, status: ProofGrade | 'failed'): Promise<void>;
  job(backupId: string): Promise<BackupJob | null>;
  /** Newest first. */
  jobs(filter: JobFilter): Promise<readonly BackupJob[]>;

  /** A word that would take back what is known (`src/domain/copy-state.ts`) changes nothing. */
  setCopy(copy: CopyWrite): Promise<void>;
  /** All or none, in one transaction. `onlyNew`: copies that are known already stay as they are. */
  setCopies(copies: readonly CopyWrite[], options?: { readonly onlyNew?: boolean }): Promise<void>;
  copies(filter: { backupId?: string; database?: string; store?: string }): Promise<readonly CopyRow[]>;

  /** How far each backup meets the policy now; those that were never judged are absent. */
  compliance(filter: { backupId?: string; database?: string }): Promise<readonly ComplianceRow[]>;
  /** Every change, oldest first. */
  complianceHistory(filter: { database: string }): Promise<readonly ComplianceRow[]>;
  /** Judges all living backups anew: the policy, or what stores are, may have changed. */
  judgeAll(database: string, at: Date): Promise<void>;

  /** Stores that somebody decided about; all others are active. */
  storeLives(): Promise<readonly StoreLife[]>;
  /** Nothing changes where the state is the same already. */
  setStoreLife(life: StoreLife): Promise<void>;
  /** Asks `refuse` while nobody can change a copy; unless it says true, the store is retired and its copies with it. */
  retireStore(retirement: {
    readonly store: string;
    readonly since: Date;
    readonly who: string;
    readonly reason: string | null;
    readonly refuse: () => Promise<boolean>;
  }): Promise<{ readonly retired: boolean; readonly copies: number }>;

  saveProof(proof: ProofRecord): Promise<void>;
  /** Newest first. */
  proofs(filter: {
    backupId?: string;
    database?: string;
    store?: string;
    limit?: number;
  }): Promise<readonly ProofRecord[]>;

  journalLoad(backupId: string): Promise<readonly JournalEntry[]>;
  journalAppend(backupId: string, entries: readonly JournalEntry[]): Promise<void>;
  journalClear(backupId: string): Promise<void>;

  addHold(hold: { backupId: string; database: string; holder: string; reason: string; at: Date }): Promise<HoldRow>;
  /** Releases every active hold of this holder on this backup; returns how many. */
  releaseHold(backupId: string, holder: string, at: Date): Promise<number>;
  /** Active ones, unless `all`. */
  holds(filter: { backupId?: string; database?: string; all?: boolean }): Promise<readonly HoldRow[]>;

  tombstone(backupId: string, reason: string, at: Date): Promise<void>;
  /** Undoes a tombstone; false when there was none or the backup is deleted already. */
  restoreTombstoned(backupId: string): Promise<boolean>;
  /** Before the first manifest goes: from then on the tombstone cannot be undone. Does nothing without a tombstone. */
  markDeleted(backupId: string, at: Date): Promise<void>;

  audit(entry: {
    actor: string;
    action: string;
    database?: string | null;
    backupId?: string | null;
    details?: Record<string, unknown>;
    at: Date;
  }): Promise<AuditEntry>;
  /** Newest first. */
  auditLog(filter: { database?: string; limit?: number }): Promise<readonly AuditEntry[]>;
  /** The last entry as it was appended, kept apart from the log; null before the first. */
  auditHead(): Promise<AuditMark | null>;
  /**
   * Walks the chain; returns the seq of the first entry that was changed or is missing, or null. `expected` is a head that
   * was noted elsewhere: the log must still hold that very entry.
   */
  auditVerify(expected?: AuditMark): Promise<number | null>;

  /** The newer word on a store stays, whichever is written last. */
  saveStoreHealth(status: StoreStatus, at: Date): Promise<void>;
  storeHealth(): Promise<readonly StoreHealthRow[]>;
  /** False when it was on record already. */
  addStoreEvent(event: StoreEvent): Promise<boolean>;
  /** Newest first. */
  storeEvents(filter: {
    store?: string;
    kind?: StoreEvent['kind'];
    database?: string;
    since?: Date;
    limit?: number;
  }): Promise<readonly StoreEvent[]>;

  ping(): Promise<{ readonly serverVersion: string; readonly migration: string | null }>;
  close(): Promise<void>;
}
