/** What a run may do now. A target, not a toggle: signals carry a sequence and the highest one wins. */
export interface Pace {
  /** Bytes of table data read from the source per second; null = no limit. */
  readonly maxBytesPerSecond: number | null;
  /** Parallel readers; null = as many as the run has. */
  readonly readers: number | null;
  /** Uploads in flight to each store; absent or null = as many as the worker allows. */
  readonly uploads?: number | null;
  readonly paused: boolean;
  /** Shown to operators: "asked by ana", "CPU 84 % > 60 %". */
  readonly reason: string;
  readonly setBy: string;
  /** Grows with each change; an older one that arrives late changes nothing. */
  readonly sequence: number;
  /** Until when an operator's word beats the load watch, ms since the epoch; absent or null = until it is taken back. */
  readonly until?: number | null;
  /** With `paused`: the snapshot is released at once, as if the pause budget were spent. */
  readonly giveUp?: boolean;
}

export const FULL_PACE: Pace = {
  maxBytesPerSecond: null,
  readers: null,
  paused: false,
  reason: 'no limit',
  setBy: 'default',
  sequence: 0,
};

/** Who the history names for a pace that the load watch set. */
export const LOAD_WATCH = 'load watch';

/** Set by a rule, not by a person. */
export const isAutomatic = ({ setBy }: Pick<Pace, 'setBy'>): boolean =>
  setBy === LOAD_WATCH || setBy === FULL_PACE.setBy;

/** True while a person's word stands, which no rule may change. */
export const operatorHolds = (pace: Pace, now: number): boolean =>
  !isAutomatic(pace) && (pace.until === undefined || pace.until === null || now < pace.until);

/**
 * What is in force after a signal; `current` itself when it changes nothing. Among people, and among rules, the highest sequence
 * wins. A rule changes nothing while a person's word stands. A person's word beats a rule's whatever the sequences, since
 * two clocks, or a rule's signal on its way, must not undo it; `said` is the highest sequence that people have used.
 */
export function nextPace(current: Pace, asked: Pace, { said, now }: { said: number; now: number }): Pace {
  if (isAutomatic(asked)) return operatorHolds(current, now) ? current : newerPace(current, asked);
  if (asked.sequence <= said) return current;
  return asked.sequence > current.sequence ? asked : { ...asked, sequence: current.sequence + 1 };
}

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
    // These belong to one signal: the next one that does not state them ends them.
    ...(asked?.until === undefined ? {} : { until: asked.until }),
    ...(asked?.giveUp === true ? { giveUp: true } : {}),
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
