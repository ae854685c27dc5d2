/** Shapes of the repository; FORMAT.md describes their bytes. */
import type { DumpSummary, FileSink, FileSource } from '../engines/engine';
import type { BackupType, EngineKind, ProofGrade } from '../domain/names';
import type { UploadGate } from '../load/governor';
import type { ObjectStore } from '../storage/object-store';

/** One segment: `id` is HMAC-SHA-256 of the plaintext (hex), `object` SHA-256 of the sealed bytes (hex), its name. */
export interface SegmentRef {
  readonly id: string;
  readonly object: string;
  readonly plainBytes: number;
  readonly sealedBytes: number;
}

/** Plain, signed part of a manifest: enough to replicate, check at rest, reuse and sweep without a key. */
export interface Inventory {
  readonly format: 1;
  readonly repositoryId: string;
  readonly database: string;
  readonly backupId: string;
  readonly engine: EngineKind;
  readonly type: BackupType;
  /** The backup whose segments were offered for reuse; null for full. Never needed to restore. */
  readonly basedOn: string | null;
  readonly startedAt: string;
  readonly completedAt: string;
  readonly segmentBytes: number;
  /** age recipients that can open every segment and the body; reuse is offered only to runs that seal to no others. */
  readonly recipients: readonly string[];
  /** Each distinct segment once, in first-use order. */
  readonly segments: readonly SegmentRef[];
  readonly rows: number;
  readonly plainBytes: number;
  readonly sealedBytes: number;
  /** Hex SHA-256 of the body's sealed bytes. */
  readonly bodyHash: string;
}

/** Sealed part. `files[path]` lists indexes into `inventory.segments`, in order. */
export interface ManifestBody {
  readonly format: 1;
  readonly backupId: string;
  /** Hex SHA-256 of the inventory without its `bodyHash`, so that each part names the other. */
  readonly inventoryHash: string;
  readonly summary: DumpSummary;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly segments: readonly number[] }[];
}

export interface Manifest {
  readonly inventory: Inventory;
  readonly body: ManifestBody;
}

/**
 * Key material as a process holds it. A worker that only backs up has `identities: []` and can read nothing back.
 * Buffers, never strings in logs; see `keys.ts` for the files they come from.
 */
export interface RepositoryKeys {
  readonly repositoryId: string;
  /** 32 bytes, names segments. */
  readonly idKey: Buffer;
  /** age recipients (`age1…`). At least one; two are recommended. */
  readonly recipients: readonly string[];
  /** age identities (`AGE-SECRET-KEY-1…`); empty on workers that only write. */
  readonly identities: readonly string[];
  /** PKCS#8 PEM of the Ed25519 key that signs manifests; null where this process only reads. */
  readonly signingKey: string | null;
  /** Raw 32-byte Ed25519 public keys that are trusted, newest first (rotation keeps old ones). */
  readonly verifyKeys: readonly Buffer[];
  /** What `holdfast.json` says, for writing it to a store; absent on processes that only read. */
  readonly description?: RepositoryDescription;
}

/** The public description of a repository: `repository.json`, and `holdfast.json` on every store. */
export interface RepositoryDescription {
  readonly format: 1;
  readonly repositoryId: string;
  /** Grows with each change; a store's older one is replaced, a newer one is left alone. */
  readonly revision: number;
  readonly createdAt: string;
  readonly recipients: readonly {
    readonly label: string;
    readonly recipient: string;
    readonly addedAt: string;
    /** Set when new runs no longer seal to it; the id key stays sealed to it, so that its old backups stay readable. */
    readonly retiredAt?: string;
  }[];
  /** Base64 of raw Ed25519 public keys, newest first. */
  readonly verifyKeys: readonly string[];
  /** Hex HMAC-SHA-256 of a fixed text under the id key: tells a wrong id key at once, and nothing else. */
  readonly idKeyCheck: string;
}

/** Found-again work: what an earlier attempt, or an older backup, stored already. */
export interface SegmentIndex {
  lookup(id: string): SegmentRef | undefined;
}

/** Remembers stored segments so that a next attempt skips them. Losing it costs an upload, nothing else. */
export interface SegmentJournal {
  load(): Promise<readonly JournalEntry[]>;
  /** Best effort, batched by the implementation; `flush` before commit. */
  record(entry: JournalEntry): void;
  flush(): Promise<void>;
}
export interface JournalEntry extends SegmentRef {
  /** The segment's id and, after a dot, a fingerprint of the recipients it is sealed to. */
  readonly id: string;
  /** Stores that hold the object for certain. */
  readonly stores: readonly string[];
}

