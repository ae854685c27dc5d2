/** Samples the load of a database, keeps the figures, and decides the pace of its backup while one reads. */
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Catalog } from '../catalog/types';
import { decidePace } from '../domain/load/policy';
import { START_STATE, type PaceDecision, type PolicyAlert, type PolicyState } from '../domain/load/policy-types';
import type { EmergencyStop } from '../domain/load/override';
import { provisionalPace } from '../domain/load/pace-of';
import { overrideIn, targetOf, wantedPace } from '../domain/load/wanted-pace';
import { LOAD_WATCH, paceWord, type Pace } from '../domain/pace';
import { orchestrationError } from '../errors/orchestration';
import { isHoldfastError } from '../errors/holdfast-error';
import type { LoadSession } from '../load/watch-session';
import type { ActivityDeps, WatchedLoad } from './deps';
import { WATCH_INTERVAL_MS, withHeartbeat, type Beat } from './heartbeat';
import type { LoadRhythm, LoadWatchState, PaceOrder, SampleLoadInput, SampleLoadResult } from './load-types';
import { moreImportant } from './gives-way';
import { keep, patiently, type Where } from './load-records';
import { lookAtBackup, type RunLook } from './run-look';
import type { HoldfastActivities } from './types';
import { isNew, noteRound, usualOf, type SeenRun } from './usual-load';

type LoadDeps = Pick<ActivityDeps, 'load' | 'catalog'> & Partial<Pick<ActivityDeps, 'governors'>>;

/** Then it returns although nothing changed, so that the workflow's card is never older. */
const LONGEST_MS = 600_000;
/** A look that takes longer is no longer waited for before the samples are taken. */
const QUICK_LOOK_MS = 250;
/** An order is seen in the run's answer after this at the latest; before, it is not given again. */
const ORDER_SEEN_MS = 5_000;

export function createLoadWatchActivities(deps: LoadDeps): Pick<HoldfastActivities, 'sampleLoad'> {
  return {
    sampleLoad: (input) => {
      const told = Context.current().info.heartbeatDetails as LoadWatchState | null | undefined;
      // An attempt that died had seen more than the workflow knows.
      const known = told && told.rounds > (input.known?.rounds ?? 0) ? told : input.known;
      return withHeartbeat((beat) => watch(deps, { ...input, known }, beat), {
        everyMs: WATCH_INTERVAL_MS,
        initial: known,
      });
    },
  };
}

export const startOfWatch = (): LoadWatchState => ({
  rhythm: 'idle',
  runId: null,
  backupId: null,
  policy: START_STATE,
  reasons: [],
  alerts: [],
  rounds: 0,
  at: null,
});

async function watch(deps: LoadDeps, input: SampleLoadInput, beat: Beat): Promise<SampleLoadResult> {
  const { database } = input;
  const watched = deps.load.of(database);
  if (watched === null) throw orchestrationError('RUN_LOAD_UNWATCHED', '', { context: { database } });
  const cancelled = Context.current().cancellationSignal;
  const endsAt = performance.now() + LONGEST_MS;
  const session = deps.load.sessions.take(database);
  let state = input.known ?? startOfWatch();
  const everyMs = () => (state.rhythm === 'backup' || isNew(session) ? watched.everyMs : watched.idleEveryMs);
  let waitMs = input.now || state.at === null ? 0 : dueIn(state.at, everyMs());
  try {
    for (;;) {
      await delay(Math.max(0, Math.min(waitMs, endsAt - performance.now())), undefined, { signal: beat.signal });
      const before: LoadRhythm = state.rhythm;
      const started = performance.now();
      const round = await one(deps, watched, session, { database, state }, beat.signal);
      state = round.state;
      beat.report(state);
      const ended = performance.now() >= endsAt || state.rhythm !== before;
      if (round.order !== null || round.raised.length > 0 || ended) return round;
      waitMs = everyMs() - (performance.now() - started);
    }
  } catch (error) {
    // Cancelled means that there is news for the watch: what it knows goes back with the answer. A stopping worker hands over.
    const asked = cancelled.aborted && Context.current().cancellationDetails?.workerShutdown !== true;
    if (!beat.signal.aborted || !asked || isHoldfastError(beat.signal.reason, 'RUN_ATTEMPT_STALE')) throw error;
    return { state, order: null, raised: [] };
  } finally {
    session.release();
  }
}

/** From the wall clock, since the last round may have been in another process; a clock that was set back puts nothing off. */
function dueIn(at: string, everyMs: number): number {
  return Math.min(everyMs, Math.max(0, Date.parse(at) + everyMs - Date.now()));
}

