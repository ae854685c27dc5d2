import type { QuotaState } from '../domain/quota';
import type { UsageRow } from '../domain/usage';

export type TransferKind = 'dump' | 'fill' | 'proof' | 'restore' | 'sweep';

/** What one piece of work did at one store. */
export interface Transfer {
  /** Names the work: the same `ref` at the same store is recorded once. */
  readonly ref: string;
  readonly store: string;
  readonly database: string;
  readonly backupId: string | null;
  readonly kind: TransferKind;
  readonly at: Date;
  /** That stand at the store now and did not before; negative = freed. */
  readonly bytes: number;
  readonly objects: number;
  readonly writes: number;
  readonly reads: number;
  readonly receivedBytes: number;
}

export interface TransferSum {
  readonly store: string;
  readonly database: string;
  readonly writes: number;
  readonly reads: number;
  readonly receivedBytes: number;
}

export interface QuotaStateRow {
  readonly store: string;
  readonly state: QuotaState;
  readonly since: Date;
  readonly reason: string;
}

/** The part of the catalogue that quota and cost are reckoned from. Every write may be repeated. */
export interface UsageCatalog {
  /** Remembers the work and, where it changed what stands at the store, adds an estimated figure. False when known already. */
  recordTransfer(transfer: Transfer): Promise<boolean>;
  /** The true figures of one store, by database; a database that is not among them holds nothing there. */
  saveMeasurement(measurement: {
    readonly store: string;
    readonly at: Date;
    readonly databases: readonly { readonly database: string; readonly bytes: number; readonly objects: number }[];
  }): Promise<void>;
  /** The newest figure of each database at each store. */
  currentUsage(filter?: { readonly store?: string; readonly database?: string }): Promise<readonly UsageRow[]>;
  /** All figures since then, and of each database the last one before. Oldest first. */
  usageHistory(filter: {
    readonly store?: string;
    readonly database?: string;
    readonly since: Date;
  }): Promise<readonly UsageRow[]>;
  transfers(filter: { readonly backupId: string }): Promise<readonly Transfer[]>;
  /** Of [from, to), by store and database. */
  transferSums(period: { readonly from: Date; readonly to: Date }): Promise<readonly TransferSum[]>;
  quotaStates(): Promise<readonly QuotaStateRow[]>;
  /** Keeps the state; gives the one before when it changed, `ok` for a store that was never judged, else null. */
  setQuotaState(row: Omit<QuotaStateRow, 'since'> & { readonly at: Date }): Promise<QuotaState | null>;
}
