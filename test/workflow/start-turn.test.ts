import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowHandle } from '@temporalio/client';
import type { PlannedStart } from '../../src/activities/load-types';
import type { AdmitInput, DumpInput } from '../../src/activities/types';
import { PROGRESS_QUERY, SIGNAL } from '../../src/domain/messages';
import type { BackupProgress, Waiting } from '../../src/domain/progress';
import { requestId } from '../../src/workflows/ids';
import { dumpResult, PLAN } from '../support/fake-activities';
import { heavyStation, reached } from '../support/heavy-work';
import { startTemporal } from '../support/temporal';

jest.setTimeout(120_000);

let env: TestWorkflowEnvironment;
let station: Awaited<ReturnType<typeof heavyStation>>;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterEach(() => station.end());
afterAll(() => env.teardown());

const FREE: PlannedStart = { wait: null, trial: null };
const CLOSED = 'outside of its windows (daily 22:00–05:00, UTC)';
const closedFor = (ms: number): PlannedStart => ({
  wait: { reason: CLOSED, until: new Date(Date.now() + ms).toISOString(), strict: false },
  trial: null,
});

/** Admission answers with `at.start`, as it stands when it is asked, once `at.answers` lets it. */
async function stationWith(start: PlannedStart, { heavy = 2 } = {}) {
  const at = { start, answers: async () => {} };
  const admitted: AdmitInput[] = [];
  const dumped: DumpInput[] = [];
  station = await heavyStation(env, {
    heavy,
    changes: {
      admit: async (input) => {
        const plan = { ...PLAN, type: input.type, enforceRetention: false, start: at.start };
        admitted.push(input);
        await at.answers();
        return plan;
      },
      dump: async (input) => {
        dumped.push(input);
        return dumpResult();
      },
    },
  });
  station.letGo('*');
  return { at, admitted, dumped };
}

const progressOf = (run: WorkflowHandle) => run.query<BackupProgress>(PROGRESS_QUERY);
const waitsFor = (run: WorkflowHandle, what: Waiting['for']) =>
  reached(async () => (await progressOf(run)).waiting?.for === what, `it waits for ${what}`);
const noticesOf = async (run: WorkflowHandle) => ((await run.result()) as { notices: string[] }).notices;

test('outside of its windows a backup is admitted and waits, holding no place, and starts when the window opens', async () => {
  const { at, admitted, dumped } = await stationWith(closedFor(6_000));
  const run = await station.backup('w-one');
  await waitsFor(run, 'opening');
  const { phase, waiting } = await progressOf(run);
  expect({ phase, waiting }).toEqual({
    phase: 'admitting',
    waiting: { reason: CLOSED, until: at.start.wait!.until, for: 'opening' },
  });
  expect(station.calls.of('openJob')).toHaveLength(1);
  expect(dumped).toEqual([]);
  at.start = FREE;
  await run.result();
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(waiting!.until!) - 1_000);
  expect(admitted.map(({ waited }) => waited ?? false)).toEqual([false, true]);
  expect((await progressOf(run)).waiting).toBeNull();
});

test('somebody who resumes it starts it now, and the history says who and why', async () => {
  const { dumped } = await stationWith(closedFor(3_600_000));
  const run = await station.backup('w-two');
  await waitsFor(run, 'opening');
  await run.signal(SIGNAL.resume, { setBy: 'ana@host', reason: 'month-end' });
  expect(await noticesOf(run)).toContain(
    'ana@host let it start now, whatever its calendar and the impact breaker say: month-end',
  );
  expect(dumped).toHaveLength(1);
});

test('of a run that is paused as well the first word ends the pause, and the second starts it', async () => {
  const { dumped } = await stationWith(closedFor(3_600_000));
  const run = await station.backup('w-three');
  await waitsFor(run, 'opening');
  await run.signal(SIGNAL.pause, { setBy: 'ana', reason: 'stop' });
  await run.signal(SIGNAL.resume, { setBy: 'ana', reason: 'go on' });
  expect(await progressOf(run)).toMatchObject({ waiting: { for: 'opening' }, pace: { paused: false } });
  expect(dumped).toEqual([]);
  await run.signal(SIGNAL.resume, { setBy: 'ana', reason: 'now' });
  await run.result();
  expect(dumped).toHaveLength(1);
});

test('a backup that is asked for now waits for nothing of that, and says who asked', async () => {
  const { dumped } = await stationWith(closedFor(3_600_000));
  const run = await station.backup('w-four', { now: true });
  expect(await noticesOf(run)).toContain('a test asked for it now, whatever its calendar and the impact breaker say');
  expect(dumped).toHaveLength(1);
});

test('a request for now lets the run that waits start, instead of one beside it', async () => {
  const { dumped } = await stationWith(closedFor(3_600_000));
  const run = await station.backup('w-five');
  await waitsFor(run, 'opening');
  const asked = await station.start('request', requestId('w-five', 'now'), {
    ...{ database: 'w-five', type: 'full', overlap: 'skip', now: true },
  });
  expect(await asked.result()).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('start now') });
  await run.result();
  expect(dumped).toHaveLength(1);
});

test('a stop that came while it waited is waited for, whatever anybody says, until it is taken back', async () => {
  const stop = { wait: { reason: 'an emergency stop of ana stands: x', until: null, strict: true }, trial: null };
  const { at, dumped } = await stationWith(stop);
  const run = await station.backup('w-six', { now: true });
  await waitsFor(run, 'stop');
  await run.signal(SIGNAL.startNow, { by: 'bob', why: 'please' });
  await run.signal(SIGNAL.resume, { setBy: 'bob', reason: 'please' });
  expect(await progressOf(run)).toMatchObject({ waiting: { for: 'stop' } });
  expect(dumped).toEqual([]);
  at.start = FREE;
  await run.signal(SIGNAL.resume, { setBy: 'ana', reason: 'the emergency stop is over' });
  await run.result();
  expect(dumped).toHaveLength(1);
});

test('the end of a stop that is told while admission is asked about it is not lost', async () => {
  const stop = { wait: { reason: 'an emergency stop of ana stands: x', until: null, strict: true }, trial: null };
  const { at, admitted, dumped } = await stationWith(stop);
  const run = await station.backup('w-ten');
  await waitsFor(run, 'stop');
  const told = new Promise<void>((resolve) => {
    at.answers = async () => {
      at.answers = async () => {};
      at.start = FREE;
      await run.signal(SIGNAL.resume, { setBy: 'ana', reason: 'the emergency stop is over' });
      resolve();
    };
  });
  await run.signal(SIGNAL.resume, { setBy: 'bob', reason: 'please' });
  await told;
  await run.result();
  expect(dumped).toHaveLength(1);
  expect(admitted).toHaveLength(3);
});

test('the trial of a half-open breaker begins at the lowest pace', async () => {
  const trial = { maxBytesPerSecond: 1e6, readers: 1, uploads: 1 };
  const { dumped } = await stationWith({ wait: null, trial });
  const run = await station.backup('w-seven');
  expect(await noticesOf(run)).toContain(
    'the impact breaker tries whether the database bears a backup again: this run is its trial',
  );
  expect(dumped[0]!.pace).toMatchObject({ ...trial, setBy: 'load watch', paused: false });
});

test('one that waits for its time keeps no place from others', async () => {
  const { at } = await stationWith(closedFor(3_600_000), { heavy: 1 });
  const run = await station.backup('w-eight');
  await waitsFor(run, 'opening');
  at.start = FREE;
  await (await station.backup('w-nine')).result();
  expect((await progressOf(run)).waiting?.for).toBe('opening');
});
