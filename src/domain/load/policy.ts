/**
 * The pace policy: from samples, what is usual, the calendar, the clock and what was decided before to a pace and its reasons.
 * Pure, so that a day of it can be replayed. In order: emergency stop, operators, then the slowest of breaker, calendar, more
 * important work and signals. It slows down by steps when two samples in a row are over a limit, and goes faster by one step
 * when all signals stayed good for a while; a step that proved too fast is tried again later and later.
 */
import { positionOf, serverInUse } from './beginning';
import { calendarAt } from './calendar';
import { deadlineAt, deadlineOutlook, isTight, type DeadlineOutlook } from './deadline';
import { heavyWorkAllowed, impactBreakerAfter } from './impact-breaker';
import { judge, worse, type Judgement } from './judge';
import { ladder, slower, type Rung } from './ladder';
import type { SignalLevel } from './limits';
import { overrideHolds, overrideText, stopText } from './override';
import type { PaceDecision, PaceReason, PaceTarget, PolicyAlert, PolicyInput, PolicyState } from './policy-types';
import { parseSeriesKey, seriesOf, type Point, type SeriesKey } from './series';
import { DATABASE_SOURCE } from './signals';
import { nextPosition } from './steps';
import { clockText, zoneClock, type LocalTime } from './windows';

/** Samples that are older than this decide nothing. */
export const POLICY_WINDOW_MS = 120_000;
/** Clocks of two machines differ; a sample that is dated a little ahead still counts. */
const AHEAD_MS = 5_000;

export function decidePace(input: PolicyInput): PaceDecision {
  const { now, rules, run, override, emergencyStop, state } = input;
  const clock = input.clock ?? zoneClock(rules.timeZone);
  const timeText = (at: number) => clockText(clock(at).minuteOfDay);
  const series = seriesOf(input.samples, { from: now - POLICY_WINDOW_MS, to: now + AHEAD_MS });
  const calendar = calendarAt(rules, now, clock);
  const judgement = judge({
    now,
    series,
    limits: calendar.limits,
    usual: input.usual,
    memory: state.levels,
    timing: rules.timing,
  });
  const impact = impactBreakerAfter(
    state.impact,
    { now, hard: judgement.series.filter(({ hard }) => hard), series, trying: state.target?.paused === false },
    rules.breaker,
  );
  const outlook = outlookOf(input, clock, timeText);
  const known = { ...state, levels: judgement.memory, impact };
  const facts: Facts = { input, series, judgement, outlook, known };

  if (emergencyStop !== null) {
    const text = stopText(emergencyStop);
    const target = { ...targetAt(rungsOf(input), Infinity), paused: true };
    return finish(facts, target, [{ code: 'emergencyStop', text }], [{ code: 'emergencyStop', text }]);
  }
  if (overrideHolds(override, now)) {
    const { maxBytesPerSecond, readers, uploads, paused } = override;
    const reasons: PaceReason[] = [{ code: 'override', text: overrideText(override, timeText) }];
    return finish(facts, { maxBytesPerSecond, readers, uploads, paused }, reasons, []);
  }
  if (run.kind !== 'backup') {
    const target = { ...rungsOf(input)[0]!, maxBytesPerSecond: null, paused: false };
    return finish(facts, target, [{ code: 'operation', text: `a ${run.kind} is not slowed by load` }], []);
  }
  return governed(facts, calendar.protectedBy);
}

interface Facts {
  readonly input: PolicyInput;
  readonly series: ReadonlyMap<SeriesKey, readonly Point[]>;
  readonly judgement: Judgement;
  readonly outlook: DeadlineOutlook | null;
  readonly known: PolicyState;
}

