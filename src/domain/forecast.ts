/**
 * When will a store be full? A robust linear trend (Theil–Sen: the median of the slopes of all pairs of points, which some
 * outliers do not move) over the last weeks, with the middle half of those slopes as its uncertainty. Pure.
 */
import { DAY_MS } from './time';

export interface UsagePoint {
  readonly at: Date;
  readonly value: number;
}

export interface Forecast {
  /** Growth per day; negative when it shrinks. */
  readonly perDay: number;
  /** Middle half of the slopes: the trend lies in it as surely as a small sample can say. */
  readonly perDayLow: number;
  readonly perDayHigh: number;
  /** By the trend, at the newest point. */
  readonly now: number;
  readonly sureness: 'low' | 'medium' | 'high';
  readonly points: number;
  readonly spanDays: number;
}
export type ForecastResult =
  { readonly ok: true; readonly forecast: Forecast } | { readonly ok: false; readonly reason: string };

export interface ForecastOptions {
  /** Only points of the last days, measured from the newest. @default 28 */
  readonly windowDays?: number;
  /** @default 5 */
  readonly minPoints?: number;
  /** @default 2 */
  readonly minSpanDays?: number;
}

/** Pairs grow with the square: more points than this are thinned evenly, which keeps the first and the last. */
const MAX_POINTS = 200;

/** Refuses where a trend would be a guess, and says why. The order of the points does not matter. */
export function forecastGrowth(points: readonly UsagePoint[], options: ForecastOptions = {}): ForecastResult {
  const { windowDays = 28, minPoints = 5, minSpanDays = 2 } = options;
  const sorted = [...points].sort((a, b) => a.at.getTime() - b.at.getTime());
  const last = sorted.at(-1);
  if (!last) return { ok: false, reason: 'nothing was measured yet' };
  const recent = thin(sorted.filter(({ at }) => at.getTime() >= last.at.getTime() - windowDays * DAY_MS));
  if (recent.length < minPoints)
    return { ok: false, reason: `${recent.length} points are too few for a trend, ${minPoints} are needed` };
  const days = recent.map(({ at }) => (at.getTime() - last.at.getTime()) / DAY_MS);
  const spanDays = -days[0]!;
  if (spanDays < minSpanDays)
    return { ok: false, reason: `the points span less than ${minSpanDays} days: too short for a trend` };
  const slopes: number[] = [];
  for (let i = 0; i < recent.length; i++)
    for (let j = i + 1; j < recent.length; j++) {
      const distance = days[j]! - days[i]!;
      if (distance > 0) slopes.push((recent[j]!.value - recent[i]!.value) / distance);
    }
  slopes.sort((a, b) => a - b);
  const perDay = quantile(slopes, 0.5);
  const perDayLow = quantile(slopes, 0.25);
  const perDayHigh = quantile(slopes, 0.75);
  const offsets = recent.map(({ value }, index) => value - perDay * days[index]!).sort((a, b) => a - b);
  const spread = perDayHigh - perDayLow;
  const relative = perDay === 0 ? (spread === 0 ? 0 : Infinity) : spread / Math.abs(perDay);
  const sureness =
    relative <= 0.5 && spanDays >= 7 && recent.length >= 7
      ? 'high'
      : relative <= 1.5 && Math.sign(perDayLow) === Math.sign(perDayHigh)
        ? 'medium'
        : 'low';
  return {
    ok: true,
    forecast: {
      perDay,
      perDayLow,
      perDayHigh,
      now: quantile(offsets, 0.5),
      sureness,
      points: recent.length,
      spanDays,
    },
  };
}

/** Days from the newest point until `limit` is reached, from what is used now; 0 when it is; null when it never is. */
export function daysUntil(forecast: Pick<Forecast, 'perDay'>, used: number, limit: number): number | null {
  if (used >= limit) return 0;
  if (forecast.perDay <= 0) return null;
  return (limit - used) / forecast.perDay;
}

function thin(points: readonly UsagePoint[]): readonly UsagePoint[] {
  if (points.length <= MAX_POINTS) return points;
  const step = (points.length - 1) / (MAX_POINTS - 1);
  return Array.from({ length: MAX_POINTS }, (_, index) => points[Math.round(index * step)]!);
}

/** Of sorted values, between neighbours linearly. */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  const [a, b] = [sorted[low]!, sorted[Math.ceil(place)]!];
  return a === b ? a : a + (b - a) * (place - low);
}

/** Mean of a value that holds from each point to the next, over [from, to); the part before the first point is left out. */
export function meanOver(points: readonly UsagePoint[], from: Date, to: Date): number {
  const sorted = [...points].sort((a, b) => a.at.getTime() - b.at.getTime());
  const [start, end] = [from.getTime(), to.getTime()];
  if (end <= start) return 0;
  let sum = 0;
  for (const [index, point] of sorted.entries()) {
    const begins = Math.max(start, point.at.getTime());
    const ends = Math.min(end, sorted[index + 1]?.at.getTime() ?? end);
    if (ends > begins) sum += point.value * (ends - begins);
  }
  return sum / (end - start);
}
