/** "Done by 06:00": when that is, and whether the pace will make it. */
import type { Deadline } from './rules';
import { minutesOf, nextTimeOfDay, type LocalTime } from './windows';

export function deadlineAt(deadline: Deadline, startedAt: number, clock: (at: number) => LocalTime): number {
  if ('withinMs' in deadline) return startedAt + deadline.withinMs;
  return nextTimeOfDay(clock, startedAt, minutesOf(deadline.doneBy) % 1_440);
}

export interface DeadlineFacts {
  readonly now: number;
  readonly deadlineAt: number;
  /** Bytes still to be read; null when that is not known. */
  readonly bytesLeft: number | null;
  /** As the run goes now; 0 while paused; null when not known. */
  readonly bytesPerSecond: number | null;
  /** What it could do at full pace, as far as that was measured. */
  readonly fullBytesPerSecond: number | null;
}

export interface DeadlineOutlook {
  readonly deadlineAt: number;
  /** By the present pace; null when it is not known, or never. */
  readonly finishesAt: number | null;
  /** `atRisk`: the present pace misses it, full pace would not. `lost`: not even full pace makes it. */
  readonly state: 'unknown' | 'met' | 'atRisk' | 'lost';
  /** "will end at about 07:10, 70 min after its deadline"; empty when met or unknown. */
  readonly text: string;
}

export function deadlineOutlook(facts: DeadlineFacts, timeText: (at: number) => string): DeadlineOutlook {
  const { now, bytesLeft, bytesPerSecond, fullBytesPerSecond } = facts;
  const base = { deadlineAt: facts.deadlineAt };
  const at = timeText(facts.deadlineAt);
  if (bytesLeft === 0) return { ...base, finishesAt: now, state: 'met', text: '' };
  if (now >= facts.deadlineAt)
    return { ...base, finishesAt: null, state: 'lost', text: `the deadline ${at} has passed` };
  if (bytesLeft === null || bytesPerSecond === null) return { ...base, finishesAt: null, state: 'unknown', text: '' };
  const after = (rate: number) => (rate > 0 ? now + (bytesLeft / rate) * 1_000 : Infinity);
  const finishes = after(bytesPerSecond);
  const finishesAt = Number.isFinite(finishes) ? finishes : null;
  if (finishes <= facts.deadlineAt) return { ...base, finishesAt, state: 'met', text: '' };
  const best = after(Math.max(bytesPerSecond, fullBytesPerSecond ?? 0));
  const late =
    finishesAt === null
      ? `nothing moves, and the deadline is ${at}`
      : `ends at about ${timeText(finishesAt)}, ${Math.ceil((finishesAt - facts.deadlineAt) / 60_000)} min after its deadline ${at}`;
  if (best <= facts.deadlineAt) return { ...base, finishesAt, state: 'atRisk', text: `at this pace it ${late}` };
  return { ...base, finishesAt, state: 'lost', text: `even at full pace it misses its deadline: it ${late}` };
}

/** A deadline further away than this many times what is left at this pace has room for whatever comes. */
const ROOM = 3;

/** Whether time is to be made good while nothing is in the way: what comes before the deadline, a job say, nobody knows. */
export function isTight({ state, finishesAt, deadlineAt: at }: DeadlineOutlook, now: number): boolean {
  return state === 'atRisk' || (state === 'met' && finishesAt !== null && (finishesAt - now) * ROOM > at - now);
}
