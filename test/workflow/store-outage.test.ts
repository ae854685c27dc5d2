/** What a run does while stores are away: leaves them out, goes on with the next, waits, and is told when they are back. */
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { BackupPlan, HoldfastActivities } from '../../src/activities/types';
import { SIGNAL, STATUS_QUERY } from '../../src/domain/messages';
import type { BackupProgress } from '../../src/domain/progress';
import type { ReplicateInput } from '../../src/domain/runs';
import {
  DEFAULT_WATCH_LIMITS,
  observe,
  untriedStatus,
  type StoreEvent,
  type StoreStatus,
} from '../../src/domain/store-watch';
import { backup } from '../../src/workflows/backup';
import { backupRunId, replicateId, storeHealthId } from '../../src/workflows/ids';
import { replicateCopy } from '../../src/workflows/replicate-copy';
import { storeHealth } from '../../src/workflows/store-health';
import { dumpResult, failure, fakeActivities, PLAN } from '../support/fake-activities';
import { startTemporal, startWorkers } from '../support/temporal';

jest.setTimeout(90_000);

let env: TestWorkflowEnvironment;
let number = 0;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(() => env.teardown());

async function run(changes: Partial<HoldfastActivities>) {
  const told: StoreEvent[] = [];
  const fakes = fakeActivities({ announceStoreEvent: async (event) => void told.push(event), ...changes });
  const workers = await startWorkers(env, fakes.activities);
  const database = `outage${(number += 1)}`;
  const handle = await env.client.workflow.start(backup, {
    taskQueue: workers.workflowQueue,
    workflowId: backupRunId(database),
    args: [{ database, type: 'full', requestedBy: 'a test' }],
  });
  return { ...fakes, told, workers, database, handle };
}

const until = async (what: () => boolean | Promise<boolean>) => {
  for (const deadline = Date.now() + 60_000; !(await what()); await delay(50))
    if (Date.now() > deadline) throw new Error('it did not come about');
};
const progressOf = (handle: WorkflowHandle) => handle.query<BackupProgress>('progress');
const eventsOf = async (handle: WorkflowHandle) => {
  const { events } = await handle.fetchHistory();
  return (name: keyof NonNullable<typeof events>[number]) => events!.filter((event) => event[name]);
};

const WITHOUT_PRIMARY: BackupPlan = {
  ...PLAN,
  stores: ['cloud'],
  withheld: [{ store: 'disk', code: 'RUN_BREAKER_OPEN', message: 'its breaker is open' }],
  reserve: ['disk'],
  lead: { primary: 'disk', standIn: 'cloud' },
  failover: { store: 'disk', from: 'disk', to: 'cloud', reason: 'primary disk is left out' },
  notices: ['primary disk is left out'],
};

test('without its primary the dump goes to the next store at once, says so, and the copy is queued and filled', async () => {
  const asked: unknown[] = [];
  const { handle, told, calls, workers } = await run({
    admit: async () => WITHOUT_PRIMARY,
    dump: async ({ stores, reserve }) => {
      asked.push({ stores, reserve });
      return dumpResult({ committed: ['cloud'] });
    },
  });
  const result = await handle.result();
  expect(asked).toEqual([{ stores: ['cloud'], reserve: ['disk'] }]);
  expect(told).toMatchObject([{ kind: 'failover', store: 'disk', from: 'disk', to: 'cloud' }]);
  expect(result.notices).toContain('primary disk is left out');
  expect(calls.of('fillStore')).toEqual(['fillStore:disk']);
  expect(result.copies).toMatchObject([
    { store: 'cloud', state: 'proved' },
    { store: 'disk', state: 'proved' },
  ]);
  await workers.stop();
});

test('a store that was left out and took the backup after all is complete, not filled', async () => {
  const { handle, calls, workers } = await run({
    admit: async () => WITHOUT_PRIMARY,
    dump: async () =>
      dumpResult({
        committed: ['disk'],
        behind: [{ store: 'cloud', code: 'STORE_UNREACHABLE', message: 'down' }],
      }),
  });
  const { copies } = await handle.result();
  expect(calls.of('fillStore')).toEqual(['fillStore:cloud']);
  expect(copies.map(({ state }) => state)).toEqual(['proved', 'proved']);
  await workers.stop();
});

