/** Decisions as paces of a run, and the safe pace of a run whose watch is silent. */
import { isAutomatic, LOAD_WATCH, operatorHolds, type Pace } from '../pace';
import { stopText, type EmergencyStop } from './override';
import type { PaceDecision } from './policy-types';
import type { LoadRules } from './rules';

export { LOAD_WATCH };
const MAX_REASON = 240;

/** `setBy`: the operator when an override decided. */
export function paceOf(
  { target, reasons }: Pick<PaceDecision, 'target' | 'reasons'>,
  { sequence, setBy = LOAD_WATCH }: { readonly sequence: number; readonly setBy?: string },
): Pace {
  const text = reasons
    .slice(0, 3)
    .map((reason) => reason.text)
    .join('; ');
  return {
    maxBytesPerSecond: target.maxBytesPerSecond,
    readers: target.readers,
    uploads: target.uploads,
    paused: target.paused,
    reason: text.length > MAX_REASON ? `${text.slice(0, MAX_REASON - 1)}…` : text,
    setBy,
    sequence,
  };
}

/**
 * The word of whoever stopped everything, for a run that some other person's word keeps going, or would let go on: as the
 * command itself tells it, until somebody takes it back.
 */
export function stoppedPace(current: Pace, stop: Pick<EmergencyStop, 'by' | 'why'>, sequence: number): Pace {
  const { maxBytesPerSecond, readers, uploads = null } = current;
  return { maxBytesPerSecond, readers, uploads, paused: true, reason: stopText(stop), setBy: stop.by, sequence };
}

/** What is obeyed of a pace: the maximum of the configuration holds whatever a rule says. A person's word stands as it is. */
export function withinMaximum(asked: Pace, { maxBytesPerSecond: most }: Pick<LoadRules, 'maxBytesPerSecond'>): Pace {
  if (most === null || !isAutomatic(asked)) return asked;
  return { ...asked, maxBytesPerSecond: Math.min(most, asked.maxBytesPerSecond ?? most) };
}

/**
 * What the process that decided does at once, when it is the one that dumps: the signal to the run and back takes its time on a
 * loaded machine. Whatever the run says afterwards is newer, so that it is never what stands in a person's way. Null where a
 * person's word stands, and where more is asked than a pace.
 */
export function provisionalPace(current: Pace, asked: Pace, now: number): Pace | null {
  if (!isAutomatic(asked) || asked.giveUp === true || operatorHolds(current, now)) return null;
  return { ...asked, sequence: Math.floor(current.sequence) + 0.5 };
}

/** `heardAt`: when the watch was last heard; null = never, which counts from the start of the run. Milliseconds since the epoch. */
export function watchIsSilent(
  { heardAt, startedAt, now }: { readonly heardAt: number | null; readonly startedAt: number; readonly now: number },
  { silentAfterMs }: Pick<LoadRules, 'silentAfterMs'>,
): boolean {
  return now - Math.max(heardAt ?? 0, startedAt) > silentAfterMs;
}

/**
 * What a run without a watch does: it goes on, slowly enough to hurt nobody, and says so. A pause that the watch asked for ends
 * with it: nobody would be left to end it. One that a person asked for stays.
 */
export function silentPace(current: Pace, { safePace, silentAfterMs }: LoadRules, sequence: number): Pace {
  const paused = current.paused && current.setBy !== LOAD_WATCH;
  return {
    ...safePace,
    paused,
    reason: `the load watch was not heard for ${Math.round(silentAfterMs / 1_000)} s: the safe pace`,
    setBy: paused ? current.setBy : 'default',
    sequence,
  };
}
