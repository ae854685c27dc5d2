/**
 * How a backup begins. What its full pace does to a server shows only after some samples, and by then users have felt it: so a
 * server that is in use meets the safe pace first, and faster ones step by step. One at rest has nobody who could feel it.
 */
import type { Rung } from './ladder';
import type { Point, SeriesKey } from './series';
import { parseSeriesKey } from './series';
import { median } from './statistics';

/** Fewer than this come of monitoring, and of Holdfast's own bookkeeping, on a server that nobody uses. */
const COMMITS_OF_USERS = 20;

/** Our own bookkeeping comes in bursts, so commits are taken over this time, ms. */
const COMMITS_OVER_MS = 60_000;

/** By the newest samples; a server of which nothing is known may be in use. */
export function serverInUse(series: ReadonlyMap<SeriesKey, readonly Point[]>, now: number, staleMs: number): boolean {
  let known = false;
  for (const [key, points] of series) {
    const signal = parseSeriesKey(key)?.signal;
    const last = points.at(-1);
    if (last === undefined || last.at < now - staleMs) continue;
    if (signal !== 'sessionsActive' && signal !== 'commitsPerSecond') continue;
    known = true;
    if (signal === 'sessionsActive' ? last.value >= 1 : commitsOf(points, now) >= COMMITS_OF_USERS) return true;
  }
  return !known;
}

function commitsOf(points: readonly Point[], now: number): number {
  return median(points.filter(({ at }) => at >= now - COMMITS_OVER_MS).map(({ value }) => value)) ?? 0;
}

/** The first position that is no faster than a pace; the lowest where all are. */
export function positionOf(rungs: readonly Rung[], { maxBytesPerSecond }: Pick<Rung, 'maxBytesPerSecond'>): number {
  const most = maxBytesPerSecond ?? Infinity;
  const place = rungs.findIndex((rung) => (rung.maxBytesPerSecond ?? Infinity) <= most);
  return place < 0 ? rungs.length - 1 : place;
}
