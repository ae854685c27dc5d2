import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createLoadNewsActivities, createLoadWatchActivities } from '../../src/activities/load-watch';
import type { ActivityDeps } from '../../src/activities/deps';
import type { LoadWatchState, SampleLoadInput } from '../../src/activities/load-types';
import type { LoadEvent, LoadWatchWord } from '../../src/catalog/load-types';
import type { Catalog } from '../../src/catalog/types';
import { DEFAULT_RULES, type LoadRules } from '../../src/domain/load/rules';
import type { LoadSample } from '../../src/domain/load/signals';
import { SIGNAL, STATUS_QUERY } from '../../src/domain/messages';
import { FULL_PACE, LOAD_WATCH, type Pace } from '../../src/domain/pace';
import { createLoadSessions } from '../../src/load/watch-session';
import { backupRunId, loadWatchId } from '../../src/workflows/ids';
import { backup } from '../../src/workflows/backup';
import { loadWatch } from '../../src/workflows/load-watch';
import { fakeActivities, steeredDump } from '../support/fake-activities';
import { startTemporal, startWorkers } from '../support/temporal';

let env: TestWorkflowEnvironment;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(() => env.teardown());

/** One limited signal and short times, so that a change follows within a second or two. */
const RULES: LoadRules = {
  ...DEFAULT_RULES,
  limits: [{ signal: 'hostCpu', throttle: 0.5, pause: 0.9, release: 0.4 }],
  peak: { windows: [], limits: [] },
  minSignals: 1,
  timing: {
    ...DEFAULT_RULES.timing,
    releaseAfterMs: 200,
    settleMs: 100,
    climbAfterMs: 300,
    climbAtMostMs: 600,
    maxChangesPerMinute: 1_000,
  },
};

/** The real activity and workflow over samplers, a catalogue and a dump that the test steers. */
async function watched(rules: LoadRules = RULES) {
  const database = `db${randomUUID().slice(0, 8)}`;
  const at = {
    cpu: 0.1,
    catalogUp: true,
    catalogHangs: false,
    asked: 0,
    samplersUp: true,
    done: false,
    rounds: 0,
    closed: 0,
    attempts: 0,
  };
  const samples: LoadSample[] = [];
  const events: LoadEvent[] = [];
  const words: LoadWatchWord[] = [];
  const stop: { row: { since: Date; by: string; why: string } | null } = { row: null };
  const catalog = {
    recordLoad: async (facts: { samples: readonly LoadSample[] }) => void samples.push(...facts.samples),
    saveLoadWatch: async ({ word }: { word: LoadWatchWord }) => void words.push(word),
    maintainLoad: async () => ({ rolledUp: 0, deleted: 0 }),
    loadSamples: async () => [],
    loadRollups: async () => [],
    standingStop: async () => stop.row,
    addLoadEvent: async (event: LoadEvent) => events.push(event) > 0,
  } as unknown as Catalog;
  const sessions = createLoadSessions(() => ({
    async sample() {
      at.rounds += 1;
      if (!at.samplersUp)
        return { samples: [], failures: [{ source: 'host', at: Date.now(), kind: 'hung', message: 'no answer' }] };
      // Nobody else uses the server, so that a backup begins at full pace.
      const signals = { hostCpu: at.cpu, sessionsActive: 0 };
      return { samples: [{ at: Date.now(), source: 'host', signals }], failures: [] };
    },
    close: async () => void (at.closed += 1),
  }));
  const deps: Pick<ActivityDeps, 'load' | 'catalog'> = {
    async catalog() {
      at.asked += 1;
      while (at.catalogHangs) await delay(25);
      if (!at.catalogUp) throw new Error('the catalogue is down');
      return catalog;
    },
    load: {
      of: () => ({
        rules,
        everyMs: 50,
        idleEveryMs: 100,
        keep: { samples: 1, minutes: 1, hours: 1, days: 1 },
      }),
      rulesOf: () => rules,
      heavy: 2,
      sessions,
      log: () => undefined,
    },
  };
  let queue = '';
  const dump = steeredDump(
    () => queue,
    ({ pace }) => at.done && !pace.paused,
  );
  const real = createLoadWatchActivities(deps);
  const fakes = fakeActivities({
    ...real,
    ...createLoadNewsActivities(deps),
    sampleLoad: (input: SampleLoadInput) => {
      at.attempts += 1;
      return real.sampleLoad(input);
    },
    dump: dump.dump,
    applyPace: dump.applyPace,
  });
  const workers = await startWorkers(env, fakes.activities);
  queue = workers.hostQueue;
  const { workflowQueue: taskQueue } = workers;
  const watch = await env.client.workflow.start(loadWatch, {
    taskQueue,
    workflowId: loadWatchId(database),
    args: [{ database }],
  });
  const startBackup = async () => {
    const handle = await env.client.workflow.start(backup, {
      taskQueue,
      workflowId: backupRunId(database),
      args: [{ database, type: 'full', requestedBy: 'a test' }],
    });
    await until(() => dump.state.attempts > 0);
    return handle;
  };
  const end = async () => {
    await watch.signal(SIGNAL.end);
    await watch.result();
    await workers.stop();
    await sessions.close();
  };
  return { database, at, samples, events, words, stop, watch, dump: dump.state, startBackup, end };
}

