/** Samples as series of one signal from one source: sorted, each instant once. */
import { isSignalName, validateSignal, type LoadSample, type SignalName } from './signals';

/** `<source>/<signal>`. A source may hold a slash or a colon, a signal's name has no slash. */
export type SeriesKey = `${string}/${SignalName}`;

export interface Point {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly value: number;
}

export const seriesKey = (source: string, signal: SignalName): SeriesKey => `${source}/${signal}`;

/** Null when the text is no key. */
export function parseSeriesKey(key: string): { readonly source: string; readonly signal: SignalName } | null {
  const slash = key.lastIndexOf('/');
  const signal = key.slice(slash + 1);
  return slash > 0 && isSignalName(signal) ? { source: key.slice(0, slash), signal } : null;
}

/**
 * Series of all samples within (from, to], by time. Doubled samples count once and their order does not matter: of two that
 * state different values for one instant, the higher counts. Values that cannot be true are left out.
 */
export function seriesOf(
  samples: readonly LoadSample[],
  { from = -Infinity, to = Infinity }: { readonly from?: number; readonly to?: number } = {},
): ReadonlyMap<SeriesKey, readonly Point[]> {
  const byKey = new Map<SeriesKey, Map<number, number>>();
  for (const { at, source, signals } of samples) {
    if (!(at > from && at <= to)) continue;
    for (const [name, value] of Object.entries(signals)) {
      if (validateSignal(name, value) !== null) continue;
      const key = seriesKey(source, name as SignalName);
      const points = byKey.get(key) ?? new Map<number, number>();
      points.set(at, Math.max(points.get(at) ?? -Infinity, value!));
      byKey.set(key, points);
    }
  }
  return new Map(
    [...byKey]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, points]) => [key, [...points].map(([at, value]) => ({ at, value })).sort((a, b) => a.at - b.at)]),
  );
}
