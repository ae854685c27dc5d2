/** What activities are made of. The worker's composition root fills it in; tests fill it in otherwise. */
import type { Catalog } from '../catalog/types';
import type { ComplianceFacts } from '../config/compliance-facts';
import type { DatabaseConfig } from '../config/schema';
import type { BackupEngine, ConnectionTarget } from '../engines/engine';
import type { LoadRetention } from '../catalog/load-types';
import type { LockWaiterRule } from '../domain/load/lock-verdict';
import type { LoadRules } from '../domain/load/rules';
import type { GovernorRegistry } from '../load/registry';
import type { LoadSessions } from '../load/watch-session';
import type { RepositoryKeys } from '../repository/types';
import type { Prices } from '../domain/cost';
import type { DumpProgress, UploadFigures } from '../domain/progress';
import type { StoreRole } from '../domain/names';
import type { StoreEventListener, WatchLimits } from '../domain/store-watch';
import type { ProbeResult } from '../storage/probe';
import type { QuotaFacts, QuotaLimits } from '../domain/quota';
import type { ObjectStore } from '../storage/object-store';
import type { ScratchLimits } from '../verify/types';

export interface ActivityDeps {
  /** Throws RUN_DATABASE_UNKNOWN. */
  database(name: string): DatabaseConfig;
  /** A database of the config, or a secret reference to a URL, resolved at each call so that rotated secrets are seen. */
  connection(target: { readonly database: string } | { readonly url: string }): Promise<ConnectionTarget>;
  readonly stores: StoreSet;
  /** Which copies are wanted of a database, and what its stores are. */
  compliance(database: string): ComplianceFacts;
  readonly health: StoreWatching;
  readonly load: LoadWatching;
  /** What a dump does about those who wait behind its locks, watched or not. Throws RUN_DATABASE_UNKNOWN. */
  lockRule(database: string): LockWaiterRule;
  readonly terms: StoreTerms;
  /** Opened once; throws what `loadKeys` throws. */
  keys(): Promise<RepositoryKeys>;
  /** Opened and migrated at first use. */
  catalog(): Promise<Catalog>;
  readonly engine: BackupEngine;
  readonly governors: GovernorRegistry;
  /** What reading so much from a store costs, as text with its currency; null where no price is stated. */
  costOf(store: string, read: { readonly bytes: number; readonly objects: number }): string | null;
  /** What this process sent to these stores in the last seconds. */
  uploadFigures(stores: readonly string[]): Readonly<Record<string, UploadFigures>>;
  /** Told of each bucket of objects that was read again, for the metrics. */
  readonly observeRead?: (fact: ReadFact) => void;
  readonly scratch: ScratchLimits;
  readonly binDirs: readonly string[];
  readonly writing: WritingLimits;
  readonly timing: TimingDefaults;
  /** The private task queue of this process. */
  readonly hostQueue: string;
  readonly workerIdentity: string;
}

export interface ReadFact {
  readonly database: string;
  readonly store: string;
  readonly objects: number;
  readonly bytes: number;
  readonly damaged: number;
}

export interface StoreSet {
  /** Of one database, primary first; those that the config names, or all. */
  namesFor(database: string): readonly string[];
  roleOf(store: string): StoreRole;
  /**
   * Opened once; its `holdfast.json` is made when the store is new, and read again at each call, within 10 seconds. Throws
   * RUN_STORE_UNKNOWN, REPO_NOT_INITIALISED where a store that was used looks empty, and the store's own errors.
   */
  open(store: string): Promise<ObjectStore>;
}

/** How stores are watched. */
export interface StoreWatching {
  readonly limits: WatchLimits;
  /** False: nobody watches, so what the catalogue says of health is not asked for. */
  readonly watched: boolean;
  /** How long a run waits while the breaker of each of its stores is open. Milliseconds. */
  readonly patienceMs: number;
  /** One round trip, without retries, so that a store that throttles does not look like one that is gone. */
  probe(store: string, signal: AbortSignal): Promise<ProbeResult>;
  /** Told of each event after it is on record. */
  readonly listeners: readonly StoreEventListener[];
  log(level: 'info' | 'warn', message: string, facts: Readonly<Record<string, unknown>>): void;
}

/** How the load of databases is watched. */
export interface LoadWatching {
  /** Null: nobody watches it. Throws RUN_DATABASE_UNKNOWN. */
  of(database: string): WatchedLoad | null;
  /** Whether or not anybody watches. Throws RUN_DATABASE_UNKNOWN. */
  rulesOf(database: string): LoadRules;
  /** Heavy operations at once, over all workers. */
  readonly heavy: number;
  readonly sessions: LoadSessions;
  /** Told the progress of a dump, before each round of samples; it may run in another process. */
  hear?(database: string, dump: DumpProgress): void;
  log(level: 'info' | 'warn', message: string, facts: Readonly<Record<string, unknown>>): void;
}

export interface WatchedLoad {
  readonly rules: LoadRules;
  /** Between two samples while a backup reads. Milliseconds. */
  readonly everyMs: number;
  /** And otherwise. */
  readonly idleEveryMs: number;
  readonly keep: LoadRetention;
}

/** What may be kept at a store, and what it costs. */
export interface StoreTerms {
  limitsOf(store: string): QuotaLimits;
  /** Of the storage class that is written; null where none are configured. */
  pricesOf(store: string): Prices | null;
  /** As it is now; null for a store without a disk that this process can see. */
  diskOf(store: string): Promise<QuotaFacts['disk']>;
}

export interface WritingLimits {
  readonly segmentBytes: number;
  readonly zstdLevel: number;
  readonly inFlight: number;
}

/** Milliseconds; tests use shorter ones. */
export interface TimingDefaults {
  readonly dumpHeartbeatMs: number;
  readonly replicateWaitMs: number;
  readonly replicatePatienceMs: number;
  /** A store that does not answer within this is left behind by the run, and filled later. */
  readonly probeMs: number;
  /** Shortest interval of progress signals; grows with the age of a run, so that the history stays small. */
  readonly progressMs: number;
  /** A run that waits for a place among the heavy work asks again after this, at first. */
  readonly askAgainMs: number;
  /** Without a word about its place for so long a run goes on without one. */
  readonly placePatienceMs: number;
  /** How often runs that hold or want a place are looked at, to forget those that ended unheard. */
  readonly lookAtPlacesMs: number;
}

export const DEFAULT_TIMING: TimingDefaults = {
  dumpHeartbeatMs: 30_000,
  replicateWaitMs: 3_600_000,
  replicatePatienceMs: 30 * 86_400_000,
  probeMs: 10_000,
  progressMs: 2_000,
  askAgainMs: 60_000,
  placePatienceMs: 600_000,
  lookAtPlacesMs: 60_000,
};
