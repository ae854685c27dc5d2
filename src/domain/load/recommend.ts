/** When should a backup run? The quietest stretch of the week that is long enough, as a person who knows the load would choose. */
import { usualOfHour, type Baseline } from './baseline';
import type { LoadRules } from './rules';
import { parseSeriesKey, type SeriesKey } from './series';
import { signalFacts, type KnownSignal } from './signals';
import { spanText, valueText } from './texts';
import { clockText, HOUR_MS, isInsideAny, WEEK, windowText, type WeeklyWindow } from './windows';

export interface RecommendInput {
  readonly baseline: Baseline;
  readonly rules: Pick<LoadRules, 'timeZone' | 'peak' | 'protected' | 'windows'>;
  /** What a backup usually takes, milliseconds; null = not known, an hour is assumed. */
  readonly backupMs: number | null;
  /** @default 3 */
  readonly atMost?: number;
}

export interface WindowRecommendation {
  readonly window: WeeklyWindow;
  /** 0 = as quiet as it ever is, 1 = as busy as it ever is; mean over the window. */
  readonly load: number;
  /** The same over the whole week. */
  readonly usualLoad: number;
  readonly sureness: 'low' | 'medium' | 'high';
  /** For people, the most important first. */
  readonly reasons: readonly string[];
}

export type Recommendation =
  | { readonly ok: true; readonly windows: readonly WindowRecommendation[] }
  | { readonly ok: false; readonly reason: string };

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
/** A backup that grows, or that load slows down, still fits. */
const ROOM = 1.5;
/** Hours this close are equally quiet to a person. */
const AS_GOOD = 0.05;
const LEAST_HOURS_KNOWN = 24;

export function recommendWindows(input: RecommendInput): Recommendation {
  const { baseline } = input;
  const week = weekOfLoad(baseline);
  const known = week.filter((hour) => hour !== null).length;
  if (known < LEAST_HOURS_KNOWN)
    return { ok: false, reason: `${known} hours of the week are known, ${LEAST_HOURS_KNOWN} are needed at least` };
  const length = Math.ceil(((input.backupMs ?? HOUR_MS) * ROOM) / HOUR_MS);
  if (length > 24) return { ok: false, reason: 'a backup takes longer than any window of a day' };
  // A day of all days, or one for working days and one for the weekend, as people plan.
  const plans = [WEEK, WEEK.slice(0, 5), WEEK.slice(5)];
  const found = plans.flatMap((days) => {
    const best = bestStart(week, days, length, input);
    return best === null ? [] : [recommendationOf(input, week, days, best, length)];
  });
  if (found.length === 0) return { ok: false, reason: 'no window of that length is open' };
  return { ok: true, windows: found.slice(0, input.atMost ?? 3) };
}

interface HourLoad {
  /** 0..1, each signal between its quietest and its busiest hour. */
  readonly load: number;
  readonly sureness: 'low' | 'medium' | 'high';
}

function weekOfLoad(baseline: Baseline): readonly (HourLoad | null)[] {
  const series = Object.entries(baseline.series).flatMap(([key, hours]) => {
    const signal = parseSeriesKey(key)?.signal as KnownSignal | undefined;
    const weight = signal === undefined ? undefined : TELLING[signal];
    if (weight === undefined) return [];
    const usual = Array.from({ length: 168 }, (_, hour) => usualOfHour(hours, hour));
    const values = usual.flatMap((found) => (found === null ? [] : [found.median]));
    const low = Math.min(...values);
    const high = Math.max(...values);
    // A signal that never moves says nothing about when.
    return high > low ? [{ weight, usual, low, high }] : [];
  });
  return Array.from({ length: 168 }, (_, hour) => {
    const parts = series.flatMap(({ weight, usual, low, high }) => {
      const found = usual[hour];
      return found ? [{ weight, found, load: (found.median - low) / (high - low) }] : [];
    });
    const total = parts.reduce((sum, { weight }) => sum + weight, 0);
    if (total === 0) return null;
    const worst = (['low', 'medium', 'high'] as const).find((level) =>
      parts.some(({ found }) => found.sureness === level),
    )!;
    return { load: parts.reduce((sum, { load, weight }) => sum + load * weight, 0) / total, sureness: worst };
  });
}

interface Start {
  readonly hour: number;
  readonly load: number;
  /** Quiet hours before and after, at most a day. */
  readonly room: number;
}

