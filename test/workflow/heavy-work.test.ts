import { MockActivityEnvironment, type TestWorkflowEnvironment } from '@temporalio/testing';
import { moreImportant } from '../../src/activities/gives-way';
import type { BackupProgress } from '../../src/domain/progress';
import { PROGRESS_QUERY } from '../../src/domain/messages';
import { watchQueueName } from '../../src/workflows/ids';
import { heavyStation, reached } from '../support/heavy-work';
import { startTemporal } from '../support/temporal';

jest.setTimeout(90_000);

let env: TestWorkflowEnvironment;
let station: Awaited<ReturnType<typeof heavyStation>>;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterEach(() => station.end());
afterAll(() => env.teardown());

const names = (all: readonly { readonly database: string }[]) => all.map(({ database }) => database);

test('two places are held at once, and the others follow by priority, a backup before a proof', async () => {
  station = await heavyStation(env);
  station.priorities.set('b-low', 'low').set('b-critical', 'critical');
  await station.backup('b-one');
  await station.backup('b-two');
  await station.isDoing('b-one');
  await station.isDoing('b-two');
  await station.proof('b-proof');
  await station.waits(1);
  await station.backup('b-low');
  await station.waits(2);
  await station.backup('b-normal');
  await station.waits(3);
  const critical = await station.backup('b-critical');
  await station.waits(4);

  const queue = await station.queue();
  expect(names(queue.waiting)).toEqual(['b-critical', 'b-normal', 'b-proof', 'b-low']);
  expect(queue.waiting.map(({ text }) => text)).toEqual([
    'waits for one of 2 places',
    'waits for one of 2 places, behind the backup of b-critical',
    'waits for one of 2 places, behind the backup of b-normal',
    'waits for one of 2 places, behind the proof of b-proof',
  ]);
  await reached(async () => {
    const { waiting, phase } = await critical.query<BackupProgress>(PROGRESS_QUERY);
    return phase === 'admitting' && waiting?.for === 'place' && waiting.reason === 'waits for one of 2 places';
  }, 'its progress says so');
  expect(station.doing.size).toBe(2);

  station.letGo('b-one');
  await station.isDoing('b-critical');
  station.letGo('b-critical');
  await station.isDoing('b-normal');
  // What was let go is proved in its turn: these proofs stand behind the one that asked before.
  station.letGo('b-two', 'proof of b-one', 'proof of b-critical', 'proof of b-two');
  await station.isDoing('proof of b-proof');
  expect(station.begun.indexOf('b-normal')).toBeLessThan(station.begun.indexOf('proof of b-proof'));
  station.letGo('*');
  await reached(async () => (await station.queue()).running.length === 0, 'all places are free again');
});

test('a restore starts at once beside two backups, and waits for restores alone', async () => {
  station = await heavyStation(env);
  await station.backup('r-one');
  await station.backup('r-two');
  await station.isDoing('r-one');
  await station.isDoing('r-two');
  await station.restore('r-a');
  await station.restore('r-b');
  await station.isDoing('restore of r-a');
  await station.isDoing('restore of r-b');
  await station.restore('r-c');
  await station.waits(1);
  expect((await station.queue()).running).toHaveLength(4);
  station.letGo('restore of r-a');
  await station.isDoing('restore of r-c');
});

test('a run that is cancelled while it waits leaves the queue, and one that is ended in its place frees it', async () => {
  station = await heavyStation(env, { heavy: 1 });
  const first = await station.backup('c-one');
  await station.isDoing('c-one');
  const second = await station.backup('c-two');
  await station.waits(1);
  await station.backup('c-three');
  await station.waits(2);
  await second.cancel();
  await expect(second.result()).rejects.toThrow();
  await station.waits(1);
  expect(station.begun).not.toContain('c-two');
  // It says nothing any more: whoever keeps the places finds out.
  await first.terminate();
  await station.isDoing('c-three');
  expect(names((await station.queue()).running)).toEqual(['c-three']);
});

