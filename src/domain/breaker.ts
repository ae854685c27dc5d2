/**
 * The circuit breaker of a store. Closed: the store is used. Open: it is left alone for a stated time. Half-open: a trial
 * shows whether it is back. Pure; times are milliseconds since the epoch, by whatever clock the caller has.
 */

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerLimits {
  /** Opens after so many failures in a row. */
  readonly openAfter: number;
  /** Stays open for this long, then allows one trial. Milliseconds. */
  readonly openForMs: number;
  /** Closes after so many good trials in a row. */
  readonly closeAfter: number;
}

export interface Breaker {
  readonly state: BreakerState;
  /** Failures in a row. */
  readonly failures: number;
  /** Good trials in a row, while half-open. */
  readonly goodTrials: number;
  /** When it opened, or opened again after a failed trial; null while closed. */
  readonly openedAt: number | null;
}

export const CLOSED: Breaker = { state: 'closed', failures: 0, goodTrials: 0, openedAt: null };

/** Who tries a store whose breaker is half-open. */
export interface Trial {
  readonly by: string;
  /** ISO time since when the breaker is as it was then. */
  readonly since: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A run that never tells how its trial went keeps others away for no longer than this. */
const TRIAL_MS = 10 * 60_000;

/** One trial at a time while the breaker is half-open; while it is open none. null: nothing is known. */
export function mayTry(breaker: Breaker | null, running: Trial | null, next: Trial): boolean {
  if (breaker === null || breaker.state === 'closed') return true;
  if (breaker.state === 'open') return false;
  const held = running !== null && running.since === next.since && next.at - running.at < TRIAL_MS;
  return !held || running.by === next.by;
}

/** An answer of the store came in. `belowLimit`: its average is under the limit of `down`. */
export function breakerAfter(
  breaker: Breaker,
  answer: { readonly ok: boolean; readonly at: number; readonly belowLimit: boolean },
  limits: BreakerLimits,
): Breaker {
  const { ok, at, belowLimit } = answer;
  if (!ok) {
    const failures = breaker.failures + 1;
    if (breaker.state === 'closed' && failures < limits.openAfter && !belowLimit) return { ...breaker, failures };
    // Of an open one the time does not start again: late reports of one outage must not put off the trial.
    const openedAt = breaker.state === 'open' ? breaker.openedAt : at;
    return { state: 'open', failures, goodTrials: 0, openedAt };
  }
  if (breaker.state === 'closed') return breaker.failures === 0 ? breaker : { ...breaker, failures: 0 };
  // A run that used the store all the same, because no other was left, tried it as well as a probe does.
  const goodTrials = breaker.goodTrials + 1;
  if (goodTrials >= limits.closeAfter) return CLOSED;
  return { ...breaker, state: 'half-open', failures: 0, goodTrials };
}

/** When the next trial is due: at once unless it is open. A clock that was set back costs one more `openFor` at most. */
export function trialDueAt(breaker: Breaker, now: number, limits: BreakerLimits): number {
  if (breaker.state !== 'open') return now;
  return Math.min(breaker.openedAt ?? now, now) + limits.openForMs;
}

/** Time went by: an open breaker becomes half-open when its trial is due. Never closes anything. */
export function breakerAt(breaker: Breaker, now: number, limits: BreakerLimits): Breaker {
  if (breaker.state !== 'open') return breaker;
  // Set back: counted from now, or it would stay open for as long as the clock was ahead.
  if (breaker.openedAt === null || breaker.openedAt > now) return { ...breaker, openedAt: now };
  return now - breaker.openedAt >= limits.openForMs ? { ...breaker, state: 'half-open', goodTrials: 0 } : breaker;
}
