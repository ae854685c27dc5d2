/** From a decision to what a run is told: nothing, when it is as decided already or a person's word stands. */
import { operatorHolds, type Pace } from '../pace';
import type { EmergencyStop, PaceOverride } from './override';
import { paceOf, stoppedPace } from './pace-of';
import { sameTarget } from './policy';
import type { PaceDecision, PaceTarget } from './policy-types';

export const targetOf = ({ maxBytesPerSecond, readers, uploads, paused }: Pace): PaceTarget => ({
  maxBytesPerSecond,
  readers,
  uploads: uploads ?? null,
  paused,
});

/** What a person asked of the run, as the policy takes it; null when the watch decides. */
export function overrideIn(pace: Pace, now: number): PaceOverride | null {
  if (!operatorHolds(pace, now)) return null;
  return { ...targetOf(pace), until: pace.until ?? null, by: pace.setBy, why: pace.reason };
}

/**
 * Compared with what the run has, not with what was decided before: whatever came between is put right. A person's word on one
 * run is no way past an emergency stop of all.
 */
export function wantedPace(
  current: Pace,
  decision: PaceDecision,
  now: number,
  stop: EmergencyStop | null = null,
): Pace | null {
  if (operatorHolds(current, now))
    return stop === null || current.paused
      ? null
      : stoppedPace(current, stop, Math.max(current.sequence + 1, now * 1_000));
  const giveUp = decision.snapshot === 'giveUp';
  const target = giveUp ? { ...decision.target, paused: true } : decision.target;
  if (sameTarget(targetOf(current), target) && (current.giveUp ?? false) === giveUp) return null;
  const sequence = Math.max(current.sequence + 1, now * 1_000);
  return { ...paceOf({ ...decision, target }, { sequence }), ...(giveUp ? { giveUp } : {}) };
}
