import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { DumpInput, HoldfastActivities } from '../../src/activities/types';
import { PROGRESS_QUERY, SIGNAL } from '../../src/domain/messages';
import { FULL_PACE, type Pace } from '../../src/domain/pace';
import type { BackupProgress } from '../../src/domain/progress';
import { backup } from '../../src/workflows/backup';
import { backupRunId } from '../../src/workflows/ids';
import { dumpResult, failure, fakeActivities, steeredDump } from '../support/fake-activities';
import { startTemporal, startWorkers, type FakeWorkers } from '../support/temporal';

let env: TestWorkflowEnvironment;
let number = 0;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(() => env.teardown());

const pace = (sequence: number, changes: Partial<Pace> = {}): Pace => ({
  ...FULL_PACE,
  reason: `target ${sequence}`,
  setBy: 'a test',
  sequence,
  ...changes,
});

type Steering = ReturnType<typeof steeredDump>;

async function steered(changes: { readonly dump?: (steering: Steering) => HoldfastActivities['dump'] } = {}) {
  let ended = 0;
  let workers: FakeWorkers | null = null;
  let finish = false;
  const steering = steeredDump(
    () => workers!.hostQueue,
    ({ pace: now }) => finish && !now.paused,
  );
  const inner = changes.dump?.(steering) ?? steering.dump;
  const dump: HoldfastActivities['dump'] = async (input) => {
    try {
      return await inner(input);
    } finally {
      ended += 1;
    }
  };
  const fakes = fakeActivities({ dump, applyPace: steering.applyPace });
  workers = await startWorkers(env, fakes.activities);
  const database = `steered${(number += 1)}`;
  const handle = await env.client.workflow.start(backup, {
    taskQueue: workers.workflowQueue,
    workflowId: backupRunId(database),
    args: [{ database, type: 'full', requestedBy: 'a test' }],
  });
  const progress = () => handle.query<BackupProgress>(PROGRESS_QUERY);
  const until = async (check: (now: BackupProgress) => boolean) => {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await delay(30)) {
      const now = await progress();
      if (check(now)) return now;
    }
    throw new Error(`not reached: ${JSON.stringify(await progress())}`);
  };
  await until(() => steering.state.attempts > 0);
  return {
    ...fakes,
    workers,
    handle,
    steering,
    progress,
    until,
    ended: () => ended,
    finish: () => void (finish = true),
  };
}

test('a pause reaches the process that dumps within a second, and a resume lets it end', async () => {
  const run = await steered();
  const askedAt = Date.now();
  await run.handle.signal(SIGNAL.pause, pace(5));
  const paused = await run.until((now) => now.pace.sequence === 5 && now.paceApplied);
  expect(run.steering.state.pace).toMatchObject({ paused: true, sequence: 5 });
  expect(Date.parse(paused.paceAppliedAt!) - askedAt).toBeLessThan(1_000);
  run.finish();
  await run.handle.signal(SIGNAL.resume, pace(6));
  expect(await run.handle.result()).toMatchObject({ grade: 'exact' });
  expect(run.steering.state.attempts).toBe(1);
  await run.workers.stop();
}, 60_000);

test('a pause without any content, as people send it from the Web UI, works', async () => {
  const run = await steered();
  await run.handle.signal('pause');
  await run.until((now) => now.pace.paused && now.paceApplied);
  run.finish();
  await run.handle.signal('resume');
  await run.handle.result();
  await run.workers.stop();
}, 60_000);

