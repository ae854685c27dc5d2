/** How busy a database is at each hour of the week, from all that is known of it. */
import { usualOfHour, type Baseline } from './baseline';
import type { Usual } from './limits';
import { parseSeriesKey, type SeriesKey } from './series';
import type { KnownSignal } from './signals';

/** What tells how busy a database is, and how much each says. Others say little, or the same again. */
const TELLING: Readonly<Partial<Record<KnownSignal, number>>> = {
  hostCpu: 3,
  containerCpu: 3,
  hostIoWait: 2,
  sessionsActive: 3,
  commitsPerSecond: 2,
  rowsPerSecond: 1,
  probeLatencyMs: 2,
  httpLatencyMs: 2,
  statementMeanMs: 2,
  poolUse: 1,
};
/** These tell of the users alone, also while a backup reads. */
const OF_USERS: ReadonlySet<KnownSignal> = new Set(['sessionsActive', 'commitsPerSecond']);
export interface HourLoad {
  /** 0..1, each signal between its quietest and its busiest hour. */
  readonly load: number;
  readonly sureness: 'low' | 'medium' | 'high';
}

/** Hour by hour, Monday 00:00 first; null where nothing is known. `during`: of the time in which backups read. */
export function weekOfLoad(baseline: Baseline, during: Baseline | undefined): readonly (HourLoad | null)[] {
  const series = Object.entries(baseline.series).flatMap(([key, hours]) => {
    const signal = parseSeriesKey(key)?.signal as KnownSignal | undefined;
    const weight = signal === undefined ? undefined : TELLING[signal];
    if (weight === undefined) return [];
    const seen = OF_USERS.has(signal!) ? during?.series[key] : undefined;
    const usual = Array.from({ length: 168 }, (_, hour) => {
      const quiet = usualOfHour(hours, hour);
      if (quiet === null || quiet.sureness !== 'low' || during === undefined) return quiet;
      const busy = usualOfHour(seen, hour);
      if (busy !== null && busy.sureness !== 'low') return { ...busy, sureness: 'low' as const };
      // Where backups always read, other hours say nothing of this one.
      return alwaysRead(during, hour) ? null : quiet;
    });
    const values = usual.flatMap((found) => (found === null ? [] : [busyness(found)]));
    const low = Math.min(...values);
    const high = Math.max(...values);
    // A signal that never moves says nothing about when.
    return high > low ? [{ weight, usual, low, high }] : [];
  });
  return Array.from({ length: 168 }, (_, hour) => {
    const parts = series.flatMap(({ weight, usual, low, high }) => {
      const found = usual[hour];
      return found ? [{ weight, found, load: (busyness(found) - low) / (high - low) }] : [];
    });
    const total = parts.reduce((sum, { weight }) => sum + weight, 0);
    if (total === 0) return null;
    const worst = (['low', 'medium', 'high'] as const).find((level) =>
      parts.some(({ found }) => found.sureness === level),
    )!;
    return { load: parts.reduce((sum, { load, weight }) => sum + load * weight, 0) / total, sureness: worst };
  });
}

/** A job that fills a third of an hour leaves its median alone, and moves what nine of ten samples stay below. */
const busyness = ({ median, p90 }: Usual): number => (median + p90) / 2;

/** Called for hours that are hardly known without a backup. */
const alwaysRead = (during: Baseline, hour: number): boolean =>
  Object.values(during.series).some((hours) => usualOfHour(hours, hour)?.basis === 'hour of the week');

/** Series that tell how busy the database is, the most telling first. */
export function tellingKeys(baseline: Baseline): readonly { readonly key: SeriesKey; readonly signal: KnownSignal }[] {
  return (Object.keys(baseline.series) as SeriesKey[])
    .flatMap((key) => {
      const signal = parseSeriesKey(key)?.signal as KnownSignal;
      const weight = TELLING[signal];
      return weight === undefined ? [] : [{ key, signal, weight }];
    })
    .sort((a, b) => b.weight - a.weight || (a.key < b.key ? -1 : 1));
}