const statusOf = (handle: WorkflowHandle) => handle.query<LoadWatchState | null>(STATUS_QUERY);

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await delay(25);
}

test('a load that is over its limits slows the backup down to a pause, and is released afterwards', async () => {
  const { at, dump, events, samples, words, watch, startBackup, end } = await watched();
  const run = await startBackup();
  await until(() => words.some(({ rhythm }) => rhythm === 'backup'));
  at.cpu = 0.95;
  await until(() => dump.pace?.paused === true);
  expect(dump.pace).toMatchObject({ setBy: LOAD_WATCH, reason: expect.stringContaining('95 %') });
  at.cpu = 0.1;
  await until(() => dump.pace?.paused === false && dump.pace.maxBytesPerSecond === null);
  at.done = true;
  await run.result();
  await until(async () => (await statusOf(watch))?.rhythm === 'idle');
  await until(() => events.some(({ word }) => word === 'paused') && events.at(-1)?.word === 'full');
  expect(events.every(({ setBy, backupId }) => setBy === LOAD_WATCH && backupId !== null)).toBe(true);
  expect(samples.length).toBeGreaterThan(0);
  await end();
}, 120_000);

test('signals only on change: a load that stays as it is leaves the history of the backup alone', async () => {
  const { at, dump, startBackup, end } = await watched();
  const run = await startBackup();
  await until(() => at.rounds > 5);
  const before = at.rounds;
  await until(() => at.rounds > before + 20);
  const { events } = await run.fetchHistory();
  const signals = (events ?? []).filter(
    ({ workflowExecutionSignaledEventAttributes: one }) => one?.signalName === SIGNAL.setPace,
  );
  expect(signals).toEqual([]);
  expect(dump.pace).toEqual(FULL_PACE);
  at.done = true;
  await run.result();
  await end();
}, 120_000);

test("a person's word stands against the load until its end, then the watch decides again", async () => {
  const { at, dump, startBackup, end } = await watched();
  const run = await startBackup();
  const asked: Pace = {
    ...FULL_PACE,
    maxBytesPerSecond: 5e6,
    reason: 'the batch must end',
    setBy: 'ana',
    sequence: Date.now() * 1_000,
    until: Date.now() + 3_000,
  };
  await run.signal(SIGNAL.setPace, asked);
  await until(() => dump.pace?.setBy === 'ana');
  at.cpu = 0.95;
  const before = at.rounds;
  await until(() => at.rounds > before + 10);
  // Rounds are many; whether the word has run out by now is a matter of the clock alone.
  if (Date.now() < asked.until!) expect(dump.pace).toEqual(asked);
  await until(() => dump.pace?.setBy === LOAD_WATCH && dump.pace.paused);
  expect(Date.now()).toBeGreaterThanOrEqual(asked.until!);
  // And a word that has no end beats the pause that the watch ordered, however late its own signals come.
  await run.signal(SIGNAL.setPace, { ...asked, until: null, sequence: asked.sequence + 1 });
  await until(() => dump.pace?.setBy === 'ana');
  const later = at.rounds;
  await until(() => at.rounds > later + 20);
  expect(dump.pace).toMatchObject({ setBy: 'ana', paused: false, maxBytesPerSecond: 5e6 });
  at.done = true;
  await run.result();
  await end();
}, 120_000);

