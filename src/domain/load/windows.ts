/** Weekly windows of a time zone, and what time it is there. Pure; the zone's rules are those of the platform. */
import type { ScheduleDay } from '../schedule-spec';
import { MINUTE_MS } from '../time';

export { DAY_MS, HOUR_MS, MINUTE_MS } from '../time';

/** Monday first, as ISO 8601 counts. */
export const WEEK: readonly ScheduleDay[] = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
];
export const MINUTES_OF_DAY = 1_440;
export const MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY;
export const HOURS_OF_WEEK = 168;

/** From `from` up to, not including, `to`; past midnight when `to` is earlier: then `days` are those on which it opens. */
export interface WeeklyWindow {
  /** Empty = every day. */
  readonly days: readonly ScheduleDay[];
  /** `HH:MM`. */
  readonly from: string;
  /** `HH:MM`, up to `24:00`. */
  readonly to: string;
}

export interface LocalTime {
  /** Monday 00:00 = 0. */
  readonly minuteOfWeek: number;
  readonly minuteOfDay: number;
  /** 0..167, Monday 00:00 to 01:00 = 0. */
  readonly hourOfWeek: number;
}

/** Reads instants (milliseconds since the epoch) as clocks of one zone show them. Throws RangeError for an unknown zone. */
export function zoneClock(timeZone: string): (at: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (at) => {
    const parts: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(at)) parts[type] = value;
    const day = WEEK.findIndex((name) => name.startsWith((parts['weekday'] ?? '').toLowerCase()));
    const minuteOfDay = Number(parts['hour']) * 60 + Number(parts['minute']);
    return {
      minuteOfDay,
      minuteOfWeek: day * MINUTES_OF_DAY + minuteOfDay,
      hourOfWeek: day * 24 + Math.floor(minuteOfDay / 60),
    };
  };
}

/** `06:30` → 390. */
export function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

/** 390 → `06:30`. */
export function clockText(minuteOfDay: number): string {
  const minute = ((minuteOfDay % MINUTES_OF_DAY) + MINUTES_OF_DAY) % MINUTES_OF_DAY;
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

/** Minutes of the week that the window covers, as [start, end) with start in 0..10079; `end` may pass the week's end. */
export function spansOf(window: WeeklyWindow): readonly (readonly [number, number])[] {
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  if (from === to) return [];
  const length = to > from ? to - from : to + MINUTES_OF_DAY - from;
  const days = window.days.length > 0 ? window.days : WEEK;
  return days.map((day) => {
    const start = WEEK.indexOf(day) * MINUTES_OF_DAY + from;
    return [start, start + length] as const;
  });
}

export function isInside(window: WeeklyWindow, minuteOfWeek: number): boolean {
  return spansOf(window).some(
    ([start, end]) =>
      (minuteOfWeek >= start && minuteOfWeek < end) ||
      (minuteOfWeek + MINUTES_OF_WEEK >= start && minuteOfWeek + MINUTES_OF_WEEK < end),
  );
}

export const isInsideAny = (windows: readonly WeeklyWindow[], minuteOfWeek: number): boolean =>
  windows.some((window) => isInside(window, minuteOfWeek));

/** `mon-fri 06:00–22:00`, `daily 22:00–05:00`, `sat, sun 00:00–24:00`. */
export function windowText(window: WeeklyWindow): string {
  const short = (day: ScheduleDay) => day.slice(0, 3);
  const places = window.days.map((day) => WEEK.indexOf(day)).sort((a, b) => a - b);
  const inRow = places.every((place, index) => index === 0 || place === places[index - 1]! + 1);
  const days =
    places.length === 0 || places.length === 7
      ? 'daily'
      : inRow && places.length > 2
        ? `${short(WEEK[places[0]!]!)}-${short(WEEK[places.at(-1)!]!)}`
        : places.map((place) => short(WEEK[place]!)).join(', ');
  return `${days} ${window.from}–${window.to}`;
}

/**
 * The next instant, after `now`, at which the zone's clocks show `minuteOfDay`. On a day whose clocks skip that time it is the
 * instant of the skip.
 */
export function nextTimeOfDay(clock: (at: number) => LocalTime, now: number, minuteOfDay: number): number {
  const start = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const ahead = (minuteOfDay - clock(start).minuteOfDay + MINUTES_OF_DAY) % MINUTES_OF_DAY || MINUTES_OF_DAY;
  const guess = start + ahead * MINUTE_MS;
  // Clocks that changed in between shift the guess by what it misses, which is at most some hours.
  const shown = clock(guess).minuteOfDay;
  const missed = ((minuteOfDay - shown + MINUTES_OF_DAY * 1.5) % MINUTES_OF_DAY) - MINUTES_OF_DAY / 2;
  const moved = guess + missed * MINUTE_MS;
  return missed !== 0 && moved > now && clock(moved).minuteOfDay === minuteOfDay ? moved : guess;
}
