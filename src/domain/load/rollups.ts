/** Series rolled up by minute, hour and day, so that old figures stay small. */
import type { Point, SeriesKey } from './series';
import { weightedQuantile, type Weighted } from './statistics';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './windows';

export type RollupUnit = 'minute' | 'hour' | 'day';
export const ROLLUP_MS: Readonly<Record<RollupUnit, number>> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

export interface Figures {
  readonly median: number;
  readonly p90: number;
  /** Time that the samples stand for. Milliseconds. */
  readonly coveredMs: number;
}

export interface Rollup extends Figures {
  readonly key: SeriesKey;
  readonly unit: RollupUnit;
  /** Its start, in UTC. Milliseconds since the epoch. */
  readonly at: number;
  readonly samples: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Of the time in which no backup ran: what is usual is learned from this alone. Null when one ran all the time. */
  readonly quiet: Figures | null;
}

export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** One sample stands for the time until the next, at most this long: behind it nobody knows. */
const STANDS_FOR_MS = 60_000;
/** What a backup leaves behind, such as a cold cache, fades after its end. */
const AFTERMATH_MS = 60_000;

/**
 * Points of one series, any order, each instant once or more. A minute that was sampled every two seconds weighs as much as one
 * that was sampled twice, so the dense samples of a backup do not outweigh the rest of its hour.
 */
export function rollUp(
  key: SeriesKey,
  points: readonly Point[],
  unit: RollupUnit,
  backups: readonly Interval[] = [],
): readonly Rollup[] {
  const size = ROLLUP_MS[unit];
  const sorted = [...new Map(points.map((point) => [point.at, point])).values()].sort((a, b) => a.at - b.at);
  const buckets = new Map<number, { point: Point; weight: number }[]>();
  sorted.forEach((point, index) => {
    const start = Math.floor(point.at / size) * size;
    const until = Math.min(sorted[index + 1]?.at ?? Infinity, point.at + STANDS_FOR_MS, start + size);
    const bucket = buckets.get(start) ?? [];
    bucket.push({ point, weight: Math.max(1, until - point.at) });
    buckets.set(start, bucket);
  });
  const busy = ({ at }: Point) => backups.some(({ from, to }) => at >= from && at < to + AFTERMATH_MS);
  return [...buckets].map(([at, entries]) => {
    const weighted = entries.map(({ point, weight }) => ({ value: point.value, weight }));
    const quiet = entries
      .filter(({ point }) => !busy(point))
      .map(({ point, weight }) => ({ value: point.value, weight }));
    const values = weighted.map(({ value }) => value);
    const covered = weightOf(weighted);
    return {
      key,
      unit,
      at,
      samples: entries.length,
      min: values.reduce((a, b) => Math.min(a, b)),
      max: values.reduce((a, b) => Math.max(a, b)),
      mean: weighted.reduce((sum, { value, weight }) => sum + value * (weight / covered), 0),
      ...figuresOf(weighted)!,
      quiet: figuresOf(quiet),
    };
  });
}

/**
 * Smaller rollups of one series as larger ones; doubled ones count once, the one with more samples. Medians of medians and
 * quantiles of quantiles: near enough for what is kept for years, and far smaller.
 */
export function combineRollups(parts: readonly Rollup[], unit: RollupUnit): readonly Rollup[] {
  const size = ROLLUP_MS[unit];
  const once = new Map<string, Rollup>();
  for (const part of parts) {
    const id = `${part.key} ${part.at}`;
    const known = once.get(id);
    if (!known || part.samples > known.samples) once.set(id, part);
  }
  const buckets = new Map<string, Rollup[]>();
  for (const part of [...once.values()].sort((a, b) => a.at - b.at)) {
    const id = `${part.key} ${Math.floor(part.at / size)}`;
    buckets.set(id, [...(buckets.get(id) ?? []), part]);
  }
  return [...buckets.values()].map((bucket) => {
    const covered = bucket.reduce((sum, { coveredMs }) => sum + coveredMs, 0);
    return {
      key: bucket[0]!.key,
      unit,
      at: Math.floor(bucket[0]!.at / size) * size,
      samples: bucket.reduce((sum, { samples }) => sum + samples, 0),
      min: bucket.reduce((least, { min }) => Math.min(least, min), Infinity),
      max: bucket.reduce((most, { max }) => Math.max(most, max), -Infinity),
      mean: bucket.reduce((sum, { mean, coveredMs }) => sum + mean * (coveredMs / covered), 0),
      ...combined(bucket)!,
      quiet: combined(bucket.flatMap(({ quiet }) => quiet ?? [])),
    };
  });
}

const weightOf = (values: readonly Weighted[]): number => values.reduce((sum, { weight }) => sum + weight, 0);

function figuresOf(values: readonly Weighted[]): Figures | null {
  if (values.length === 0) return null;
  return { median: weightedQuantile(values, 0.5)!, p90: weightedQuantile(values, 0.9)!, coveredMs: weightOf(values) };
}

function combined(parts: readonly Figures[]): Figures | null {
  if (parts.length === 0) return null;
  const of = (pick: (part: Figures) => number) => parts.map((part) => ({ value: pick(part), weight: part.coveredMs }));
  return {
    median: weightedQuantile(
      of(({ median }) => median),
      0.5,
    )!,
    p90: Math.max(
      weightedQuantile(
        of(({ p90 }) => p90),
        0.9,
      )!,
      weightedQuantile(
        of(({ median }) => median),
        0.5,
      )!,
    ),
    coveredMs: parts.reduce((sum, { coveredMs }) => sum + coveredMs, 0),
  };
}
