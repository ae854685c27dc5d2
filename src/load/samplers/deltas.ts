/** Rates from counters that only grow, until they are reset. */

export type Counters = Readonly<Record<string, number>>;

export interface Delta {
  /** Between the two readings; at least `SHORTEST_MS`. */
  readonly seconds: number;
  /** Growth of each counter; never negative. */
  readonly grown: Counters;
}

/** Two readings closer than this give rates that are mostly noise. */
const SHORTEST_MS = 100;

/**
 * Remembers the last reading. A counter that fell, or appeared or vanished, or another epoch (a restart, a reset, another set
 * of databases) means that the two readings are not of the same count: then there is no delta, and counting begins anew.
 */
export class DeltaReader {
  private last: { readonly epoch: string; readonly atMs: number; readonly counters: Counters } | null = null;

  /** `atMs` is of a clock that only grows. Null when the two readings cannot be compared. */
  advance(epoch: string, atMs: number, counters: Counters): Delta | null {
    const { last } = this;
    const elapsed = last ? atMs - last.atMs : 0;
    // Kept as the base: the next reading, later, compares with it.
    if (last && last.epoch === epoch && elapsed < SHORTEST_MS) return null;
    this.last = { epoch, atMs, counters };
    if (!last || last.epoch !== epoch) return null;
    const names = Object.keys(counters);
    if (names.length !== Object.keys(last.counters).length) return null;
    const grown: Record<string, number> = {};
    for (const name of names) {
      const growth = counters[name]! - (last.counters[name] ?? Number.NaN);
      if (!(growth >= 0)) return null;
      grown[name] = growth;
    }
    return { seconds: elapsed / 1_000, grown };
  }

  /** The next reading is the first. */
  forget(): void {
    this.last = null;
  }
}
