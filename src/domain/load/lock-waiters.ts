/** Has somebody waited behind a lock of ours for too long? */
import type { LockWaiterRule } from './rules';
import { parseSeriesKey, type Point, type SeriesKey } from './series';

/** A fact for people; null when nobody waits, or not for that long yet. */
export function waitsBehindUs(
  series: ReadonlyMap<SeriesKey, readonly Point[]>,
  rule: LockWaiterRule,
  now: number,
  staleMs: number,
): string | null {
  for (const [key, points] of series) {
    if (parseSeriesKey(key)!.signal !== 'waitersBehindUs') continue;
    const last = points.at(-1)!;
    if (last.value === 0 || last.at < now - staleMs) continue;
    const since = points[points.findLastIndex(({ value }) => value === 0) + 1]!.at;
    if (now - since < rule.afterMs) continue;
    const sessions = last.value === 1 ? '1 session waits' : `${last.value} sessions wait`;
    return `${sessions} behind a lock of the backup for ${Math.round((now - since) / 1_000)} s`;
  }
  return null;
}
