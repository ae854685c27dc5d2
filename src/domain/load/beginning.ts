/**
 * How a backup begins. What its full pace does to a server shows only after some samples, and by then users have felt it: so a
 * server that is in use meets the safe pace first, and faster ones step by step. One at rest has nobody who could feel it.
 */
import type { Rung } from './ladder';
import type { Point, SeriesKey } from './series';
import { parseSeriesKey } from './series';

/** Fewer than this come of monitoring, and of Holdfast's own bookkeeping, on a server that nobody uses. */
const COMMITS_OF_USERS = 20;

/** By the newest samples; a server of which nothing is known may be in use. */
export function serverInUse(series: ReadonlyMap<SeriesKey, readonly Point[]>, now: number, staleMs: number): boolean {
  let known = false;
  for (const [key, points] of series) {
    const signal = parseSeriesKey(key)?.signal;
    const limit = signal === 'sessionsActive' ? 1 : signal === 'commitsPerSecond' ? COMMITS_OF_USERS : null;
    const last = points.at(-1);
    if (limit === null || last === undefined || last.at < now - staleMs) continue;
    known = true;
    if (last.value >= limit) return true;
  }
  return !known;
}

/** The first position that is no faster than a pace; the lowest where all are. */
export function positionOf(rungs: readonly Rung[], { maxBytesPerSecond }: Pick<Rung, 'maxBytesPerSecond'>): number {
  const most = maxBytesPerSecond ?? Infinity;
  const place = rungs.findIndex((rung) => (rung.maxBytesPerSecond ?? Infinity) <= most);
  return place < 0 ? rungs.length - 1 : place;
}