function governed(facts: Facts, protectedBy: ReturnType<typeof calendarAt>['protectedBy']): PaceDecision {
  const { input, series, judgement, outlook } = facts;
  const { now, rules, run } = input;
  const known = begun(facts);
  const full = fullPaceOf(known, input);
  const rungs = rungsOf(input, full);
  const lowest = rungs.length - 1;
  const reasons: PaceReason[] = [];
  const alerts: PolicyAlert[] = [];
  let ceiling = 0;
  const hold = (position: number, reason: PaceReason) => {
    ceiling = Math.max(ceiling, position);
    reasons.push(reason);
  };

  const allowed = heavyWorkAllowed(known.impact);
  if (allowed === 'no') {
    const text = `the impact breaker is open: a hard limit was reached ${rules.breaker.openAfter} times in a row`;
    hold(lowest + 1, { code: 'breaker', text });
    alerts.push({ code: 'breakerOpen', text });
  } else if (allowed === 'trial') {
    hold(lowest, { code: 'breaker', text: 'the impact breaker tries whether the database bears a backup again' });
  }
  if (protectedBy)
    hold(protectedBy.action === 'pause' ? lowest + 1 : lowest, {
      code: 'protected',
      text: `${protectedBy.name} is protected until ${protectedBy.to}`,
    });
  if (run.givesWayTo !== null) hold(lowest, { code: 'givesWay', text: `gives way to the ${run.givesWayTo}` });

  const unseen = databaseUnseen(input, series);
  const tooFew = judgement.valid < rules.minSignals || unseen !== null;
  const warmedUp = known.warmedUp || !tooFew;
  if (tooFew) {
    const text = unseen ?? tooFewText(input, judgement.valid);
    reasons.push({ code: 'tooFewSignals', text });
    // The first samples take a moment; after that somebody must know.
    if (warmedUp || now - run.startedAt > rules.silentAfterMs) alerts.push({ code: 'tooFewSignals', text });
    if (warmedUp) {
      ceiling = Math.max(ceiling, positionOf(rungs, rules.safePace));
    }
  }

  const worst = worstOf(judgement, lowest, rules.priority === 'critical');
  for (const { level, text } of judgement.series)
    if (level !== 'clear' && reasons.length < 6) reasons.push({ code: 'signal', text });
  const step = nextPosition({
    now,
    lowest,
    ceiling,
    level: worst.level,
    severity: worst.severity,
    hurry: outlook !== null && isTight(outlook, now),
    state: known,
    timing: rules.timing,
  });
  if (known.beginning === true && step.position > 0)
    reasons.push({
      code: 'beginning',
      text: 'the server is in use: a backup begins slowly and goes faster step by step',
    });
  if (step.reason !== null) reasons.push(step.reason);
  const rung = targetAt(rungs, step.position);
  const target = tooFew ? { ...slower(rung, rules.safePace), paused: rung.paused } : rung;
  const beginning = known.beginning === true && step.state.tooFast === null && step.position > 0;
  const next: PolicyState = { ...known, ...step.state, fullBytesPerSecond: full, warmedUp, beginning };
  return finish({ ...facts, known: next }, target, reasons, alerts, step.room);
}

/** The state of a run of which nothing was decided yet: on a server in use it begins at the safe pace. */
function begun({ input, known, series }: Facts): PolicyState {
  const { now, rules } = input;
  if (known.target !== null || !serverInUse(series, now, rules.timing.staleMs)) return known;
  return { ...known, position: positionOf(rungsOf(input), rules.safePace), changedAt: now, beginning: true };
}

/** What all ways to a decision share: the change budget, the pause budget, the deadline's alert. */
function finish(
  { input, judgement, outlook, known }: Facts,
  wanted: PaceTarget,
  reasons: readonly PaceReason[],
  alerts: readonly PolicyAlert[],
  room: number | null = null,
): PaceDecision {
  const { now, rules, state } = input;
  const all = [...reasons];
  const differs = state.target === null || !sameTarget(state.target, wanted);
  // Only the policy's own changes are counted: an operator's word waits for nothing.
  const refused = differs && room !== null && room < 1 && state.target !== null;
  const target = refused ? state.target! : wanted;
  const changed = differs && !refused;
  if (refused) all.push({ code: 'tooManyChanges', text: `${rules.timing.maxChangesPerMinute} changes in a minute` });
  if (all.length === 0) all.push({ code: 'free', text: 'all signals are within their limits' });

  const pausedSince = target.paused ? Math.min(now, state.pausedSince ?? now) : null;
  const pausedMs = pausedSince === null ? 0 : now - pausedSince;
  const raisedAlerts = [...alerts];
  if (pausedMs >= rules.pauseBudgetMs * 0.8)
    raisedAlerts.push({
      code: 'pauseBudget',
      text: `paused for ${minutes(pausedMs)} of the ${minutes(rules.pauseBudgetMs)} that a pause may hold the snapshot`,
    });
  if (outlook?.state === 'atRisk') raisedAlerts.push({ code: 'deadlineAtRisk', text: outlook.text });
  if (outlook?.state === 'lost') raisedAlerts.push({ code: 'deadlineLost', text: outlook.text });

  return {
    target,
    changed,
    reasons: all,
    state: {
      ...(refused ? { ...known, position: state.position, changedAt: state.changedAt, tooFast: state.tooFast } : known),
      target,
      changes: changed && room !== null && state.target !== null ? [...known.changes, now] : known.changes,
      changedAt: changed ? now : refused ? state.changedAt : known.changedAt,
      pausedSince,
      alerts: raisedAlerts.map(({ code }) => code),
    },
    alerts: raisedAlerts,
    raised: raisedAlerts.filter(({ code }) => !state.alerts.includes(code)),
    snapshot: pausedMs >= rules.pauseBudgetMs ? 'giveUp' : 'keep',
    deadline: outlook,
    validSignals: judgement.valid,
  };
}

