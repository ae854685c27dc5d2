/**
 * Which share of a store's objects is read next, so that all of them are read once in every cycle. Objects are named by
 * hashes, so the first two hex digits of their names cut them into 256 buckets of nearly equal size. Pure.
 */
import { HOUR_MS } from './time';

export const BUCKETS = 256;

/** Where the reading of one store is. Times are milliseconds since the epoch. */
export interface CyclePosition {
  readonly startedAt: number;
  /** The first bucket that this cycle has not read; 256 = all are read. */
  readonly nextBucket: number;
}

/** What is due by the clock, all buckets in a cycle of their own, or a part of the whole (0 < part ≤ 1). */
export type AskedShare = 'due' | 'all' | { readonly part: number };

export interface ShareQuestion {
  readonly cycle: CyclePosition | null;
  readonly asked: AskedShare;
  /** All is to be read within this time. */
  readonly cycleMs: number;
  /** Time until the next share will be read. */
  readonly intervalMs: number;
  readonly now: number;
}

export interface Share {
  /** First bucket, and the one after the last; equal when nothing is due. */
  readonly from: number;
  readonly to: number;
  /** Of the cycle that the share belongs to. */
  readonly cycleStartedAt: number;
  /** True: no share of that cycle was read so far. */
  readonly opensCycle: boolean;
  /** How far the cycle is beyond its end with buckets left; 0 = in time. Milliseconds. */
  readonly lateMs: number;
  readonly why: string;
}

/**
 * The share that keeps the cycle in time: as many buckets as must be read by the time of the next share. So a night that
 * was missed is caught up by the next one. A cycle that is through rests until its time is over.
 */
export function planShare({ cycle, asked, cycleMs, intervalMs, now }: ShareQuestion): Share {
  const open = cycle !== null && cycle.nextBucket < BUCKETS && asked !== 'all' ? cycle : null;
  // A run comes a little early or late: half an interval decides whose cycle it is.
  const restsUntil = cycle === null ? now : cycle.startedAt + cycleMs;
  if (open === null && cycle !== null && asked === 'due' && now + intervalMs / 2 < restsUntil)
    return {
      from: BUCKETS,
      to: BUCKETS,
      cycleStartedAt: cycle.startedAt,
      opensCycle: false,
      lateMs: 0,
      why: 'everything is read; the next cycle has not begun',
    };
  const from = open?.nextBucket ?? 0;
  const cycleStartedAt = open?.startedAt ?? now;
  const elapsed = Math.max(0, now - cycleStartedAt);
  const dueBy = Math.ceil(BUCKETS * Math.min(1, (elapsed + intervalMs) / cycleMs));
  const to =
    asked === 'all'
      ? BUCKETS
      : asked === 'due'
        ? Math.max(from, dueBy)
        : Math.min(BUCKETS, from + Math.max(1, Math.ceil(BUCKETS * asked.part)));
  const regular = Math.ceil((BUCKETS * intervalMs) / cycleMs);
  return {
    from,
    to,
    cycleStartedAt,
    opensCycle: open === null,
    lateMs: Math.max(0, elapsed - cycleMs),
    why:
      asked !== 'due'
        ? 'as asked'
        : to === from
          ? 'the cycle is ahead of its time'
          : to - from > regular && from > 0
            ? 'catching up with what was missed'
            : 'the regular share',
  };
}

/** The bucket of an object's name. */
export function bucketOf(object: string): number {
  return Number.parseInt(object.slice(0, 2), 16);
}

/** `0` → `00`, `255` → `ff`. */
export function bucketName(bucket: number): string {
  return bucket.toString(16).padStart(2, '0');
}

/** `00–08`, or one bucket alone; `nothing` for an empty share. */
export function bucketsText(from: number, to: number): string {
  if (from >= to) return 'nothing';
  return to - from === 1 ? bucketName(from) : `${bucketName(from)}–${bucketName(to - 1)}`;
}

const EVERY_MS = { hourly: HOUR_MS, daily: 24 * HOUR_MS, weekly: 168 * HOUR_MS, monthly: 31 * 24 * HOUR_MS } as const;

/**
 * Time between two shares as the config states it. A cron expression does not say: then the time since the last share
 * counts, within reason, and a day before there was one.
 */
export function shareInterval(
  times: { readonly every?: keyof typeof EVERY_MS; readonly interval?: number },
  sinceLastMs: number | null,
): number {
  if (times.interval !== undefined) return times.interval;
  if (times.every !== undefined) return EVERY_MS[times.every];
  return Math.min(7 * EVERY_MS.daily, Math.max(HOUR_MS, sinceLastMs ?? EVERY_MS.daily));
}