async function one(
  deps: LoadDeps,
  watched: WatchedLoad,
  session: LoadSession,
  { database, state: before }: Where,
  signal: AbortSignal,
): Promise<SampleLoadResult> {
  const looked = look(deps, database, signal);
  const sampled = soon(looked, signal).then(() => session.round(signal));
  const [run, round] = await Promise.all([looked, sampled]);
  const now = Date.now();
  const reading = run !== null && run !== 'unknown' && isReading(run) ? run : null;
  const rhythm: LoadRhythm = run === 'unknown' ? before.rhythm : reading ? 'backup' : 'idle';
  const backupId = reading?.progress.backupId ?? null;
  const seen = reading && seenOf(reading);
  const shows = noteRound(session, round, watched.rules, run === 'unknown' ? run : seen, now);
  const base = { ...before, rhythm, rounds: before.rounds + 1, at: new Date(now).toISOString() };
  let state: LoadWatchState = rhythm === 'idle' ? { ...base, backupId, reasons: [], alerts: [] } : base;
  let order: PaceOrder | null = null;
  let raised: readonly PolicyAlert[] = [];

  if (reading !== null && seen !== null) {
    const usualBy = (catalog: Catalog | null) => usualOf(session, catalog, database, watched.rules, seen, now);
    const [stop, usual, givesWayTo] = await Promise.all([
      stopKnown(deps, session, database),
      patiently(deps, session, database, usualBy).then((known) => known ?? usualBy(null)),
      moreImportant(session, database, watched.rules.priority),
    ]);
    const decision = decidePace({
      now,
      rules: watched.rules,
      samples: session.samples,
      failures: session.failures,
      usual,
      run: { ...factsOf(reading), givesWayTo },
      override: overrideIn(reading.progress.pace, now),
      emergencyStop: stop,
      state: policyFor(before, reading),
    });
    state = {
      ...state,
      runId: reading.runId,
      backupId,
      policy: decision.state,
      reasons: decision.reasons.map(({ text }) => text),
      alerts: decision.alerts,
    };
    order = orderFor(session, reading, decision, stop, now);
    if (order !== null) obeyAtOnce(deps, reading.progress.backupId, order.pace);
    raised = decision.raised;
  }
  await keep(deps, watched, session, { database, state }, { ...round, shows });
  return { state, order, raised };
}

/** What the run has sent to the stores is heard with it. `unknown`: nobody could say. */
async function look({ load }: LoadDeps, database: string, signal: AbortSignal): Promise<RunLook | null | 'unknown'> {
  try {
    const run = await lookAtBackup(database);
    if (run !== null && run.progress.dump !== null) load.hear?.(database, run.progress.dump);
    return run;
  } catch (error) {
    signal.throwIfAborted();
    load.log('warn', 'the backup could not be looked at; its pace stays', { database, error: String(error) });
    return 'unknown';
  }
}

/**
 * A quick look comes before the samples, which then know what the run has sent. In a rush each takes seconds, in which the run
 * goes on at its old pace: then they go on side by side.
 */
const soon = (looked: Promise<unknown>, signal: AbortSignal): Promise<unknown> =>
  Promise.race([looked, delay(QUICK_LOOK_MS, undefined, { signal })]);

/** Where the dump runs in this very process. The order goes its way all the same: it is the run that decides, and shows. */
function obeyAtOnce({ governors }: LoadDeps, backupId: string, asked: Pace): void {
  const governor = governors?.find(backupId)?.governor;
  const pace = governor === undefined ? null : provisionalPace(governor.pace, asked, Date.now());
  if (pace !== null) governor!.apply(pace);
}

/** A catalogue that is away takes no stop back. */
async function stopKnown(deps: LoadDeps, session: LoadSession, database: string): Promise<EmergencyStop | null> {
  const answer = await patiently(deps, session, database, async (catalog) => ({ row: await catalog.standingStop() }));
  if (answer === null) return (session.known.get('stop') as EmergencyStop | null | undefined) ?? null;
  session.known.set('stop', answer.row);
  return answer.row;
}

/** Later phases read stores, not the database; a run that waits for its turn reads nothing. */
const isReading = ({ progress: { phase, waiting } }: RunLook) =>
  (phase === 'admitting' || phase === 'dumping') && !waiting;

const seenOf = ({ runId, progress: { backupId, startedAt, phase } }: RunLook): SeenRun => ({
  runId,
  backupId,
  startedAt: Date.parse(startedAt),
  reads: phase === 'dumping',
});

/** What one run taught about its own pace says nothing of the next; that the database bore no work at all does. */
function policyFor(before: LoadWatchState, run: RunLook): PolicyState {
  return before.runId === run.runId ? before.policy : { ...START_STATE, impact: before.policy.impact };
}

function factsOf({ progress }: RunLook) {
  const { dump, startedAt, phase } = progress;
  return {
    kind: 'backup' as const,
    startedAt: Date.parse(startedAt),
    bytesDone: dump?.plainBytes ?? 0,
    bytesExpected: dump?.plainBytesExpected ?? null,
    bytesPerSecond: phase === 'dumping' ? (dump?.bytesPerSecond ?? null) : null,
  };
}

/** Null when the run is as decided, or was told so a moment ago. */
function orderFor(
  session: LoadSession,
  run: RunLook,
  decision: PaceDecision,
  stop: EmergencyStop | null,
  now: number,
): PaceOrder | null {
  const pace = wantedPace(run.progress.pace, decision, now, stop);
  if (pace === null) return null;
  const told = session.known.get('order') as { readonly key: string; readonly at: number } | undefined;
  const key = JSON.stringify([run.runId, run.progress.pace.sequence, targetOf(pace), pace.giveUp ?? false]);
  if (told?.key === key && now - told.at < ORDER_SEEN_MS) return null;
  session.known.set('order', { key, at: now });
  return { workflowId: run.workflowId, runId: run.runId, pace };
}

export function createLoadNewsActivities(deps: LoadDeps): Pick<HoldfastActivities, 'announceLoad'> {
  return {
    async announceLoad({ database, at, backupId, pace, alert, reasons }) {
      const catalog = await deps.catalog();
      const limits = {
        maxBytesPerSecond: pace?.maxBytesPerSecond ?? null,
        readers: pace?.readers ?? null,
        uploads: pace?.uploads ?? null,
      };
      const common = { database, at: new Date(at), backupId, ...limits, reasons };
      if (pace !== null)
        await catalog.addLoadEvent({ ...common, kind: 'pace', word: paceWord(pace), setBy: pace.setBy });
      if (alert !== null) {
        const { code, text } = alert;
        deps.load.log('warn', `load of ${database}: ${text}`, { database, alert: code, backupId });
        await catalog.addLoadEvent({ ...common, kind: 'alert', word: code, setBy: LOAD_WATCH, reasons: [text] });
      }
    },
  };
}
