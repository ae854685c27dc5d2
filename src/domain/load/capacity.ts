/** When will it no longer fit: the database, the time of a backup, the stores, the window. */
import { daysUntil, forecastGrowth, type Forecast, type UsagePoint } from '../forecast';
import { bytesText, spanText } from './texts';

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
  readonly limit: number | null;
  /** Days until the limit is reached; 0 when it is, null when it never is or there is none. */
  readonly daysUntil: number | null;
  /** The same at the fast end of the trend. */
  readonly daysUntilAtWorst: number | null;
  /** For people. */
  readonly text: string;
}

export function capacityForecast(input: CapacityInput): readonly CapacityItem[] {
  return [
    itemOf('database', 'bytes', input.databaseBytes, null),
    itemOf('backup', 'ms', input.backupMs, input.windowMs),
    ...input.stores.map(({ name, bytes, limitBytes }) => itemOf(`store ${name}`, 'bytes', bytes, limitBytes)),
  ];
}

function itemOf(
  what: string,
  unit: CapacityItem['unit'],
  points: readonly UsagePoint[],
  limit: number | null,
): CapacityItem {
  const result = forecastGrowth(points, { windowDays: 90 });
  const base = { what, unit, limit };
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
