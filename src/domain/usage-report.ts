/** What an operator wants to know of a store's room: held, growth, state, and when each mark is reached. Pure. */
import { daysUntil, forecastGrowth, type ForecastResult } from './forecast';
import { decideQuota, type QuotaDecision, type QuotaFacts, type QuotaLimits } from './quota';
import { storeSeries, type UsageFigures, type UsageRow } from './usage';
import { DAY_MS } from './time';

export interface UsageReport extends UsageFigures {
  readonly store: string;
  /** The newest of each, by name; the empty name is what belongs to no database. */
  readonly databases: readonly UsageRow[];
  /** When the store was last listed; null = never, all figures are estimates. */
  readonly measuredAt: Date | null;
  /** That the store may hold: its quota, or what its disk has for it; null where neither is known. */
  readonly maxBytes: number | null;
  readonly quota: QuotaDecision;
  /** Of bytes. */
  readonly growth: ForecastResult;
  /** By the trend; null = not in sight, or no trend. */
  readonly reaches: { readonly warn: Date | null; readonly stop: Date | null; readonly full: Date | null };
  readonly daysLeft: number | null;
}

export interface UsageReportInput {
  readonly store: string;
  /** History of this store, in any order. */
  readonly rows: readonly UsageRow[];
  readonly limits: QuotaLimits;
  readonly disk: QuotaFacts['disk'];
  readonly expected: { readonly bytes: number; readonly objects: number };
  readonly now: Date;
}

/** Dates beyond this are no forecast any more. */
const SIGHT_DAYS = 3_650;

export function usageReport({ store, rows, limits, disk, expected, now }: UsageReportInput): UsageReport {
  const series = storeSeries(rows);
  const held = series.at(-1) ?? { bytes: 0, objects: 0 };
  const { bytes, objects } = held;
  const growth = forecastGrowth(series.map((moment) => ({ at: moment.at, value: moment.bytes })));
  const usable = disk === null ? null : bytes + Math.max(0, disk.freeBytes - disk.minFreeBytes);
  const maxBytes = limits.maxBytes === null ? usable : Math.min(limits.maxBytes, usable ?? Infinity);
  const days = (share: number) =>
    maxBytes === null || !growth.ok ? null : daysUntil(growth.forecast, bytes, maxBytes * share);
  const date = (share: number) => {
    const left = days(share);
    return left === null || left > SIGHT_DAYS ? null : new Date(now.getTime() + left * DAY_MS);
  };
  const newest = new Map<string, UsageRow>();
  for (const row of rows) {
    const known = newest.get(row.database);
    if (!known || known.at.getTime() <= row.at.getTime()) newest.set(row.database, row);
  }
  const measured = rows.filter(({ source }) => source === 'measured').map(({ at }) => at.getTime());
  return {
    store,
    bytes,
    objects,
    databases: [...newest.values()].sort((a, b) => (a.database < b.database ? -1 : 1)),
    measuredAt: measured.length === 0 ? null : new Date(Math.max(...measured)),
    maxBytes,
    quota: decideQuota(limits, {
      bytes,
      objects,
      expectedBytes: expected.bytes,
      expectedObjects: expected.objects,
      disk,
    }),
    growth,
    reaches: { warn: date(limits.warnAt), stop: date(limits.stopAt), full: date(1) },
    daysLeft: days(1),
  };
}
