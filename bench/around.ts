/** What events cost that come again and again, told from what the machine does anyway. Pure. */

export interface Around {
  /** Share of all work that was lost to the events: the trimmed mean of all cycles. Below 0 where chance was larger. */
  readonly lost: number;
  /** Standard error of that mean. */
  readonly error: number;
  /** Cycles that counted. */
  readonly cycles: number;
}

export interface AroundOptions {
  /** When each event began, ascending. Milliseconds. */
  readonly events: readonly number[];
  /** When each piece of work was done, ascending. Milliseconds of the same clock. */
  readonly done: readonly number[];
  /** From the event on, what may feel it. Milliseconds, shorter than a cycle. */
  readonly feltMs: number;
  /** From one event to the next; a cycle of another length does not count. */
  readonly cycleMs: number;
}

/**
 * In each cycle the rate after the event against that of the rest of the same cycle: a machine that becomes slower or faster over
 * seconds does so in both, so that little of it is left in the difference.
 */
export function lostAround({ events, done, feltMs, cycleMs }: AroundOptions): Around {
  const shares: number[] = [];
  for (const [index, at] of events.entries()) {
    const next = events[index + 1];
    if (next === undefined || Math.abs(next - at - cycleMs) > cycleMs / 10) continue;
    const felt = countBetween(done, at, at + feltMs);
    const rest = countBetween(done, at + feltMs, next);
    if (rest === 0) continue;
    const usual = rest / (next - at - feltMs);
    shares.push((usual * feltMs - felt) / (usual * (next - at)));
  }
  // A cycle in which the machine did something else says nothing of the events.
  const { mean, error } = trimmedMean(shares, 0.1);
  return { lost: mean, error, cycles: shares.length };
}

/** The mean and its standard error; of all values this share, 0..1, is left out at either end. */
export function trimmedMean(
  values: readonly number[],
  share: number,
): { readonly mean: number; readonly error: number } {
  const sorted = [...values].sort((one, other) => one - other);
  const count = sorted.length;
  const cut = Math.floor(count * share);
  const meanOf = (some: readonly number[]) => some.reduce((sum, value) => sum + value, 0) / some.length;
  // The spread that belongs to a trimmed mean: values beyond the cuts count as the ones at the cuts.
  const pulledIn = sorted.map((value) => Math.min(sorted[count - 1 - cut]!, Math.max(sorted[cut]!, value)));
  const middle = meanOf(pulledIn);
  const variance = pulledIn.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (count - 1);
  return {
    mean: meanOf(sorted.slice(cut, count - cut)),
    error: Math.sqrt(variance / count) / (1 - (2 * cut) / count),
  };
}

function countBetween(sorted: readonly number[], from: number, to: number): number {
  return firstAtLeast(sorted, to) - firstAtLeast(sorted, from);
}

function firstAtLeast(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
