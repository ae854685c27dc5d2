/** The next position on the ladder: when to step down, when to climb, how often. */
import type { SignalLevel } from './limits';
import type { PaceReason, PolicyState } from './policy-types';
import type { PolicyTiming } from './rules';
import { MINUTE_MS } from '../time';

export interface StepInput {
  readonly now: number;
  /** The last position that is not paused. */
  readonly lowest: number;
  /** Calendar and breaker allow nothing faster than this position. */
  readonly ceiling: number;
  /** The worst level of all signals, and how far it went beyond its limit: 0..1. */
  readonly level: SignalLevel;
  readonly severity: number;
  /** A deadline is near: a step that proved too fast is tried again sooner. Limits stay what they are. */
  readonly hurry: boolean;
  readonly state: PolicyState;
  readonly timing: PolicyTiming;
}

export interface Step {
  readonly position: number;
  readonly reason: PaceReason | null;
  /** Changes that are still allowed in this minute. */
  readonly room: number;
  readonly state: Pick<PolicyState, 'position' | 'changes' | 'changedAt' | 'tooFast'>;
}

export function nextPosition(input: StepInput): Step {
  const { now, lowest, ceiling, level, severity, state, timing } = input;
  const paused = lowest + 1;
  const at = Math.min(state.position, paused);
  // A clock that was set back must not keep changes in the future for ever.
  const changes = state.changes.map((time) => Math.min(time, now)).filter((time) => time > now - MINUTE_MS);
  const changedAt = state.changedAt === null ? null : Math.min(state.changedAt, now);
  const since = changedAt === null ? Infinity : now - changedAt;
  const room = timing.maxChangesPerMinute - changes.length;
  const tooFast = state.tooFast && {
    ...state.tooFast,
    until: Math.min(state.tooFast.until, now + timing.climbAtMostMs),
  };
  const step = (position: number, reason: PaceReason | null, fast = tooFast): Step => ({
    position,
    reason,
    room,
    state: { position, changes, changedAt, tooFast: fast },
  });

  // The last change of a minute is kept for a pause.
  const spare = room >= Math.min(2, timing.maxChangesPerMinute);
  const down = stepDown(at, lowest, level, severity, since >= timing.settleMs && spare);
  const wanted = Math.max(down ?? at, ceiling);
  if (wanted > at) {
    if (down === null || down <= at) return step(wanted, null);
    return step(wanted, null, punish(at, now, tooFast, timing));
  }
  if (down !== null) return step(at, null);
  if (level !== 'clear' || at <= ceiling || at === 0) return step(at, null);

  const next = at - 1;
  if (!spare) return step(at, wait('enough changes for this minute'));
  if (since < (state.beginning === true ? timing.settleMs : timing.climbAfterMs))
    return step(at, wait('goes faster when this pace has proved good'));
  if (tooFast && next <= tooFast.position) {
    const until = input.hurry ? Math.min(tooFast.until, (changedAt ?? 0) + timing.climbAfterMs * 2) : tooFast.until;
    if (now < until)
      return step(at, wait(`the next step was too fast; it is tried again in ${Math.ceil((until - now) / 1_000)} s`));
  }
  const reason: PaceReason = { code: 'free', text: 'all signals stayed within their limits: one step faster' };
  return step(next, reason, tooFast && next < tooFast.position ? null : tooFast);
}

const wait = (text: string): PaceReason => ({ code: 'settling', text });

/** Null when no signal is over its limit. */
function stepDown(at: number, lowest: number, level: SignalLevel, severity: number, settled: boolean): number | null {
  if (level === 'pause') return lowest + 1;
  if (level !== 'throttle') return null;
  if (!settled || at >= lowest) return at;
  return Math.min(lowest, at + (severity > 1 ? lowest : severity > 0.5 ? 2 : 1));
}

/** The position proved too fast; each time it does so again it is left alone for twice as long. */
function punish(
  position: number,
  now: number,
  before: PolicyState['tooFast'],
  timing: PolicyTiming,
): PolicyState['tooFast'] {
  const times = before !== null && before.position === position ? before.times + 1 : 1;
  const pause = Math.min(timing.climbAtMostMs, timing.climbAfterMs * 2 ** Math.min(times, 16));
  return { position, times, until: now + pause };
}
