/** All that the configuration says about the load of one database, with defaults filled in. */
import type { BreakerLimits } from '../breaker';
import { DEFAULT_LIMITS, DEFAULT_PEAK_LIMITS } from './default-limits';
import type { Rung } from './ladder';
import type { SignalLimit } from './limits';
import type { WeeklyWindow } from './windows';

/** Who goes first. A restore always does. */
export type Priority = 'critical' | 'normal' | 'low';
export const PRIORITIES: readonly Priority[] = ['critical', 'normal', 'low'];

/** A time in which the database is left alone. */
export interface ProtectedWindow extends WeeklyWindow {
  /** For people: "month-end booking". */
  readonly name: string;
  /** `noStart`: no backup starts, one under way goes on at the lowest rung. `pause`: one under way pauses as well. */
  readonly action: 'noStart' | 'pause';
}

/** `doneBy`: a time of day after the start, at most a day later. `withinMs`: from the start. */
export type Deadline = { readonly doneBy: string } | { readonly withinMs: number };

/** Milliseconds. */
export interface PolicyTiming {
  /** A series without a newer sample does not count. */
  readonly staleMs: number;
  /** A series that was over its limit when it fell silent keeps a run from going faster for this long. */
  readonly forgetMs: number;
  /** A signal is released when it stayed beyond `release` for this long. */
  readonly releaseAfterMs: number;
  /** After a change, before the next step down: a change needs this long to show. */
  readonly settleMs: number;
  /** After a change, before the next step up; doubled each time the same rung proved too fast, up to `climbAtMostMs`. */
  readonly climbAfterMs: number;
  readonly climbAtMostMs: number;
  readonly maxChangesPerMinute: number;
}

export interface LoadRules {
  readonly timeZone: string;
  readonly limits: readonly SignalLimit[];
  /** In these windows their limits replace those of the same signals. */
  readonly peak: { readonly windows: readonly WeeklyWindow[]; readonly limits: readonly SignalLimit[] };
  readonly protected: readonly ProtectedWindow[];
  /** A backup starts only in these; empty = at any time. */
  readonly windows: readonly WeeklyWindow[];
  readonly priority: Priority;
  readonly deadline: Deadline | null;
  /** How long a pause may hold the snapshot. Milliseconds. */
  readonly pauseBudgetMs: number;
  /** Where too few signals are known, and where the watch itself is silent. */
  readonly safePace: Rung;
  /** Limited series with a fresh sample that a decision needs. */
  readonly minSignals: number;
  /** A watch that was not heard for so long is silent. Milliseconds. */
  readonly silentAfterMs: number;
  /** Never faster than this, at any hour. Bytes per second; null = no limit. */
  readonly maxBytesPerSecond: number | null;
  /** The lowest rung; slower is a pause. */
  readonly minBytesPerSecond: number;
  readonly readers: number;
  readonly uploads: number;
  readonly breaker: BreakerLimits;
  readonly timing: PolicyTiming;
}

export const DEFAULT_TIMING: PolicyTiming = {
  staleMs: 15_000,
  forgetMs: 120_000,
  releaseAfterMs: 10_000,
  settleMs: 6_000,
  climbAfterMs: 20_000,
  climbAtMostMs: 600_000,
  maxChangesPerMinute: 4,
};

export const DEFAULT_RULES: LoadRules = {
  timeZone: 'UTC',
  limits: DEFAULT_LIMITS,
  peak: { windows: [{ days: [], from: '06:00', to: '22:00' }], limits: DEFAULT_PEAK_LIMITS },
  protected: [],
  windows: [],
  priority: 'normal',
  deadline: null,
  pauseBudgetMs: 600_000,
  safePace: { maxBytesPerSecond: 8e6, readers: 1, uploads: 1 },
  minSignals: 2,
  silentAfterMs: 30_000,
  maxBytesPerSecond: null,
  minBytesPerSecond: 1e6,
  readers: 2,
  uploads: 4,
  breaker: { openAfter: 3, openForMs: 300_000, closeAfter: 3 },
  timing: DEFAULT_TIMING,
};
