/** When should a backup run? The quietest stretch of the week that is long enough, as a person who knows the load would choose. */
import { usualOfHour, type Baseline } from './baseline';
import { notChosen, type DayHour, type NotChosen } from './not-chosen';
import type { LoadRules } from './rules';
import { signalFacts } from './signals';
import { mean } from './statistics';
import { aboutText, spanText, valueText } from './texts';
import { tellingKeys, weekOfLoad, type HourLoad } from './week-load';
import {
  clockText,
  HOUR_MS,
  isInside,
  isInsideAny,
  MINUTES_OF_DAY,
  minutesOf,
  WEEK,
  windowText,
  type WeeklyWindow,
} from './windows';

export interface RecommendInput {
  readonly baseline: Baseline;
  /** The same of the time in which backups read: all that is known of an hour in which one always does. */
  readonly during?: Baseline;
  readonly rules: Pick<LoadRules, 'timeZone' | 'peak' | 'protected' | 'windows' | 'deadline'>;
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
  /** Why a backup should not begin at the other hours of those days. */
  readonly others: readonly NotChosen[];
}

export type Recommendation =
  | { readonly ok: true; readonly windows: readonly WindowRecommendation[] }
  | { readonly ok: false; readonly reason: string };

/** A backup that grows, or that load slows down, still fits. */
const ROOM = 1.5;
/** Hours this close are equally quiet to a person. */
const AS_GOOD = 0.05;
const LEAST_HOURS_KNOWN = 24;

export function recommendWindows(input: RecommendInput): Recommendation {
  const { baseline } = input;
  const week = weekOfLoad(baseline, input.during);
  const known = week.filter((hour) => hour !== null).length;
  if (known < LEAST_HOURS_KNOWN)
    return { ok: false, reason: `${known} hours of the week are known, ${LEAST_HOURS_KNOWN} are needed at least` };
  const length = Math.ceil(((input.backupMs ?? HOUR_MS) * ROOM) / HOUR_MS);
  if (length > 24) return { ok: false, reason: 'a backup takes longer than any window of a day' };
  // A day of all days, or one for working days and one for the weekend, as people plan.
  const plans = [WEEK, WEEK.slice(0, 5), WEEK.slice(5)];
  const bests = plans.map((days) => ({ days, best: bestStart(week, days, length, input) }));
  const daily = bests[0]!.best;
  // What is as good on those days as a time of their own needs no second plan.
  const found = bests.flatMap(({ days, best }) =>
    best === null || (best !== daily && daily !== null && best.asQuiet.has(daily.hour))
      ? []
      : [recommendationOf(input, week, days, best, length)],
  );
  if (found.length === 0) return { ok: false, reason: noneText(length, input) };
  return { ok: true, windows: found.slice(0, input.atMost ?? 3) };
}

interface Start {
  readonly hour: number;
  readonly load: number;
  /** Quiet hours before and after, at most a day. */
  readonly room: number;
  /** Starts that are as quiet, this one included. */
  readonly asQuiet: ReadonlySet<number>;
}

const noneText = (length: number, { rules: { deadline, windows, protected: times } }: RecommendInput): string =>
  [
    `no window of the ${spanText(length * HOUR_MS)} that a backup needs is`,
    windows.length + times.length > 0 ? ' open' : ' known',
    deadline !== null && 'doneBy' in deadline ? ` and ends by ${deadline.doneBy}` : '',
  ].join('');

