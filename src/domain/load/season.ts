/** How a series goes through the day and the week, and where it is heading. */
import { forecastGrowth, type ForecastResult } from '../forecast';
import { usualOfHour, type HoursOfWeek } from './baseline';
import type { Rollup } from './rollups';
import { median } from './statistics';
import { clockText, HOURS_OF_WEEK } from './windows';

/** Less than this is chance. */
const LEAST_SEASON = 0.3;

/** What is usual at each hour of the week, Monday 00:00 first; null where nothing is known. 168 values. */
export function weekProfile(hours: HoursOfWeek | undefined): readonly (number | null)[] {
  return Array.from({ length: HOURS_OF_WEEK }, (_, hour) => usualOfHour(hours, hour)?.median ?? null);
}

export interface Season {
  /** Share of the ups and downs that the hour of the day explains: 0 none, 1 all. */
  readonly daily: number;
  /** What the day of the week explains beyond that. */
  readonly weekly: number;
  /** Hours of the day, 0..23. */
  readonly busiest: number;
  readonly quietest: number;
}

/** Null when less than two days are known. */
export function seasonOf(hours: HoursOfWeek | undefined): Season | null {
  const known = Object.entries(hours ?? {}).flatMap(([hour, weeks]) =>
    weeks.map(({ median: value }) => ({ hour: Number(hour), value })),
  );
  if (known.length < 48) return null;
  const ofDay = groupMedians(known, (hour) => hour % 24);
  const ofWeek = groupMedians(known, (hour) => hour);
  const middle = median(known.map(({ value }) => value))!;
  const left = (expected: (hour: number) => number) =>
    known.reduce((sum, { hour, value }) => sum + Math.abs(value - expected(hour)), 0);
  const total = left(() => middle);
  if (total === 0) return { daily: 0, weekly: 0, busiest: 0, quietest: 0 };
  const daily = Math.max(0, 1 - left((hour) => ofDay.get(hour % 24)!) / total);
  const weekly = Math.max(0, 1 - left((hour) => ofWeek.get(hour)!) / total);
  const sorted = [...ofDay].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  return {
    daily,
    weekly: Math.max(0, weekly - daily),
    busiest: sorted.at(-1)![0],
    quietest: sorted[0]![0],
  };
}

function groupMedians(
  values: readonly { readonly hour: number; readonly value: number }[],
  group: (hour: number) => number,
): ReadonlyMap<number, number> {
  const groups = new Map<number, number[]>();
  for (const { hour, value } of values) groups.set(group(hour), [...(groups.get(group(hour)) ?? []), value]);
  return new Map([...groups].map(([key, found]) => [key, median(found)!]));
}

/** For people: "68 % by hour, 29 % by weekday, peak 10:00"; empty when too little is known. */
export function seasonText(season: Season | null): string {
  if (season === null) return '';
  const { daily, weekly, busiest } = season;
  if (daily + weekly < LEAST_SEASON) return 'none';
  const share = (value: number) => `${Math.round(value * 100)} %`;
  return `${share(daily)} by hour, ${share(weekly)} by weekday, peak ${clockText(busiest * 60)}`;
}

/** The trend of a series over its days, season left out: whole days are compared with whole days. */
export function trendOf(days: readonly Rollup[]): ForecastResult {
  return forecastGrowth(
    days.filter(({ unit }) => unit === 'day').map(({ at, median: value }) => ({ at: new Date(at), value })),
    { windowDays: 90 },
  );
}
