/** Robust figures of small samples: medians and quantiles, which some outliers do not move. */

/** Of any order; between neighbours linearly. Null of nothing. */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const low = sorted[Math.floor(place)]!;
  const high = sorted[Math.ceil(place)]!;
  return low === high ? low : low + (high - low) * (place - Math.floor(place));
}

export const median = (values: readonly number[]): number | null => quantile(values, 0.5);

/** NaN of nothing. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export interface Weighted {
  readonly value: number;
  readonly weight: number;
}

/** The value at which the given share of all weight is reached. Null when nothing has weight. */
export function weightedQuantile(values: readonly Weighted[], share: number): number | null {
  const sorted = values.filter(({ weight }) => weight > 0).sort((a, b) => a.value - b.value);
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  let reached = 0;
  for (const { value, weight } of sorted) {
    reached += weight;
    if (reached >= total * share) return value;
  }
  return sorted.at(-1)?.value ?? null;
}

/** Spread that outliers do not move, comparable to a standard deviation. 0 of fewer than two values. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  if (middle === null) return 0;
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)))!;
}

/**
 * How likely a difference as large as this is by chance alone (Mann–Whitney, normal approximation, ties corrected): near 0 means
 * that the two samples differ. 1 when either is empty.
 */
export function chanceOfDifference(a: readonly number[], b: readonly number[]): number {
  const [n, m] = [a.length, b.length];
  if (n === 0 || m === 0) return 1;
  const all = [...a.map((value) => ({ value, first: true })), ...b.map((value) => ({ value, first: false }))];
  all.sort((x, y) => x.value - y.value);
  let rankSum = 0;
  let ties = 0;
  for (let start = 0; start < all.length;) {
    let end = start + 1;
    while (end < all.length && all[end]!.value === all[start]!.value) end += 1;
    const rank = (start + 1 + end) / 2;
    for (let place = start; place < end; place++) if (all[place]!.first) rankSum += rank;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  const total = n + m;
  const u = rankSum - (n * (n + 1)) / 2;
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * Math.max(1, total - 1)));
  if (variance <= 0) return 1;
  const z = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5) / Math.sqrt(variance);
  return Math.min(1, 2 * (1 - normalBelow(z)));
}

/** Of the standard normal distribution (Abramowitz and Stegun 7.1.26; error below 2e-7). */
function normalBelow(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return 1 - (poly * Math.exp(-x * x)) / 2;
}