function bestStart(
  week: readonly (HourLoad | null)[],
  days: readonly (typeof WEEK)[number][],
  length: number,
  { rules }: RecommendInput,
): Start | null {
  const starts: Start[] = [];
  for (let hour = 0; hour < 24; hour++) {
    const hours = days.flatMap((day) =>
      Array.from({ length }, (_, ahead) => (WEEK.indexOf(day) * 24 + hour + ahead) % 168),
    );
    if (hours.some((at) => week[at] === null) || barred(rules, days, hour, length) !== null) continue;
    const loads = hours.map((at) => week[at]!.load);
    // The busiest hour counts as much as all together: one batch job in an else quiet night is not to be met.
    const load = (mean(loads) + Math.max(...loads)) / 2;
    starts.push({ hour, load, room: 0, asQuiet: new Set() });
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
  const peakHours = (start: Start) =>
    days.filter((day) => isInsideAny(rules.peak.windows, (WEEK.indexOf(day) * 24 + start.hour) * 60)).length;
  // Outside of peak hours, whose limits would slow it down; else in the middle of the quiet stretch: an early or late one still
  // hurts nobody. Of two middles the earlier.
  return quiet
    .map((start) => ({
      ...start,
      room: Math.min(reach(start.hour, -1), reach(start.hour, 1)),
      asQuiet: new Set(quiet.map(({ hour }) => hour)),
    }))
    .sort((a, b) => peakHours(a) - peakHours(b) || b.room - a.room || nightFirst(a.hour) - nightFirst(b.hour))[0]!;
}

/** A night begins at noon for those who plan it: 23:00 comes before 01:00. */
const nightFirst = (hour: number): number => (hour + 12) % 24;

/** Why a backup may not begin then and last for `length` hours. Whole hours count: a protected quarter of one is met as well. */
function barred(
  { windows, protected: times, deadline }: RecommendInput['rules'],
  days: readonly (typeof WEEK)[number][],
  hour: number,
  length: number,
): DayHour['barred'] {
  for (const day of days) {
    const start = (WEEK.indexOf(day) * 24 + hour) * 60;
    for (let minute = start; minute < start + length * 60; minute += 5) {
      const at = minute % (168 * 60);
      const met = times.find((window) => isInside(window, at));
      if (met) return { code: 'protected', text: `meets ${met.name}, which is protected (${windowText(met)})` };
      if (windows.length > 0 && !isInsideAny(windows, at))
        return { code: 'closed', text: `not within ${windows.map(windowText).join('; ')}` };
    }
  }
  if (deadline === null || !('doneBy' in deadline)) return null;
  const until = minutesUntil(deadline.doneBy, hour);
  if (until >= length * 60) return null;
  const left = spanText(until * 60_000);
  return { code: 'deadline', text: `only ${left} until the deadline ${deadline.doneBy}, where ${length} h are needed` };
}

/** From a whole hour on; a day where it is that very time. */
const minutesUntil = (time: string, hour: number): number =>
  (minutesOf(time) - hour * 60 + MINUTES_OF_DAY * 2) % MINUTES_OF_DAY || MINUTES_OF_DAY;

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
    `load ${Math.round(load * 100)} %, ${Math.round(mean(all) * 100)} % on average (0 % = the quietest hour of the week, 100 % = the busiest)`,
    ...figureReasons(baseline, hours),
    backupMs === null
      ? 'no backup was timed yet: an hour is assumed'
      : `a backup takes about ${aboutText(backupMs)}; ${aboutText(length * HOUR_MS - backupMs)} are left over`,
  ];
  const inPeak = hours.filter((hour) => isInsideAny(rules.peak.windows, hour * 60)).length;
  reasons.push(
    inPeak === 0
      ? 'outside of peak hours'
      : `${inPeak} of its ${hours.length} hours are peak hours: expect it to be slowed`,
  );
  if (start.room > 0) reasons.push(`${start.room} h before and after are as quiet, for a late start or a long run`);
  if (rules.protected.length > 0) reasons.push('clear of all protected times');
  reasons.push(...deadlineReasons(rules, start.hour, backupMs));
  const sureness = (['low', 'medium', 'high'] as const).find((level) =>
    hours.some((hour) => week[hour]!.sureness === level),
  )!;
  const others = notChosen({
    hours: hoursOfDays(baseline, week, days, (hour) => barred(rules, days, hour, length)),
    length,
    chosen: start.hour,
    asQuiet: start.asQuiet,
  });
  return { window, load, usualLoad: mean(all), sureness, reasons, others };
}

function deadlineReasons({ deadline }: RecommendInput['rules'], hour: number, backupMs: number | null): string[] {
  if (deadline === null) return [];
  const leftMs = 'withinMs' in deadline ? deadline.withinMs : minutesUntil(deadline.doneBy, hour) * 60_000;
  const name = 'withinMs' in deadline ? `${spanText(leftMs)} from its start` : deadline.doneBy;
  const takes = backupMs ?? HOUR_MS;
  return takes > leftMs
    ? [`its deadline (${name}) cannot be met: a backup takes about ${aboutText(takes)}`]
    : [`the deadline (${name}) leaves ${aboutText(leftMs - takes)} after its end`];
}

function hoursOfDays(
  baseline: Baseline,
  week: readonly (HourLoad | null)[],
  days: readonly (typeof WEEK)[number][],
  barredAt: (hour: number) => DayHour['barred'],
): readonly DayHour[] {
  const [key] = tellingKeys(baseline);
  return Array.from({ length: 24 }, (_, hour) => {
    const those = days.map((day) => WEEK.indexOf(day) * 24 + hour);
    const loads = those.flatMap((at) => week[at]?.load ?? []);
    const usual = key === undefined ? [] : those.flatMap((at) => usualOfHour(baseline.series[key.key], at) ?? []);
    return {
      load: loads.length < those.length ? null : mean(loads),
      figure:
        key === undefined || usual.length === 0
          ? null
          : { signal: key.signal, usual: mean(usual.map((one) => one.median)), p90: mean(usual.map((one) => one.p90)) },
      barred: barredAt(hour),
    };
  });
}

/** Of the two most telling signals: in the window against the whole week. */
function figureReasons(baseline: Baseline, hours: readonly number[]): readonly string[] {
  return tellingKeys(baseline)
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
