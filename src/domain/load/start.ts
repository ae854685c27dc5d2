/** May a backup begin to read now: by its calendar, the impact breaker and an emergency stop. */
import { breakerAt, trialDueAt, type Breaker } from '../breaker';
import { mayStart } from './calendar';
import { ladder, type Rung } from './ladder';
import { standingText, type EmergencyStop } from './override';
import type { LoadRules } from './rules';

/** Why a backup waits before it reads anything. */
export interface StartWait {
  /** For people, a fact in lower case. */
  readonly reason: string;
  /** Milliseconds since the epoch; null = nobody can tell. */
  readonly until: number | null;
  /** Nobody lets it start before. */
  readonly strict: boolean;
}

export interface StartDecision {
  /** Null: it may start now. */
  readonly wait: StartWait | null;
  /** The breaker is half-open, and this run its trial: it begins at this pace. Null: no trial. */
  readonly trial: Rung | null;
}

export interface StartFacts {
  readonly now: number;
  readonly rules: LoadRules;
  /** As the load watch last recorded it; null where nobody watches, or nothing is known. */
  readonly breaker: Breaker | null;
  readonly emergencyStop: EmergencyStop | null;
}

/** The longest of several reasons to wait decides until when. */
export function mayBegin({ now, rules, breaker, emergencyStop }: StartFacts): StartDecision {
  if (emergencyStop !== null)
    return { wait: { reason: standingText(emergencyStop), until: null, strict: true }, trial: null };
  const waits: { readonly reason: string; readonly until: number | null }[] = [];
  const calendar = mayStart(rules, now);
  if (!calendar.ok) waits.push({ reason: calendar.reason, until: calendar.opensAt });
  const known = breaker && breakerAt(breaker, now, rules.breaker);
  if (known?.state === 'open') {
    const until = trialDueAt(known, now, rules.breaker);
    waits.push({ reason: 'the impact breaker is open: hard limits were reached in a row', until });
  }
  if (waits.length > 0) {
    const until = waits.some((one) => one.until === null) ? null : Math.max(...waits.map((one) => one.until!));
    return { wait: { reason: waits.map(({ reason }) => reason).join('; '), until, strict: false }, trial: null };
  }
  return { wait: null, trial: known?.state === 'half-open' ? lowestRung(rules) : null };
}

function lowestRung({ maxBytesPerSecond, minBytesPerSecond, readers, uploads }: LoadRules): Rung {
  return ladder({ maxBytesPerSecond, minBytesPerSecond, readers, uploads, measuredBytesPerSecond: null }).at(-1)!;
}
