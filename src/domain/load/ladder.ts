/** The paces between full and paused. Each rung is half as fast as the one above it. */

export interface Rung {
  /** Bytes read from the source per second; null = no limit. */
  readonly maxBytesPerSecond: number | null;
  /** Parallel readers; null = as many as the run has. */
  readonly readers: number | null;
  /** Uploads in flight; null = as many as the worker allows. */
  readonly uploads: number | null;
}

export interface LadderOptions {
  /** Never faster than this; null = as fast as it can. */
  readonly maxBytesPerSecond: number | null;
  /** The lowest rung: slower is a pause. Bytes per second, above zero. */
  readonly minBytesPerSecond: number;
  /** Readers and uploads in flight of a run at full pace. */
  readonly readers: number;
  readonly uploads: number;
  /** What the run read per second at full pace, as measured; null when that is not known. */
  readonly measuredBytesPerSecond: number | null;
}

/** Assumed of a source of which nothing was measured yet. Bytes per second. */
const ASSUMED_BYTES_PER_SECOND = 64e6;
const MAX_RUNGS = 8;
/** A step this near to the lowest would be none that anybody notices. */
const NEAR = 1.1;

/** Rung 0 is the full pace; at least two rungs. */
export function ladder(options: LadderOptions): readonly Rung[] {
  const { maxBytesPerSecond, minBytesPerSecond, readers, uploads } = options;
  const measured = options.measuredBytesPerSecond ?? ASSUMED_BYTES_PER_SECOND;
  const top = Math.max(minBytesPerSecond * 2, Math.min(measured, maxBytesPerSecond ?? Infinity));
  const rungs: Rung[] = [{ maxBytesPerSecond, readers: null, uploads: null }];
  for (let halvings = 1; rungs.length < MAX_RUNGS; halvings++) {
    const rate = top / 2 ** halvings;
    const last = rate <= minBytesPerSecond * NEAR || rungs.length === MAX_RUNGS - 1;
    rungs.push({
      // The lowest rung of a maximum below it is that maximum.
      maxBytesPerSecond: Math.min(Math.round(last ? minBytesPerSecond : rate), maxBytesPerSecond ?? Infinity),
      readers: last ? 1 : Math.max(1, Math.ceil(readers / 2 ** halvings)),
      uploads: last ? 1 : Math.max(1, Math.ceil(uploads / 2 ** halvings)),
    });
    if (last) break;
  }
  return rungs;
}

/** The slower of the two in each part. */
export function slower(a: Rung, b: Rung): Rung {
  const least = (x: number | null, y: number | null) => (x === null ? y : y === null ? x : Math.min(x, y));
  return {
    maxBytesPerSecond: least(a.maxBytesPerSecond, b.maxBytesPerSecond),
    readers: least(a.readers, b.readers),
    uploads: least(a.uploads, b.uploads),
  };
}