test('a primary that is lost during the dump is told, with the store that stands in', async () => {
  const { handle, told, workers } = await run({
    admit: async () => ({ ...PLAN, lead: { primary: 'disk', standIn: null } }),
    dump: async () =>
      dumpResult({ committed: ['cloud'], behind: [{ store: 'disk', code: 'STORE_TIMEOUT', message: 'late' }] }),
  });
  await handle.result();
  expect(told).toMatchObject([{ kind: 'failover', store: 'disk', from: 'disk', to: 'cloud' }]);
  expect(told[0]!.reason).toContain('STORE_TIMEOUT: late');
  await workers.stop();
});

test('an event that cannot be put on record does not hold the dump up', async () => {
  let failed = 0;
  const { handle, workers, calls } = await run({
    admit: async () => WITHOUT_PRIMARY,
    dump: async () => {
      await until(() => failed > 1);
      return dumpResult({ committed: ['cloud'] });
    },
    announceStoreEvent: async () => {
      if ((failed += 1) < 3) throw failure('CATALOG_UNREACHABLE', false);
    },
  });
  await handle.result();
  expect(calls.of('announceStoreEvent').length).toBe(3);
  await workers.stop();
});

const BLOCKED: BackupPlan = {
  ...PLAN,
  trials: PLAN.stores,
  blocked: { reason: 'no store can be used (disk: open; cloud: open)', patienceMs: 3_600_000 },
};

test('while every breaker is open the run waits without dumping, and goes on when it is told that a store is back', async () => {
  let back = false;
  const { handle, calls, workers } = await run({ admit: async () => (back ? PLAN : BLOCKED) });
  await until(async () => (await progressOf(handle)).copies.length === 2);
  expect((await progressOf(handle)).copies[0]).toMatchObject({ detail: 'waited for: its breaker is open' });
  const card = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(card.currentDetails).toContain('no store can be used (disk: open; cloud: open): the run waits');
  expect(calls.of('dump')).toEqual([]);
  back = true;
  await handle.signal(SIGNAL.storeRecovered, 'disk');
  const result = await handle.result();
  expect(calls.of('admit')).toHaveLength(2);
  expect(result.notices.join()).toMatch(/the run waited .* for a store: no store can be used/);
  expect(result.copies).toMatchObject([{ state: 'proved' }, { state: 'proved' }]);
  await workers.stop();
});

test('a run that has waited for as long as it may tries every store', async () => {
  const trials: unknown[] = [];
  const { handle, workers } = await run({
    admit: async () => ({ ...BLOCKED, blocked: { ...BLOCKED.blocked!, patienceMs: 1_000 } }),
    dump: async (input) => {
      trials.push(input.trials);
      return dumpResult();
    },
  });
  const { notices } = await handle.result();
  expect(notices.join()).toMatch(/none was back after .*, so all of them are tried/);
  expect(trials).toEqual([['disk', 'cloud']]);
  await workers.stop();
});

test('a run that waits for a store can be cancelled, and that is recorded', async () => {
  const { handle, calls, workers } = await run({ admit: async () => BLOCKED });
  await until(async () => (await progressOf(handle)).copies.length === 2);
  await handle.cancel();
  await handle.result().catch(() => undefined);
  expect((await handle.describe()).status.name).toBe('CANCELLED');
  expect(calls.of('failJob')).toEqual(['failJob:RUN_CANCELLED']);
  expect(calls.of('dump')).toEqual([]);
  await workers.stop();
});

const status = (store: string, answers: readonly boolean[]): StoreStatus => {
  const limits = { ...DEFAULT_WATCH_LIMITS, openAfter: 1, closeAfter: 1 };
  return answers.reduce(
    (known, ok, index) => {
      const at = Date.now();
      return observe(known, { id: String(index), source: 'probe', at, ok, latencyMs: 1, fault: null }, limits).status;
    },
    untriedStatus(store, Date.now()),
  );
};

