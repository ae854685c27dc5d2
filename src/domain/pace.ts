/** What a run may do now. A target, not a toggle: signals carry a sequence and the highest one wins. */
export interface Pace {
  /** Bytes of table data read from the source per second; null = no limit. */
  readonly maxBytesPerSecond: number | null;
  /** Parallel readers; null = as many as the run has. */
  readonly readers: number | null;
  /** Uploads in flight; absent or null = as many as the worker allows. */
  readonly uploads?: number | null;
  readonly paused: boolean;
  /** Shown to operators: "asked by ana", "CPU 84 % > 60 %". */
  readonly reason: string;
  readonly setBy: string;
  /** Grows with each change; an older one that arrives late changes nothing. */
  readonly sequence: number;
}

export const FULL_PACE: Pace = {
  maxBytesPerSecond: null,
  readers: null,
  paused: false,
  reason: 'no limit',
  setBy: 'default',
  sequence: 0,
};

/** The later target wins; a doubled or late signal changes nothing. */
export function newerPace(current: Pace, asked: Pace): Pace {
  return asked.sequence > current.sequence ? asked : current;
}

/**
 * The whole target that a signal states. People may send `pause` and `resume` from the Temporal Web UI with no content at
 * all: such a signal changes the pause alone and takes the next sequence.
 */
export function askedPace(current: Pace, asked: Partial<Pace> | undefined, paused?: boolean): Pace {
  return {
    maxBytesPerSecond: positiveOrNull(asked?.maxBytesPerSecond, current.maxBytesPerSecond),
    readers: positiveOrNull(asked?.readers, current.readers),
    ...uploadsOf(current, asked),
    paused: paused ?? asked?.paused ?? current.paused,
    reason: asked?.reason ?? 'asked by a signal without a reason',
    setBy: asked?.setBy ?? 'a signal without a sender',
    sequence: asked?.sequence ?? current.sequence + 1,
  };
}

/** Absent stays absent: paces of runs that know nothing of it keep their shape. */
function uploadsOf(current: Pace, asked: Partial<Pace> | undefined): Pick<Pace, 'uploads'> {
  if (asked?.uploads === undefined && current.uploads === undefined) return {};
  return { uploads: positiveOrNull(asked?.uploads, current.uploads ?? null) };
}

/** A rate or a number of readers that is not above zero would stop a run for good; `paused` is there for that. */
function positiveOrNull(asked: number | null | undefined, current: number | null): number | null {
  if (asked === null) return null;
  return asked !== undefined && asked > 0 ? asked : current;
}

/** One short word for a search attribute: `paused`, `limited`, `full`. */
export function paceWord(pace: Pace): 'paused' | 'limited' | 'full' {
  if (pace.paused) return 'paused';
  return (pace.maxBytesPerSecond ?? pace.readers ?? pace.uploads ?? null) !== null ? 'limited' : 'full';
}
