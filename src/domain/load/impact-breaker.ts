/**
 * The breaker on impact: three breaches of a hard limit in a row open it, and no heavy work is done for a while; then one trial
 * at the lowest pace shows whether the database bears it again.
 */
import { breakerAfter, breakerAt, type Breaker, type BreakerLimits } from '../breaker';
import { levelOf, type Thresholds } from './limits';
import type { Point, SeriesKey } from './series';
import { parseSeriesKey } from './series';

export interface ImpactBreaker {
  readonly breaker: Breaker;
  /** Samples up to here were counted. Milliseconds since the epoch. */
  readonly countedTo: number;
}

export interface HardSeries {
  readonly key: SeriesKey;
  readonly thresholds: Thresholds;
}

/**
 * Counts the samples that are newer than those counted before, instant by instant, so doubled and late ones change nothing.
 * While it is open nothing is counted: a database that does well because nothing runs proves nothing; `trying` says that the
 * run has in fact moved, so that a good sample is a good trial.
 */
export function impactBreakerAfter(
  state: ImpactBreaker,
  input: {
    readonly now: number;
    readonly hard: readonly HardSeries[];
    readonly series: ReadonlyMap<SeriesKey, readonly Point[]>;
    readonly trying: boolean;
  },
  limits: BreakerLimits,
): ImpactBreaker {
  const { now, hard, series, trying } = input;
  let breaker = breakerAt(state.breaker, now, limits);
  const breached = (entry: HardSeries, { value }: Point) =>
    levelOf(parseSeriesKey(entry.key)!.signal, value, entry.thresholds) === 'pause';
  // A clock that was set back would otherwise leave it blind for as long as the clock was ahead.
  const counted = Math.min(state.countedTo, now);
  const latest = new Map<SeriesKey, boolean>();
  const news = new Map<number, { entry: HardSeries; point: Point }[]>();
  for (const entry of hard)
    for (const point of series.get(entry.key) ?? []) {
      if (point.at > now) continue;
      if (point.at <= counted) latest.set(entry.key, breached(entry, point));
      else news.set(point.at, [...(news.get(point.at) ?? []), { entry, point }]);
    }
  let countedTo = counted;
  for (const at of [...news.keys()].sort((a, b) => a - b)) {
    countedTo = at;
    const points = news.get(at)!;
    let bad = false;
    for (const { entry, point } of points) {
      const over = breached(entry, point);
      latest.set(entry.key, over);
      bad ||= over;
    }
    if (breaker.state === 'open') continue;
    if (bad) breaker = breakerAfter(breaker, { ok: false, at, belowLimit: false }, limits);
    else if (![...latest.values()].includes(true) && (breaker.state === 'closed' || trying))
      breaker = breakerAfter(breaker, { ok: true, at, belowLimit: false }, limits);
  }
  return { breaker, countedTo };
}

/** May heavy work start or go on? In a trial one operation may, at the lowest pace. */
export const heavyWorkAllowed = (state: ImpactBreaker): 'yes' | 'trial' | 'no' =>
  state.breaker.state === 'closed' ? 'yes' : state.breaker.state === 'half-open' ? 'trial' : 'no';
