/** When a schedule of the config fires, as Temporal states it. Pure. */

export type ScheduleDay = 'sunday' | 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday';

/** The part of a configured schedule that says when. */
export interface ScheduleTimes {
  readonly every?: 'hourly' | 'daily' | 'weekly' | 'monthly';
  /** `HH:MM`; of `hourly` the minute alone counts. @default 00:00 */
  readonly at?: string;
  /** @default sunday */
  readonly dayOfWeek?: ScheduleDay;
  /** @default 1 */
  readonly dayOfMonth?: number;
  /** Milliseconds. */
  readonly interval?: number;
  readonly cron?: string;
  readonly timezone: string;
}

export interface CalendarTimes {
  readonly minute: number;
  readonly hour: number | '*';
  readonly dayOfMonth: number | '*';
  readonly dayOfWeek: Uppercase<ScheduleDay> | '*';
  readonly comment: string;
}

/** Exactly one of the three is set. */
export interface ScheduleSpecText {
  readonly calendar: CalendarTimes | null;
  readonly intervalMs: number | null;
  readonly cron: string | null;
  readonly timezone: string;
  /** For people: `daily at 02:30 (Europe/Berlin)`. */
  readonly text: string;
}

export function scheduleSpec(times: ScheduleTimes): ScheduleSpecText {
  const { timezone, interval, cron, every } = times;
  const none = { calendar: null, intervalMs: null, cron: null, timezone };
  if (interval !== undefined) return { ...none, intervalMs: interval, text: `every ${durationText(interval)}` };
  if (cron !== undefined) return { ...none, cron, text: `cron ${cron} (${timezone})` };
  const calendar = calendarTimes(every ?? 'daily', times);
  return { ...none, calendar, text: `${calendar.comment} (${timezone})` };
}

function calendarTimes(every: NonNullable<ScheduleTimes['every']>, times: ScheduleTimes): CalendarTimes {
  const at = times.at ?? '00:00';
  const hour = Number(at.slice(0, 2));
  const minute = Number(at.slice(3, 5));
  const day = times.dayOfWeek ?? 'sunday';
  const dayOfMonth = times.dayOfMonth ?? 1;
  const base = { minute, hour, dayOfMonth: '*', dayOfWeek: '*' } as const;
  switch (every) {
    case 'hourly':
      return { ...base, hour: '*', comment: `hourly at minute ${minute}` };
    case 'daily':
      return { ...base, comment: `daily at ${at}` };
    case 'weekly':
      return {
        ...base,
        dayOfWeek: day.toUpperCase() as Uppercase<ScheduleDay>,
        comment: `weekly on ${day} at ${at}`,
      };
    case 'monthly':
      return { ...base, dayOfMonth, comment: `monthly on day ${dayOfMonth} at ${at}` };
  }
}

export function durationText(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
