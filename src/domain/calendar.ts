/** Calendar periods of a time zone, for retention. */
import { DAY_MS } from './time';
export type Period = 'hour' | 'day' | 'week' | 'month' | 'year';

/** Names the period that an instant falls into, as people of that time zone count: `2026-11-21`, `2026-W47`. */
export type PeriodNamer = (instant: Date) => Readonly<Record<Period, string>>;

/**
 * Makes the namer of one time zone. The hour that is repeated when clocks go back is two hours: its names differ by the
 * offset. Weeks are those of ISO 8601, Monday first.
 */
export function periodNamer(timeZone: string): PeriodNamer {
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  });
  return (instant) => {
    const parts: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(instant)) parts[type] = value;
    const { year = '', month = '', day = '', hour = '', timeZoneName = '' } = parts;
    return {
      hour: `${year}-${month}-${day} ${hour}h${timeZoneName.replace('GMT', '') || '+00:00'}`,
      day: `${year}-${month}-${day}`,
      week: isoWeek(Number(year), Number(month), Number(day)),
      month: `${year}-${month}`,
      year,
    };
  };
}

/** The week belongs to the year that its Thursday is in. */
function isoWeek(year: number, month: number, day: number): string {
  const date = Date.UTC(year, month - 1, day);
  const weekday = (new Date(date).getUTCDay() + 6) % 7;
  const thursday = new Date(date + (3 - weekday) * DAY_MS);
  const firstOfYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = Math.floor((thursday.getTime() - firstOfYear) / DAY_MS / 7) + 1;
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}