export interface WriterCounters {
  readonly plainBytes: number;
  readonly sealedBytes: number;
  readonly uploadedBytes: number;
  readonly reusedBytes: number;
  readonly segments: number;
  readonly reusedSegments: number;
}

export interface StoreOutcome {
  readonly store: string;
  /** `committed`: all segments and the manifest are there. `behind`: dropped out or lagged; replicateCopy fills it. */
  readonly state: 'committed' | 'behind';
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface WriterOptions {
  readonly keys: RepositoryKeys;
  readonly database: string;
  readonly backupId: string;
  readonly type: BackupType;
  readonly startedAt: string;
  readonly segmentBytes: number;
  readonly zstdLevel: number;
  /** Written at once; one that fails or lags beyond `maxLagSegments` is left behind, the others go on. */
  readonly stores: readonly ObjectStore[];
  /** Segments being sealed or uploaded at once, over all stores; bounds memory. */
  readonly inFlight: number;
  /** Says when the next upload to a store may begin. @default at once */
  readonly gate?: UploadGate;
  /** Compiled code of the threads that seal. @default the one that was built with this module */
  readonly sealThreadFile?: string;
  readonly maxLagSegments: number;
  /** How long a store may lag so before it is left behind, in ms; default 5000. */
  readonly lagGraceMs?: number;
  /** How long a store may take to list, to look up or to take a manifest once another has, in ms; default 20000. */
  readonly answerGraceMs?: number;
  /** The backup to reuse from, and at which stores its segments are known to be. */
  readonly base: { readonly inventory: Inventory; readonly stores: readonly string[] } | null;
  readonly journal: SegmentJournal | null;
  /** Told at once of each store that is left behind. */
  readonly onBehind?: (fact: { readonly store: string; readonly code: string; readonly message: string }) => void;
  readonly signal: AbortSignal;
}

export interface CommitResult {
  readonly inventory: Inventory;
  /** True when another attempt had committed this backup id first: its manifest counts, this attempt's is dropped. */
  readonly adopted: boolean;
  readonly stores: readonly StoreOutcome[];
}

export interface BackupWriter extends FileSink {
  readonly counters: WriterCounters;
  /** Waits for all uploads, checks that every store that is to commit holds all segments, then writes the manifest, last. */
  commit(summary: DumpSummary): Promise<CommitResult>;
  /**
   * Stops uploads; what was stored stays for the next attempt. With `graceMs` what was taken already may still be stored in
   * that time, so that it need not be sent again.
   */
  abort(options?: { readonly graceMs?: number }): Promise<void>;
}

/** What `openBackup` returns: a verified manifest at one store, ready to read. */
export interface BackupReader extends FileSource {
  readonly store: ObjectStore;
  readonly manifest: Manifest;
  /** Fetches one segment, checks its name, opens it, checks its id; throws REPO_SEGMENT_DAMAGED/MISSING naming the copy. */
  readSegment(ref: SegmentRef, signal?: AbortSignal): Promise<Buffer>;
}

export interface CopyCheck {
  readonly grade: Extract<ProofGrade, 'stored' | 'intact'> | null;
  readonly objects: number;
  readonly bytes: number;
  readonly missing: readonly string[];
  readonly damaged: readonly string[];
  readonly durationMs: number;
}

/** Kept at `<database>/proofs/<backupId>/<store>` and in the catalogue. */
export interface ProofRecord {
  readonly format: 1;
  readonly backupId: string;
  readonly database: string;
  readonly store: string;
  readonly grade: ProofGrade | null;
  readonly asked: ProofGrade;
  readonly startedAt: string;
  readonly durationMs: number;
  /** Measured time of the restore alone: the RTO that is shown. null when nothing was restored. */
  readonly restoreMs: number | null;
  readonly compared: {
    readonly objects: number;
    readonly sealedBytes: number;
    readonly tables: number;
    readonly rows: number;
    readonly segments: number;
    readonly assertions: number;
  };
  readonly assertions: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly expected: string;
    readonly actual: string;
  }[];
  readonly failure: {
    readonly class: 'data' | 'environment' | 'not-tested';
    readonly code: string;
    readonly message: string;
    readonly hint: string;
  } | null;
  readonly serverVersion: string | null;
}
