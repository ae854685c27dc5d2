/** What the calendar says at an instant: which limits hold, whether a backup may start, whether one under way goes on. */
import type { SignalLimit } from './limits';
import type { LoadRules, ProtectedWindow } from './rules';
import { isInside, isInsideAny, MINUTE_MS, MINUTES_OF_WEEK, windowText, zoneClock, type LocalTime } from './windows';

export type CalendarRules = Pick<LoadRules, 'timeZone' | 'limits' | 'peak' | 'protected' | 'windows'>;

export interface CalendarNow {
  readonly local: LocalTime;
  readonly peak: boolean;
  /** With those of peak hours in place of the usual ones while they last. */
  readonly limits: readonly SignalLimit[];
  /** The protected window that is open; the one that pauses goes before one that does not. */
  readonly protectedBy: ProtectedWindow | null;
}

export function calendarAt(rules: CalendarRules, at: number, clock = zoneClock(rules.timeZone)): CalendarNow {
  const local = clock(at);
  const peak = isInsideAny(rules.peak.windows, local.minuteOfWeek);
  const open = rules.protected.filter((window) => isInside(window, local.minuteOfWeek));
  return {
    local,
    peak,
    limits: peak ? limitsInPeak(rules) : rules.limits,
    protectedBy: open.find(({ action }) => action === 'pause') ?? open[0] ?? null,
  };
}

export function limitsInPeak({ limits, peak }: Pick<CalendarRules, 'limits' | 'peak'>): readonly SignalLimit[] {
  const stricter = new Set(peak.limits.map(({ signal }) => signal));
  return [...limits.filter(({ signal }) => !stricter.has(signal)), ...peak.limits];
}

export type StartAnswer =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** A fact, lower case. */
      readonly reason: string;
      /** The next minute in which a backup may start; null when no minute of a week does. */
      readonly opensAt: number | null;
    };

/** May a backup start now? Windows and protected times count for backups alone: a restore asks nobody. */
export function mayStart(rules: CalendarRules, at: number): StartAnswer {
  const clock = zoneClock(rules.timeZone);
  const closed = closedAt(rules, clock(at).minuteOfWeek);
  if (closed === null) return { ok: true };
  return { ok: false, reason: closed, opensAt: nextOpening(rules, at, clock) };
}

function closedAt(rules: CalendarRules, minuteOfWeek: number): string | null {
  const open = rules.protected.find((window) => isInside(window, minuteOfWeek));
  if (open) return `${open.name} is protected (${windowText(open)}, ${rules.timeZone})`;
  if (rules.windows.length > 0 && !isInsideAny(rules.windows, minuteOfWeek))
    return `outside of its windows (${rules.windows.map(windowText).join('; ')}, ${rules.timeZone})`;
  return null;
}

/** Minutes of a week in which a backup may start. None means that the windows never open. */
export function openMinutes(rules: Pick<CalendarRules, 'protected' | 'windows' | 'timeZone'>): number {
  if (rules.windows.length + rules.protected.length === 0) return MINUTES_OF_WEEK;
  let open = 0;
  for (let minute = 0; minute < MINUTES_OF_WEEK; minute++)
    if (closedAt(rules as CalendarRules, minute) === null) open += 1;
  return open;
}

function nextOpening(rules: CalendarRules, at: number, clock: (at: number) => LocalTime): number | null {
  const start = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const now = clock(start).minuteOfWeek;
  for (let ahead = 1; ahead <= MINUTES_OF_WEEK; ahead++) {
    if (closedAt(rules, (now + ahead) % MINUTES_OF_WEEK) !== null) continue;
    const guess = start + ahead * MINUTE_MS;
    // Clocks that change in between move the opening by as much as they change.
    const shown = clock(guess).minuteOfWeek;
    const moved =
      guess + (((now + ahead - shown + MINUTES_OF_WEEK * 1.5) % MINUTES_OF_WEEK) - MINUTES_OF_WEEK / 2) * MINUTE_MS;
    return moved > at && closedAt(rules, clock(moved).minuteOfWeek) === null ? moved : guess;
  }
  return null;
}