test('whoever keeps the places is ended: its successor asks the runs, and nobody starts beside those who hold', async () => {
  station = await heavyStation(env, { heavy: 1 });
  await station.backup('k-one');
  await station.isDoing('k-one');
  await station.backup('k-two');
  await station.proof('k-three');
  await station.waits(2);
  await station.keeper.terminate();
  // Those who wait ask again after a second; what they find knows the holder, though that one asked nobody again.
  await reached(async () => {
    // The one that was ended still answers queries, so the next one is looked for first.
    if ((await station.keeper.describe()).status.name !== 'RUNNING') return false;
    const { running, waiting } = await station.queue();
    return running.length === 1 && waiting.length === 2;
  }, 'a new one knows all three');
  expect(names((await station.queue()).running)).toEqual(['k-one']);
  expect([...station.doing]).toEqual(['k-one']);
  station.letGo('k-one', 'proof of k-one');
  await station.isDoing('k-two');
  station.letGo('*');
  await reached(() => station.begun.includes('proof of k-three'), 'the proof has its turn');
});

test('a run that hears no word of its place goes on without one, and says so', async () => {
  station = await heavyStation(env, {
    timing: { placePatienceMs: 500, askAgainMs: 200 },
    changes: {
      askTurn: async ({ kind, database, askedAt }) => ({
        ask: { id: 'x', runId: 'x', kind, database, priority: 'normal', askedAt },
        againMs: 100,
        patienceMs: 300,
      }),
    },
  });
  station.letGo('*');
  const run = await station.backup('u-one');
  const { notices } = (await run.result()) as { notices: string[] };
  expect(notices).toContain('it goes on without a place among the heavy work: nobody said whose turn it is');
});

test('an emergency stop gives proofs up and lets none begin, restores go on, and afterwards the proofs begin again', async () => {
  station = await heavyStation(env);
  const proof = await station.proof('s-one');
  await station.isDoing('proof of s-one');
  await station.backup('s-two');
  await station.isDoing('s-two');
  station.stop.text = 'the site is down';
  await reached(() => !station.doing.has('proof of s-one'), 'the proof is given up');
  await station.waits(1);
  await station.restore('s-three');
  await station.isDoing('restore of s-three');
  const { stop, waiting, running } = await station.queue();
  expect(stop).toBe('an emergency stop of ana stands: the site is down');
  expect(waiting.map(({ text }) => text)).toEqual([`held back: ${stop}`]);
  expect(names(running)).toEqual(['s-two', 's-three']);
  station.stop.text = null;
  station.letGo('s-two', 'restore of s-three', 'proof of s-two');
  await station.isDoing('proof of s-one');
  station.letGo('proof of s-one');
  expect(await proof.result()).toMatchObject({ grade: 'exact' });
  expect(station.begun.filter((name) => name === 'proof of s-one')).toHaveLength(2);
});

test('a backup under way gives way to a restore and to more important backups, as the load watch is told', async () => {
  station = await heavyStation(env);
  station.priorities.set('g-critical', 'critical');
  const toWhom = (database: string, priority: 'critical' | 'normal' = 'normal') =>
    new MockActivityEnvironment({ taskQueue: watchQueueName(station.workers.prefix) }, { client: env.client }).run(() =>
      moreImportant({ known: new Map() }, database, priority),
    );
  expect(await toWhom('g-one')).toBeNull();
  await station.backup('g-one');
  await station.isDoing('g-one');
  expect(await toWhom('g-one')).toBeNull();
  await station.backup('g-critical');
  await station.isDoing('g-critical');
  expect(await toWhom('g-one')).toBe('backup of g-critical');
  expect(await toWhom('g-critical', 'critical')).toBeNull();
  await station.restore('g-two');
  await station.isDoing('restore of g-two');
  expect(await toWhom('g-critical', 'critical')).toBe('restore of g-two');
  // Nobody keeps places: nobody is slowed down for what was known once.
  await station.keeper.terminate();
  expect(await toWhom('g-one')).toBeNull();
});

test('asking for a place costs a lone backup few events', async () => {
  station = await heavyStation(env);
  station.letGo('*');
  const run = await station.backup('e-one');
  await run.result();
  const { events } = await run.fetchHistory();
  const about = events!.filter(
    ({ activityTaskScheduledEventAttributes: task, workflowExecutionSignaledEventAttributes: signal }) =>
      task?.activityType?.name === 'askTurn' || signal?.signalName === 'turn',
  );
  expect(about).toHaveLength(2);
});
