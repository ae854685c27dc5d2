/** What a store costs in a month: so far, by the end of it, and what reading back from it would cost. Pure. */
import {
  monthlyStorageCost,
  periodCost,
  readBackCost,
  totals,
  type PeriodCost,
  type PeriodUse,
  type Prices,
} from './cost';
import { meanOver } from './forecast';
import { addMoney, zero, type Money } from './money';
import type { UsageRow } from './usage';

export interface CostReportInput {
  readonly store: string;
  readonly prices: Prices;
  /** The month that is asked for. */
  readonly from: Date;
  readonly to: Date;
  readonly now: Date;
  /** History of this store: from the month on, and the figure of each database before it. */
  readonly rows: readonly UsageRow[];
  /** Of the month, at this store. */
  readonly transfers: readonly {
    readonly database: string;
    readonly writes: number;
    readonly reads: number;
    readonly receivedBytes: number;
  }[];
  /** The newest complete backup of each database. */
  readonly backups: readonly { readonly database: string; readonly bytes: number; readonly objects: number }[];
}

export interface DatabaseCost extends PeriodCost {
  /** Empty: what belongs to no database. */
  readonly database: string;
}
export interface CostReport {
  readonly store: string;
  readonly currency: string;
  /** Of the month up to now, or of the whole month when it is over. */
  readonly period: PeriodCost;
  /** Of the whole month: what it cost so far, and the rest at the pace of the month and at what stands there now. */
  readonly projected: Money;
  /** Storage alone of what stands there now, for a month. */
  readonly perMonth: Money;
  readonly databases: readonly DatabaseCost[];
  /** A restore or a proof of the newest backup of each database, read from this store. */
  readonly readBack: readonly { readonly database: string; readonly cost: Money }[];
}

export function costReport(input: CostReportInput): CostReport {
  const { store, prices, from, to, rows, transfers } = input;
  const end = new Date(Math.min(Math.max(from.getTime(), input.now.getTime()), to.getTime()));
  const names = [...new Set([...rows, ...transfers].map(({ database }) => database))].sort();
  const uses = names.map((database) => ({ database, use: useOf(input, database, from, end) }));
  const databases = uses.map(({ database, use }) => ({ database, ...periodCost(prices, use) }));
  const sum = (pick: (cost: PeriodCost) => Money) =>
    databases.map(pick).reduce((all, one) => addMoney(all, one), zero(prices.currency));
  const period = {
    storage: sum(({ storage }) => storage),
    requests: sum(({ requests }) => requests),
    egress: sum(({ egress }) => egress),
    total: sum(({ total }) => total),
  };
  const elapsed = end.getTime() - from.getTime();
  const rest = to.getTime() - end.getTime();
  const pro = elapsed > 0 ? rest / elapsed : 0;
  const heldNow = names.reduce((bytes, database) => bytes + (newest(rows, database)?.bytes ?? 0), 0);
  const ahead = periodCost(prices, {
    bytes: heldNow,
    ms: rest,
    writes: totalOf(transfers, 'writes') * pro,
    reads: totalOf(transfers, 'reads') * pro,
    receivedBytes: totalOf(transfers, 'receivedBytes') * pro,
  });
  return {
    store,
    currency: prices.currency,
    period,
    projected: addMoney(period.total, ahead.total),
    perMonth: monthlyStorageCost(prices, heldNow),
    databases,
    readBack: input.backups.map(({ database, bytes, objects }) => ({
      database,
      cost: readBackCost(prices, { bytes, objects }),
    })),
  };
}

/** Sums of several stores, one for each currency. */
export function monthTotals(reports: readonly CostReport[]): {
  readonly soFar: readonly Money[];
  readonly projected: readonly Money[];
} {
  return {
    soFar: totals(reports.map(({ period }) => period.total)),
    projected: totals(reports.map(({ projected }) => projected)),
  };
}

/** `2026-11` → its first moment and that of the next month, UTC; null when it is none. */
export function monthOf(text: string): { readonly from: Date; readonly to: Date } | null {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text);
  if (!match) return null;
  const [year, month] = [Number(match[1]), Number(match[2])];
  return { from: new Date(Date.UTC(year, month - 1, 1)), to: new Date(Date.UTC(year, month, 1)) };
}

function useOf({ rows, transfers }: CostReportInput, database: string, from: Date, to: Date): PeriodUse {
  const points = rows.filter((row) => row.database === database).map(({ at, bytes }) => ({ at, value: bytes }));
  const asked = transfers.filter((transfer) => transfer.database === database);
  return {
    bytes: meanOver(points, from, to),
    ms: to.getTime() - from.getTime(),
    writes: totalOf(asked, 'writes'),
    reads: totalOf(asked, 'reads'),
    receivedBytes: totalOf(asked, 'receivedBytes'),
  };
}

function newest(rows: readonly UsageRow[], database: string): UsageRow | undefined {
  return rows
    .filter((row) => row.database === database)
    .reduce<UsageRow | undefined>(
      (last, row) => (last && last.at.getTime() > row.at.getTime() ? last : row),
      undefined,
    );
}

function totalOf<Key extends 'writes' | 'reads' | 'receivedBytes'>(
  counts: readonly Readonly<Record<Key, number>>[],
  key: Key,
): number {
  return counts.reduce((sum, one) => sum + one[key], 0);
}