function bestStart(
  week: readonly (HourLoad | null)[],
  days: readonly string[],
  length: number,
  { rules }: RecommendInput,
): Start | null {
  const starts: Start[] = [];
  for (let hour = 0; hour < 24; hour++) {
    const hours = days.flatMap((day) =>
      Array.from({ length }, (_, ahead) => (WEEK.indexOf(day as never) * 24 + hour + ahead) % 168),
    );
    if (hours.some((at) => week[at] === null || !isOpen(rules, at))) continue;
    const loads = hours.map((at) => week[at]!.load);
    // The busiest hour counts as much as all together: one batch job in an else quiet night is not to be met.
    const load = (mean(loads) + Math.max(...loads)) / 2;
    starts.push({ hour, load, room: 0 });
  }
  if (starts.length === 0) return null;
  const least = Math.min(...starts.map(({ load }) => load));
  const quiet = starts.filter(({ load }) => load <= least + AS_GOOD);
  const isQuiet = (hour: number) => quiet.some((start) => start.hour === (hour + 24) % 24);
  const reach = (from: number, step: number) => {
    let hours = 0;
    while (hours < 23 && isQuiet(from + (hours + 1) * step)) hours += 1;
    return hours;
  };
  // In the middle of the quiet stretch: an early or late one still hurts nobody. Of two middles the earlier.
  return quiet
    .map((start) => ({ ...start, room: Math.min(reach(start.hour, -1), reach(start.hour, 1)) }))
    .sort((a, b) => b.room - a.room || a.load - b.load || nightFirst(a.hour) - nightFirst(b.hour))[0]!;
}

/** A night begins at noon for those who plan it: 23:00 comes before 01:00. */
const nightFirst = (hour: number): number => (hour + 12) % 24;

/** The whole hour is: a protected quarter of it is met as well. */
function isOpen(rules: RecommendInput['rules'], hourOfWeek: number): boolean {
  for (let minute = hourOfWeek * 60; minute < hourOfWeek * 60 + 60; minute += 5) {
    if (rules.windows.length > 0 && !isInsideAny(rules.windows, minute)) return false;
    if (isInsideAny(rules.protected, minute)) return false;
  }
  return true;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function recommendationOf(
  { baseline, rules, backupMs }: RecommendInput,
  week: readonly (HourLoad | null)[],
  days: readonly (typeof WEEK)[number][],
  start: Start,
  length: number,
): WindowRecommendation {
  const window: WeeklyWindow = {
    days: days.length === 7 ? [] : days,
    from: clockText(start.hour * 60),
    to: clockText((start.hour + length) * 60),
  };
  const hours = days.flatMap((day) =>
    Array.from({ length }, (_, ahead) => (WEEK.indexOf(day) * 24 + start.hour + ahead) % 168),
  );
  const all = week.flatMap((hour) => (hour === null ? [] : [hour.load]));
  const load = mean(hours.map((hour) => week[hour]!.load));
  const reasons = [
    `${windowText(window)} (${rules.timeZone}): load ${Math.round(load * 100)} %, ${Math.round(mean(all) * 100)} % on average (0 % = the quietest hour of the week, 100 % = the busiest)`,
    ...figureReasons(baseline, hours),
    backupMs === null
      ? 'no backup was timed yet: an hour is assumed'
      : `a backup takes about ${spanText(backupMs)}; ${spanText(length * HOUR_MS - backupMs)} are left over`,
  ];
  const inPeak = hours.filter((hour) => isInsideAny(rules.peak.windows, hour * 60)).length;
  reasons.push(
    inPeak === 0
      ? 'outside of peak hours'
      : `${inPeak} of its ${hours.length} hours are peak hours: expect it to be slowed`,
  );
  if (start.room > 0) reasons.push(`${start.room} h before and after are as quiet, for a late start or a long run`);
  if (rules.protected.length > 0) reasons.push('clear of all protected times');
  const sureness = (['low', 'medium', 'high'] as const).find((level) =>
    hours.some((hour) => week[hour]!.sureness === level),
  )!;
  return { window, load, usualLoad: mean(all), sureness, reasons };
}

/** Of the two most telling signals: in the window against the whole week. */
function figureReasons(baseline: Baseline, hours: readonly number[]): readonly string[] {
  return (Object.keys(baseline.series) as SeriesKey[])
    .flatMap((key) => {
      const signal = parseSeriesKey(key)?.signal as KnownSignal;
      const weight = TELLING[signal];
      return weight === undefined ? [] : [{ key, signal, weight }];
    })
    .sort((a, b) => b.weight - a.weight || (a.key < b.key ? -1 : 1))
    .slice(0, 2)
    .flatMap(({ key, signal }) => {
      const { label, unit } = signalFacts(signal);
      const of = (which: readonly number[]) =>
        which.flatMap((hour) => usualOfHour(baseline.series[key], hour)?.median ?? []);
      const [here, everywhere] = [of(hours), of(Array.from({ length: 168 }, (_, hour) => hour))];
      if (here.length === 0) return [];
      return [`${label}: ${valueText(mean(here), unit)} there, ${valueText(mean(everywhere), unit)} on average`];
    });
}