test('an emergency stop pauses the run for as long as it stands, also while the catalogue is away', async () => {
  const { at, dump, stop, startBackup, end } = await watched();
  const run = await startBackup();
  stop.row = { since: new Date(), by: 'ana', why: 'the site is down' };
  await until(() => dump.pace?.paused === true);
  expect(dump.pace?.reason).toContain('emergency stop by ana: the site is down');
  at.catalogUp = false;
  const before = at.rounds;
  await until(() => at.rounds > before + 10);
  expect(dump.pace?.paused).toBe(true);
  stop.row = null;
  at.catalogUp = true;
  await until(() => dump.pace?.paused === false);
  at.done = true;
  await run.result();
  await end();
}, 120_000);

test('with too few signals the safe pace holds and an alert is kept; a backup that is not read ends the fast rhythm', async () => {
  const { at, dump, events, watch, startBackup, end } = await watched({
    ...RULES,
    silentAfterMs: 200,
    timing: { ...RULES.timing, staleMs: 200 },
  });
  const run = await startBackup();
  await until(async () => (await statusOf(watch))?.rhythm === 'backup');
  at.samplersUp = false;
  const { safePace } = RULES;
  await until(() => dump.pace?.maxBytesPerSecond === safePace.maxBytesPerSecond);
  expect(dump.pace).toMatchObject({ readers: safePace.readers, uploads: safePace.uploads, paused: false });
  await until(() => events.some(({ kind, word }) => kind === 'alert' && word === 'tooFewSignals'));
  expect(events.filter(({ kind }) => kind === 'alert')).toHaveLength(1);
  at.done = true;
  await run.result();
  await until(async () => (await statusOf(watch))?.rhythm === 'idle');
  await end();
}, 120_000);

test('a catalogue that hangs is left alone, and does not hold the watch back', async () => {
  const world = await watched();
  const run = await world.startBackup();
  await until(() => world.words.some(({ rhythm }) => rhythm === 'backup'));
  Object.assign(world.at, { catalogHangs: true, asked: 0, cpu: 0.95 });
  const { rounds } = world.at;
  await until(() => world.dump.pace?.paused === true);
  await until(() => world.at.rounds > rounds + 30);
  // What was under way when it began to hang may have asked a few times more.
  expect(world.at.asked).toBeLessThan(10);
  Object.assign(world.at, { catalogHangs: false, cpu: 0.1, done: true });
  await run.result();
  await world.end();
}, 120_000);

test('what could not be recorded while the catalogue was away is recorded when it is back', async () => {
  const { at, dump, events, watch, startBackup, end } = await watched();
  const run = await startBackup();
  await until(async () => (await statusOf(watch))?.rhythm === 'backup');
  at.catalogUp = false;
  at.cpu = 0.95;
  await until(() => dump.pace?.paused === true);
  expect(events).toEqual([]);
  at.catalogUp = true;
  await until(() => events.some(({ word }) => word === 'paused'));
  expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(events.length);
  at.cpu = 0.1;
  await until(() => dump.pace?.paused === false);
  at.done = true;
  await run.result();
  await end();
}, 120_000);

test('a pace that gives the snapshot up reaches the dump, and the watch ends its pause where nothing calls for one', async () => {
  const { at, dump, startBackup, end } = await watched(RULES);
  const run = await startBackup();
  await run.signal(SIGNAL.setPace, {
    ...FULL_PACE,
    paused: true,
    giveUp: true,
    reason: 'paused for longer than the pause budget',
    setBy: LOAD_WATCH,
    sequence: 5,
  });
  await until(() => dump.gaveUp);
  await until(() => dump.pace?.paused === false);
  at.done = true;
  await run.result();
  await end();
}, 120_000);
