/** When will it no longer fit: the database, the time of a backup, the stores, the window. */
import { daysUntil, forecastGrowth, type Forecast, type UsagePoint } from '../forecast';
import type { LoadRules } from './rules';
import { median } from './statistics';
import { bytesText, spanText } from './texts';
import { MINUTE_MS, MINUTES_OF_DAY, minutesOf, spansOf, zoneClock } from './windows';

export interface CapacityInput {
  readonly databaseBytes: readonly UsagePoint[];
  /** Time of each backup without its pauses, milliseconds. */
  readonly backupMs: readonly UsagePoint[];
  readonly stores: readonly {
    readonly name: string;
    readonly bytes: readonly UsagePoint[];
    /** Null when it has none. */
    readonly limitBytes: number | null;
  }[];
  /** The shortest window in which a backup must fit, milliseconds; null = it may run at any hour. */
  readonly windowMs: number | null;
}

export interface CapacityItem {
  /** `database`, `backup`, `store <name>`. */
  readonly what: string;
  readonly unit: 'bytes' | 'ms';
  readonly forecast: Forecast | null;
  /** Why there is no forecast. */
  readonly unknown: string | null;
  /** By the trend; null without a forecast. */
  readonly in30Days: number | null;
  readonly in90Days: number | null;
  /** Newest as measured; null = never. */
  readonly now: number | null;
  readonly limit: number | null;
  /** Days until the limit is reached; 0 when it is, null when it never is or there is none. */
  readonly daysUntil: number | null;
  /** The same at the fast end of the trend. */
  readonly daysUntilAtWorst: number | null;
  /** For people. */
  readonly text: string;
}

/** Fewer are no trend. */
const LEAST_POINTS = 5;

export function capacityForecast(input: CapacityInput): readonly CapacityItem[] {
  return [
    itemOf('database', 'bytes', input.databaseBytes, null, 'backups'),
    itemOf('backup', 'ms', input.backupMs, input.windowMs, 'backups'),
    ...input.stores.map(({ name, bytes, limitBytes }) =>
      itemOf(`store ${name}`, 'bytes', bytes, limitBytes, 'measurements'),
    ),
  ];
}

/** Windows of the calendar, and the time that a deadline leaves to a backup that begins when they usually do. */
export function shortestWindowMs(
  { windows, deadline, timeZone }: Pick<LoadRules, 'windows' | 'deadline' | 'timeZone'>,
  startedAt: readonly number[],
): number | null {
  const lengths = windows.flatMap((window) => spansOf(window).map(([from, to]) => (to - from) * MINUTE_MS));
  if (deadline !== null && 'withinMs' in deadline) lengths.push(deadline.withinMs);
  if (deadline !== null && 'doneBy' in deadline) {
    const clock = zoneClock(timeZone);
    const left = median(
      startedAt.map((at) => {
        const minutes = minutesOf(deadline.doneBy) - clock(at).minuteOfDay;
        return (minutes <= 0 ? minutes + MINUTES_OF_DAY : minutes) * MINUTE_MS;
      }),
    );
    if (left !== null) lengths.push(left);
  }
  return lengths.length === 0 ? null : Math.min(...lengths);
}

function itemOf(
  what: string,
  unit: CapacityItem['unit'],
  points: readonly UsagePoint[],
  limit: number | null,
  noun: string,
): CapacityItem {
  const result =
    points.length < LEAST_POINTS
      ? { ok: false as const, reason: `needs ${LEAST_POINTS} ${noun}, has ${points.length}` }
      : forecastGrowth(points, { windowDays: 90, minPoints: LEAST_POINTS });
  const newest = points.reduce<UsagePoint | null>((last, one) => (last && last.at >= one.at ? last : one), null);
  const base = { what, unit, limit, now: newest?.value ?? null };
  if (!result.ok)
    return {
      ...base,
      forecast: null,
      unknown: result.reason,
      in30Days: null,
      in90Days: null,
      daysUntil: null,
      daysUntilAtWorst: null,
      text: `${what}: ${result.reason}`,
    };
  const { forecast } = result;
  const ahead = (days: number) => Math.max(0, forecast.now + forecast.perDay * days);
  const until = limit === null ? null : daysUntil(forecast, forecast.now, limit);
  const atWorst = limit === null ? null : daysUntil({ perDay: forecast.perDayHigh }, forecast.now, limit);
  return {
    ...base,
    forecast,
    unknown: null,
    in30Days: ahead(30),
    in90Days: ahead(90),
    daysUntil: until,
    daysUntilAtWorst: atWorst,
    text: textOf(what, unit, forecast, limit, until),
  };
}

function textOf(
  what: string,
  unit: CapacityItem['unit'],
  forecast: Forecast,
  limit: number | null,
  until: number | null,
): string {
  const show = (value: number) => (unit === 'bytes' ? bytesText(Math.max(0, value)) : spanText(Math.max(0, value)));
  const growth = `${forecast.perDay >= 0 ? '+' : '−'}${show(Math.abs(forecast.perDay) * 30)} in 30 days`;
  const now = `${what} ${show(forecast.now)}, ${growth} (${forecast.sureness} sureness)`;
  if (limit === null) return now;
  const noun = unit === 'ms' ? 'its window' : 'its limit';
  if (until === 0) return `${now}; ${noun} of ${show(limit)} no longer suffices`;
  if (until === null) return `${now}; ${noun} of ${show(limit)} suffices as it goes now`;
  return `${now}; ${noun} of ${show(limit)} suffices for about ${Math.floor(until)} days`;
}