test('whatever the order and however often targets arrive, the one with the highest sequence is in force', async () => {
  const target = fc.record({
    kind: fc.constantFrom('pause' as const, 'resume' as const, 'setPace' as const),
    sequence: fc.integer({ min: 1, max: 1_000 }),
    rate: fc.option(fc.integer({ min: 1, max: 1_000_000 })),
  });
  const sequences = fc
    .uniqueArray(target, { selector: ({ sequence }) => sequence, minLength: 2, maxLength: 8 })
    .chain((targets) =>
      fc.record({
        targets: fc.constant(targets),
        order: fc.shuffledSubarray([...targets, ...targets], { minLength: targets.length * 2 }),
      }),
    );
  await fc.assert(
    fc.asyncProperty(sequences, async ({ targets, order }) => {
      const run = await steered();
      for (const { kind, sequence, rate } of order)
        await run.handle.signal(kind, pace(sequence, { maxBytesPerSecond: rate, paused: false }));
      const last = targets.reduce((a, b) => (a.sequence > b.sequence ? a : b));
      const now = await run.until((state) => state.pace.sequence === last.sequence && state.paceApplied);
      expect(now.pace).toMatchObject({ paused: last.kind === 'pause', maxBytesPerSecond: last.rate });
      await run.handle.cancel();
      // Nothing resumes after a cancel.
      await run.handle.signal(SIGNAL.resume, pace(5_000)).catch(() => undefined);
      await expect(run.handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
      expect(run.steering.state.attempts).toBe(1);
      await run.workers.stop();
    }),
    { numRuns: 5 },
  );
}, 180_000);

test('a cancel ends the run wherever it stands among signals, and none that comes after it makes the dump go on', async () => {
  const signal = fc.record({
    kind: fc.constantFrom('pause' as const, 'resume' as const, 'setPace' as const),
    sequence: fc.integer({ min: 1, max: 1_000 }),
    empty: fc.boolean(),
  });
  const runs = fc.record({
    before: fc.array(signal, { maxLength: 5 }),
    after: fc.array(signal, { minLength: 1, maxLength: 5 }),
    doubled: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(runs, async ({ before, after, doubled }) => {
      const run = await steered();
      const send = async ({ kind, sequence, empty }: (typeof before)[number]) => {
        // As people send it from the Web UI, or as a client does.
        if (empty && kind !== 'setPace') await run.handle.signal(kind);
        else await run.handle.signal(kind, pace(sequence));
      };
      for (const one of before) for (let time = 0; time < (doubled ? 2 : 1); time += 1) await send(one);
      // From now on the dump would end well as soon as it may go on.
      await run.handle.signal(SIGNAL.pause, pace(2_000));
      await run.until((now) => now.pace.sequence === 2_000 && now.pace.paused && now.paceApplied);
      run.finish();
      await run.handle.cancel();
      if (doubled) await run.handle.cancel();
      for (const one of after) await send({ ...one, sequence: one.sequence + 5_000 }).catch(() => undefined);
      await run.handle.signal(SIGNAL.resume, pace(9_000)).catch(() => undefined);
      await expect(run.handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
      expect(run.steering.state.attempts).toBe(1);
      expect(run.ended()).toBe(1);
      expect(run.calls.of('recordDump')).toEqual([]);
      expect(run.calls.of('failJob')).toHaveLength(1);
      await run.workers.stop();
    }),
    { numRuns: 5 },
  );
}, 180_000);

test('a pause beyond its budget releases the dump, which begins again when the run may go on', async () => {
  let spent = false;
  const dumps: number[] = [];
  const run = await steered({
    dump: (steering) => async (input) => {
      dumps.push(input.dump);
      steering.state.attempts += 1;
      if (input.dump > 1) return dumpResult();
      while (!spent) await delay(20);
      throw failure('PG_PAUSE_BUDGET_SPENT', false);
    },
  });
  await run.handle.signal(SIGNAL.pause, pace(3));
  await run.until((now) => now.pace.paused);
  spent = true;
  await run.until((now) => now.paceApplied);
  expect(dumps).toEqual([1]);
  await run.handle.signal(SIGNAL.resume, pace(4));
  const result = await run.handle.result();
  expect(dumps).toEqual([1, 2]);
  expect(result.notices.join()).toContain('pause budget');
  await run.workers.stop();
}, 60_000);

test('a dump that gave way to others begins again, knows to whom it gave way, and says so; one that must always give way fails', async () => {
  const inputs: DumpInput[] = [];
  let always = false;
  const dump = async (input: DumpInput) => {
    inputs.push(input);
    if (input.dump > 2 && !always) return dumpResult();
    throw ApplicationFailure.create({
      type: 'PG_SNAPSHOT_YIELDED',
      message: 'they wait',
      details: [{ fault: 'environment', hint: '', context: { database: 'x', backends: '41,42' } }],
    });
  };
  const first = await steered({
    dump: (steering) => (input) => {
      steering.state.attempts += 1;
      return dump(input);
    },
  });
  await first.handle.signal(SIGNAL.lockWaiters, {
    dump: 1,
    attempt: 1,
    at: new Date().toISOString(),
    text: 'two wait',
  });
  const { notices } = await first.handle.result();
  expect(inputs.map(({ dump: number, yielded }) => [number, yielded])).toEqual([
    [1, undefined],
    [2, { times: 1, backends: [41, 42] }],
    [3, { times: 2, backends: [41, 42] }],
  ]);
  expect(notices.filter((text) => text.includes('gave up its snapshot'))).toHaveLength(2);
  await first.workers.stop();

  always = true;
  inputs.length = 0;
  const second = await steered({
    dump: (steering) => (input) => {
      steering.state.attempts += 1;
      return dump(input);
    },
  });
  await expect(second.handle.result()).rejects.toMatchObject({ cause: { type: 'PG_SNAPSHOT_YIELDED' } });
  expect(inputs).toHaveLength(11);
  await second.workers.stop();
}, 60_000);

test('a process that does not answer is told the pace when its next attempt begins', async () => {
  const run = await steered();
  await run.handle.signal(SIGNAL.attached, {
    dump: 1,
    attempt: 1,
    queue: `${run.workers.prefix}-host-gone`,
    workerIdentity: 'gone',
    paceSequence: 0,
  });
  await run.handle.signal(SIGNAL.pause, pace(9));
  // The private queue of a process that is gone is served by nobody.
  await run.until((now) => now.pace.sequence === 9 && !now.paceApplied);
  await run.handle.signal(SIGNAL.attached, {
    dump: 1,
    attempt: 2,
    queue: run.workers.hostQueue,
    workerIdentity: 'next',
    paceSequence: 0,
  });
  await run.until((now) => now.paceApplied);
  expect(run.steering.state.pace).toMatchObject({ paused: true, sequence: 9 });
  run.finish();
  await run.handle.signal(SIGNAL.resume, pace(10));
  await run.handle.result();
  await run.workers.stop();
}, 60_000);

test('a message of an attempt that has been replaced changes nothing', async () => {
  const run = await steered();
  const message = { dump: 1, queue: run.workers.hostQueue, workerIdentity: 'x' };
  await run.handle.signal(SIGNAL.attached, { ...message, attempt: 3, paceSequence: 0 });
  await run.handle.signal(SIGNAL.pause, pace(2));
  await run.until((now) => now.paceApplied && now.pace.paused);
  await run.handle.signal(SIGNAL.attached, { ...message, attempt: 2, paceSequence: 0 });
  expect((await run.progress()).paceApplied).toBe(true);
  run.finish();
  await run.handle.signal(SIGNAL.resume, pace(3));
  await run.handle.result();
  await run.workers.stop();
}, 60_000);

test('pausing the dump activity from the Temporal Web UI stops the attempt, and unpausing begins another', async () => {
  const run = await steered();
  const execution = { workflowId: run.handle.workflowId };
  const { namespace } = env.client.options;
  const service = env.client.workflowService;
  await service.pauseActivity({ namespace, execution, type: 'dump', reason: 'by hand', identity: 'a test' });
  await run.until(() => run.ended() === 1);
  expect(run.steering.state.attempts).toBe(1);
  run.finish();
  await service.unpauseActivity({ namespace, execution, type: 'dump', identity: 'a test' });
  expect(await run.handle.result()).toMatchObject({ grade: 'exact' });
  expect(run.steering.state.attempts).toBe(2);
  await run.workers.stop();
}, 60_000);