/** A copy that is to be filled at a store that is away, and whoever watches the store, if anybody does. */
async function filling(watched: boolean) {
  const store = `store${(number += 1)}`;
  const at = { up: false, over: false };
  const fakes = fakeActivities({
    fillStore: async () => {
      if (!at.up) throw failure('RUN_BREAKER_OPEN');
      return { copiedObjects: 4, copiedBytes: 700 };
    },
    watchStore: async ({ status: before }) => {
      const wanted = at.up;
      const closed = before?.breaker.state === 'closed';
      if (before !== null && closed === wanted) await until(() => at.over || at.up !== wanted);
      return { status: status(store, [false, ...(at.up ? [true] : [])]), events: [] };
    },
  });
  const workers = await startWorkers(env, fakes.activities);
  const { workflowQueue: taskQueue } = workers;
  const watch = watched
    ? await env.client.workflow.start(storeHealth, { taskQueue, workflowId: storeHealthId(store), args: [{ store }] })
    : null;
  if (watch) await until(async () => (await watch.query<StoreStatus | null>(STATUS_QUERY))?.breaker.state === 'open');
  const backupId = '20261121T120000Z-full-1a2b3c4d';
  const input: ReplicateInput = {
    ...{ database: 'shop', backupId, store, heal: false, patienceMs: 3_600_000, proveGrade: 'exact' },
    // Whoever started it has ended long ago.
    tell: backupRunId('ended long ago'),
  };
  const handle = await env.client.workflow.start(replicateCopy, {
    taskQueue,
    workflowId: replicateId('shop', backupId, store),
    args: [input],
  });
  const stop = async () => {
    await watch?.terminate().catch(() => undefined);
    // What the watch waits for ends too.
    at.over = true;
    await workers.stop();
  };
  return { at, fakes, watch, handle, stop };
}

test('a copy that waits for its store is filled as soon as whoever watches it says that it is back', async () => {
  const { at, stop, handle, fakes } = await filling(true);
  await until(async () => (await eventsOf(handle))('timerStartedEventAttributes').length > 0);
  at.up = true;
  expect(await handle.result()).toMatchObject({ state: 'proved', grade: 'exact', copiedObjects: 4 });
  const events = await eventsOf(handle);
  const signals = events('workflowExecutionSignaledEventAttributes');
  expect(signals.map((event) => event.workflowExecutionSignaledEventAttributes!.signalName)).toContain(
    'storeRecovered',
  );
  expect(events('timerCanceledEventAttributes')).toHaveLength(1);
  expect(events('timerFiredEventAttributes')).toHaveLength(0);
  expect(fakes.calls.of('dump')).toEqual([]);
  await stop();
});

test('where nobody watches the store, the copy is filled when its own timer has passed', async () => {
  const { at, stop, handle } = await filling(false);
  await until(async () => (await eventsOf(handle))('timerStartedEventAttributes').length > 0);
  at.up = true;
  expect(await handle.result()).toMatchObject({ state: 'proved', grade: 'exact' });
  const events = await eventsOf(handle);
  // The one to the ended parent fails too.
  const failed = events('signalExternalWorkflowExecutionFailedEventAttributes').length;
  expect(failed).toBeGreaterThan(events('signalExternalWorkflowExecutionInitiatedEventAttributes').length - 1);
  expect(events('timerFiredEventAttributes').length).toBeGreaterThan(0);
  await stop();
});

test('a copy whose watcher ends while it waits is filled by its own timer', async () => {
  const { at, watch, stop, handle } = await filling(true);
  await until(async () => (await eventsOf(handle))('timerStartedEventAttributes').length > 0);
  await watch!.terminate('the configuration was changed');
  at.up = true;
  expect(await handle.result()).toMatchObject({ state: 'proved' });
  expect((await eventsOf(handle))('timerFiredEventAttributes').length).toBeGreaterThan(0);
  await stop();
});
