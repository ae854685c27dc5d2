/** What a run may do now. A target, not a toggle: signals carry a sequence and the highest one wins. */
export interface Pace {
  /** Bytes of table data read from the source per second; null = no limit. */
  readonly maxBytesPerSecond: number | null;
  /** Parallel readers; null = as many as the run has. */
  readonly readers: number | null;
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

/** One short word for a search attribute: `paused`, `limited`, `full`. */
export function paceWord(pace: Pace): 'paused' | 'limited' | 'full' {
  if (pace.paused) return 'paused';
  return pace.maxBytesPerSecond !== null || pace.readers !== null ? 'limited' : 'full';
}
