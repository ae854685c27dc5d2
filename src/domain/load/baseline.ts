/**
 * What is usual for a series at each hour of the week, in the database's time zone. Each hour keeps the figures of its last
 * weeks, and their median is what is usual: one odd week does not move it, and an old habit is forgotten after some weeks.
 */
import type { Usual } from './limits';
import type { Rollup } from './rollups';
import { seriesOf, type SeriesKey } from './series';
import type { LoadSample } from './signals';
import { median, quantile } from './statistics';
import { HOURS_OF_WEEK, MINUTE_MS, zoneClock, type LocalTime } from './windows';

/** The figures of one hour of one week. */
export interface WeekFigures {
  /** Weeks since the epoch; grows by one each Monday of the time zone. */
  readonly week: number;
  readonly median: number;
  readonly p90: number;
  readonly coveredMs: number;
}

/** Hours of the week (0..167 as keys) that have figures, the oldest week first. */
export type HoursOfWeek = Readonly<Record<number, readonly WeekFigures[]>>;

export interface Baseline {
  readonly timeZone: string;
  readonly series: Readonly<Record<string, HoursOfWeek>>;
}

export const emptyBaseline = (timeZone: string): Baseline => ({ timeZone, series: {} });

/** Weeks that each hour remembers. */
export const BASELINE_WEEKS = 8;
/** An hour of which less was seen says too little. */
const LEAST_COVERED_MS = 5 * MINUTE_MS;
const WEEK_MS = HOURS_OF_WEEK * 3_600_000;
/** The epoch was a Thursday. */
const FIRST_MONDAY_MS = 4 * 86_400_000;

/** Adds rollups by hour, of the time in which no backup ran. Doubled ones and their order change nothing. */
export function updateBaseline(baseline: Baseline, rollups: readonly Rollup[]): Baseline {
  const clock = zoneClock(baseline.timeZone);
  const series: Record<string, Record<number, readonly WeekFigures[]>> = {};
  for (const { key, unit, at, quiet } of rollups) {
    if (unit !== 'hour' || quiet === null || quiet.coveredMs < LEAST_COVERED_MS) continue;
    const local = clock(at);
    const hours = (series[key] ??= { ...baseline.series[key] });
    const figures = { week: weekOf(at, local), ...quiet };
    hours[local.hourOfWeek] = withWeek(hours[local.hourOfWeek] ?? [], figures);
  }
  return { ...baseline, series: { ...baseline.series, ...series } };
}

/** Of one time zone. Which comes first does not matter. */
export function mergeBaselines(a: Baseline, b: Baseline): Baseline {
  const series: Record<string, HoursOfWeek> = { ...a.series };
  for (const [key, hours] of Object.entries(b.series)) {
    const merged: Record<number, readonly WeekFigures[]> = { ...series[key] };
    for (const [hour, weeks] of Object.entries(hours))
      merged[Number(hour)] = weeks.reduce(withWeek, merged[Number(hour)] ?? []);
    series[key] = merged;
  }
  return { ...a, series };
}

/** Of the same week the one that saw more counts; of equal ones the higher, so that the order does not matter. */
function withWeek(weeks: readonly WeekFigures[], added: WeekFigures): readonly WeekFigures[] {
  const known = weeks.find(({ week }) => week === added.week);
  const keep =
    known && (known.coveredMs - added.coveredMs || known.median - added.median || known.p90 - added.p90) >= 0;
  if (keep) return weeks;
  return [...weeks.filter(({ week }) => week !== added.week), added]
    .sort((a, b) => a.week - b.week)
    .slice(-BASELINE_WEEKS);
}

function weekOf(at: number, { minuteOfWeek }: LocalTime): number {
  // The zone's offset is far below half a week, so rounding finds the Monday.
  return Math.round((at - minuteOfWeek * MINUTE_MS - FIRST_MONDAY_MS) / WEEK_MS);
}

export interface UsualFigures extends Usual {
  /** How sure: `high` = the same hour of four weeks or more. */
  readonly sureness: 'low' | 'medium' | 'high';
  /** What it was taken from. */
  readonly basis: 'hour of the week' | 'hour of such days' | 'hour of the day' | 'all hours';
  /** Figures that it was made of. */
  readonly figures: number;
}

/** Hours that may stand in for one that is hardly known, the nearest first. */
const STAND_INS: readonly {
  readonly basis: UsualFigures['basis'];
  readonly least: number;
  readonly like: (hour: number, other: number) => boolean;
}[] = [
  { basis: 'hour of the week', least: 2, like: (hour, other) => hour === other },
  {
    basis: 'hour of such days',
    least: 3,
    like: (hour, other) => hour % 24 === other % 24 && isWeekend(hour) === isWeekend(other),
  },
  { basis: 'hour of the day', least: 3, like: (hour, other) => hour % 24 === other % 24 },
  { basis: 'all hours', least: 12, like: () => true },
];
const isWeekend = (hourOfWeek: number): boolean => hourOfWeek >= 120;

/** Null when too little is known even to guess. */
export function usualOfHour(hours: HoursOfWeek | undefined, hourOfWeek: number): UsualFigures | null {
  if (hours === undefined) return null;
  for (const { basis, least, like } of STAND_INS) {
    const weeks = Object.entries(hours).flatMap(([hour, found]) => (like(hourOfWeek, Number(hour)) ? found : []));
    if (weeks.length < least) continue;
    return {
      median: median(weeks.map((week) => week.median))!,
      p90: median(weeks.map((week) => week.p90))!,
      basis,
      figures: weeks.length,
      sureness:
        basis === 'hour of the week' && weeks.length >= 4
          ? 'high'
          : basis === 'hour of the week' || basis === 'hour of such days'
            ? 'medium'
            : 'low',
    };
  }
  return null;
}

export function usualAt(baseline: Baseline, key: SeriesKey, at: number): UsualFigures | null {
  return usualOfHour(baseline.series[key], zoneClock(baseline.timeZone)(at).hourOfWeek);
}

/** What was usual in a short while, of samples without a backup; of (from, to]. Series with fewer than `atLeast` are absent. */
export function usualBefore(
  samples: readonly LoadSample[],
  { from, to, atLeast }: { readonly from: number; readonly to: number; readonly atLeast: number },
): Readonly<Record<string, Usual>> {
  const usual: Record<string, Usual> = {};
  for (const [key, points] of seriesOf(samples, { from, to })) {
    if (points.length < atLeast) continue;
    const values = points.map(({ value }) => value);
    usual[key] = { median: median(values)!, p90: quantile(values, 0.9)! };
  }
  return usual;
}

/**
 * What the policy compares with: the baseline where it is sure enough, else the minutes before the run, else the baseline for
 * what it is worth.
 */
export function usualFrom(
  baseline: Baseline | null,
  before: Readonly<Record<string, Usual>>,
  at: number,
): (key: SeriesKey) => Usual | null {
  const hour = baseline === null ? 0 : zoneClock(baseline.timeZone)(at).hourOfWeek;
  return (key) => {
    const learned = baseline === null ? null : usualOfHour(baseline.series[key], hour);
    if (learned !== null && learned.sureness !== 'low') return learned;
    return before[key] ?? learned;
  };
}