const minutes = (ms: number) => (ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`);

export const sameTarget = (a: PaceTarget, b: PaceTarget): boolean =>
  a.paused === b.paused &&
  a.maxBytesPerSecond === b.maxBytesPerSecond &&
  a.readers === b.readers &&
  a.uploads === b.uploads;

function rungsOf({ rules }: Pick<PolicyInput, 'rules'>, measuredBytesPerSecond: number | null = null): readonly Rung[] {
  const { maxBytesPerSecond, minBytesPerSecond, readers, uploads } = rules;
  return ladder({ maxBytesPerSecond, minBytesPerSecond, readers, uploads, measuredBytesPerSecond });
}

/** Of the full pace known so far so much is left after each decision in which the run was slower than that. */
const FORGETS = 0.95;

/**
 * What the run reads per second when nothing holds it back: measured only while that is so for long enough to show. A moment
 * in which it read little, between two tables say, does not make every step down a small one.
 */
function fullPaceOf(state: PolicyState, { now, rules, run }: PolicyInput): number | null {
  const { target, position, changedAt, fullBytesPerSecond: known } = state;
  const free = { ...targetAt(rungsOf({ rules }), 0), paused: false };
  const settled = changedAt !== null && now - changedAt >= rules.timing.settleMs;
  if (!run.bytesPerSecond || position > 0 || !settled || target === null || !sameTarget(target, free)) return known;
  return Math.max(run.bytesPerSecond, (known ?? 0) * FORGETS);
}

/** Paused keeps the lowest rung's rate, which is what it goes on with. */
function targetAt(rungs: readonly Rung[], position: number): PaceTarget {
  return { ...rungs[Math.min(position, rungs.length - 1)]!, paused: position >= rungs.length };
}

function worstOf(
  { series }: Judgement,
  lowest: number,
  critical: boolean,
): { readonly level: SignalLevel; readonly severity: number } {
  const level = series.reduce<SignalLevel>((found, entry) => worse(found, entry.level), 'clear');
  const severity = Math.max(0, ...series.filter((entry) => entry.level === level).map((entry) => entry.severity));
  // A critical backup goes slowly where another one would wait.
  return level === 'pause' && critical ? { level: 'throttle', severity: lowest } : { level, severity };
}

function tooFewText({ rules, failures, now }: PolicyInput, valid: number): string {
  const named = new Map(failures.filter(({ at }) => at > now - POLICY_WINDOW_MS).map((one) => [one.source, one]));
  const why = [...named.values()].slice(0, 3).map(({ source, kind }) => `${source} ${kind}`);
  return `${valid} of ${rules.minSignals} signals are known${why.length > 0 ? ` (${why.join(', ')})` : ''}: the safe pace`;
}

/**
 * The other samplers may know enough signals, but of machines that may be idle because the database answers nobody: a
 * database that cannot be looked at may be the very one that is overloaded. Null when it is seen, or not sampled at all.
 */
function databaseUnseen(
  { failures, now, rules }: PolicyInput,
  series: ReadonlyMap<SeriesKey, readonly Point[]>,
): string | null {
  const since = now - rules.timing.staleMs;
  const failed = failures.findLast(({ source, at }) => source === DATABASE_SOURCE && at > since);
  if (failed === undefined) return null;
  for (const [key, points] of series)
    if (parseSeriesKey(key)!.source === DATABASE_SOURCE && points.at(-1)!.at >= since) return null;
  return `nothing is known of the database itself (${DATABASE_SOURCE} ${failed.kind}): the safe pace`;
}

function outlookOf(
  { now, rules, run, state }: PolicyInput,
  clock: (at: number) => LocalTime,
  timeText: (at: number) => string,
): DeadlineOutlook | null {
  if (rules.deadline === null) return null;
  return deadlineOutlook(
    {
      now,
      deadlineAt: deadlineAt(rules.deadline, run.startedAt, clock),
      bytesLeft: run.bytesExpected === null ? null : Math.max(0, run.bytesExpected - run.bytesDone),
      bytesPerSecond: state.target?.paused ? 0 : run.bytesPerSecond,
      fullBytesPerSecond: state.fullBytesPerSecond,
    },
    timeText,
  );
}
