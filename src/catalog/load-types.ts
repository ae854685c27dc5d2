/** The catalogue's part about load: samples, what they were rolled up to, events, and the emergency stop. */
import type { Breaker } from '../domain/breaker';
import type { LoadSample } from '../domain/load/signals';

export type LoadGrain = 'minute' | 'hour' | 'day';
export const LOAD_GRAINS: readonly LoadGrain[] = ['minute', 'hour', 'day'];

export interface LoadSampleRow extends LoadSample {
  readonly database: string;
  /** The backup that was reading the database then; null = none. */
  readonly backupId: string | null;
}

/** One signal over a minute, an hour or a day, in the signal's own unit. */
export interface RolledSignal {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly median: number;
  readonly p90: number;
}

export interface LoadRollupRow {
  readonly database: string;
  readonly grain: LoadGrain;
  readonly start: Date;
  readonly source: string;
  /** While a backup was reading the database. */
  readonly busy: boolean;
  readonly signals: Readonly<Record<string, RolledSignal>>;
}

export interface LoadEvent {
  readonly database: string;
  readonly at: Date;
  readonly kind: 'pace' | 'alert';
  /** Of a pace: paused, limited or full. Of an alert: its code. */
  readonly word: string;
  readonly backupId: string | null;
  readonly maxBytesPerSecond: number | null;
  readonly readers: number | null;
  readonly uploads: number | null;
  readonly setBy: string;
  /** For people, the strongest first. */
  readonly reasons: readonly string[];
}

type Limits = 'maxBytesPerSecond' | 'readers' | 'uploads';
/** An alert need not say that it sets no limits. */
export type NewLoadEvent = Omit<LoadEvent, Limits> & Partial<Pick<LoadEvent, Limits>>;

/** The last word of the watch of a database. */
export interface LoadWatchWord {
  /** `backup`: fast, because one runs. `idle`: slow, to learn what is usual. */
  readonly rhythm: 'backup' | 'idle';
  readonly backupId: string | null;
  /** What the watch wants of the run; null when nothing runs, or nothing was decided yet. */
  readonly target: {
    readonly maxBytesPerSecond: number | null;
    readonly readers: number | null;
    readonly uploads: number | null;
    readonly paused: boolean;
  } | null;
  readonly reasons: readonly string[];
  /** The impact breaker. Absent in words of earlier releases. */
  readonly breaker?: Breaker;
  readonly alerts: readonly { readonly code: string; readonly text: string }[];
  /** Newest value of each signal, by source. */
  readonly signals: Readonly<Record<string, LoadSample['signals']>>;
  /** Samplers that failed in the last round. */
  readonly failures: readonly { readonly source: string; readonly kind: string; readonly message: string }[];
}
export interface LoadWatchRow {
  readonly database: string;
  readonly at: Date;
  readonly word: LoadWatchWord;
  /** Since it was written, by the clock of the catalogue's server. Milliseconds. */
  readonly ageMs: number;
}

export interface EmergencyStopRow {
  readonly id: number;
  readonly since: Date;
  readonly by: string;
  readonly why: string;
  readonly endedAt: Date | null;
  readonly endedBy: string | null;
  readonly endReason: string | null;
}

/** How long figures are kept. Milliseconds. */
export interface LoadRetention {
  readonly samples: number;
  readonly minutes: number;
  readonly hours: number;
  readonly days: number;
}

export interface LoadCatalog {
  /** A sample that is on record already changes nothing. */
  recordLoad(facts: {
    readonly database: string;
    readonly backupId: string | null;
    readonly samples: readonly LoadSample[];
  }): Promise<void>;
  /** Oldest first; `limit` keeps the newest. */
  loadSamples(filter: {
    readonly database: string;
    readonly from: Date;
    readonly to?: Date;
    readonly limit?: number;
  }): Promise<readonly LoadSampleRow[]>;
  /**
   * Rolls up what is complete and not rolled up yet, and deletes what is older than stated, in batches. Cheap when there is
   * little to do; a call that was missed is made up for by the next.
   */
  maintainLoad(order: {
    readonly database: string;
    readonly now: Date;
    readonly keep: LoadRetention;
  }): Promise<{ readonly rolledUp: number; readonly deleted: number }>;
  /** Oldest first. */
  loadRollups(filter: {
    readonly database: string;
    readonly grain: LoadGrain;
    readonly from: Date;
    readonly to?: Date;
    readonly busy?: boolean;
    /** Only rows with one of these, and only these of them. @default all */
    readonly signals?: readonly string[];
  }): Promise<readonly LoadRollupRow[]>;

  /** False when it was on record already. */
  addLoadEvent(event: NewLoadEvent): Promise<boolean>;
  /** Newest first. */
  loadEvents(filter: {
    readonly database?: string;
    readonly backupId?: string;
    readonly since?: Date;
    readonly limit?: number;
  }): Promise<readonly LoadEvent[]>;
  /** The newer word stays, whichever is written last. */
  saveLoadWatch(row: Omit<LoadWatchRow, 'ageMs'>): Promise<void>;
  loadWatches(filter?: { readonly database?: string }): Promise<readonly LoadWatchRow[]>;

  /** Stops all heavy work. One that stands already stays as it is and is returned. */
  stopAll(order: { readonly by: string; readonly why: string; readonly at: Date }): Promise<EmergencyStopRow>;
  /** Null when none stands. */
  endStop(order: { readonly by: string; readonly why: string; readonly at: Date }): Promise<EmergencyStopRow | null>;
  standingStop(): Promise<EmergencyStopRow | null>;
}
