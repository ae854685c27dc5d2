import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createStoreEventActivities, createWatchActivities } from '../../src/activities/watch';
import type { ActivityDeps } from '../../src/activities/deps';
import type { Catalog } from '../../src/catalog/types';
import { CLAIM_TRIAL_UPDATE, SIGNAL, STATUS_QUERY } from '../../src/domain/messages';
import {
  DEFAULT_WATCH_LIMITS,
  type Observation,
  type StoreEvent,
  type StoreStatus,
} from '../../src/domain/store-watch';
import { storeHealthId } from '../../src/workflows/ids';

import { storeHealth } from '../../src/workflows/store-health';
import { fakeActivities } from '../support/fake-activities';
import { startTemporal, startWorkers } from '../support/temporal';

let env: TestWorkflowEnvironment;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(() => env.teardown());

const LIMITS = { ...DEFAULT_WATCH_LIMITS, intervalMs: 200, openAfter: 2, openForMs: 600, closeAfter: 1 };

/** The real watch over a store and a catalogue that the test steers. */
async function watched(limits = LIMITS, changes: Parameters<typeof fakeActivities>[0] = {}) {
  const store = `store${randomUUID().slice(0, 8)}`;
  const at = { up: true, catalogUp: true, probes: 0 };
  const rows: StoreStatus[] = [];
  const events: StoreEvent[] = [];
  const heard: string[] = [];
  const catalog = {
    saveStoreHealth: async (status: StoreStatus) => void rows.push(status),
    addStoreEvent: async (event: StoreEvent) => events.push(event) > 0,
    audit: async () => undefined,
  } as unknown as Catalog;
  const deps: Pick<ActivityDeps, 'health' | 'catalog'> = {
    async catalog() {
      if (!at.catalogUp) throw new Error('the catalogue is down');
      return catalog;
    },
    health: {
      limits,
      watched: true,
      patienceMs: 60_000,
      async probe() {
        at.probes += 1;
        const refused = { ok: false, code: 'STORE_UNREACHABLE', message: 'refused' };
        return { latencyMs: 3, hint: '', kept: false, ...(at.up ? { ok: true, code: null, message: '' } : refused) };
      },
      listeners: [async ({ kind, to }) => void heard.push(`${kind} ${to}`)],
      log: () => undefined,
    },
  };
  const fakes = fakeActivities({ ...createWatchActivities(deps), ...createStoreEventActivities(deps), ...changes });
  const workers = await startWorkers(env, fakes.activities);
  const handle = await env.client.workflow.start(storeHealth, {
    taskQueue: workers.workflowQueue,
    workflowId: storeHealthId(store),
    args: [{ store }],
  });
  const end = async () => {
    await handle.signal(SIGNAL.end);
    await handle.result();
    await workers.stop();
  };
  return { store, at, rows, events, heard, handle, workers, calls: fakes.calls, end };
}

const statusOf = (handle: WorkflowHandle) => handle.query<StoreStatus | null>(STATUS_QUERY);

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await delay(50);
}

test('a store that fails opens its breaker, one that is back closes it, and each change is announced once', async () => {
  const { at, handle, events, heard, rows, end } = await watched();
  await until(() => at.probes > 1);
  at.up = false;
  await until(async () => (await statusOf(handle))?.breaker.state === 'open');
  await until(() => rows.some(({ breaker }) => breaker.state === 'open'));
  at.up = true;
  await until(async () => (await statusOf(handle))?.breaker.state === 'closed');
  await until(() => heard.includes('breaker closed'));
  expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(events.length);
  expect(events.find(({ to }) => to === 'open')).toMatchObject({ kind: 'breaker', code: 'STORE_UNREACHABLE' });
  await end();
}, 90_000);

test('what a run saw counts at once, also while no probe is due, and twice told counts once', async () => {
  const { handle, at, rows, end } = await watched({ ...LIMITS, intervalMs: 3_600_000, openForMs: 3_600_000 });
  await until(() => at.probes === 1);
  const seen = (id: string): Observation => {
    const fault = { code: 'STORE_TIMEOUT', message: 'late', hint: '' };
    return { id, source: 'run', at: Date.now(), ok: false, latencyMs: null, fault };
  };
  await handle.signal(SIGNAL.reportStore, seen('a'));
  await handle.signal(SIGNAL.reportStore, seen('a'));
  await until(() => rows.some(({ breaker }) => breaker.failures === 1));
  await handle.signal(SIGNAL.reportStore, seen('b'));
  await until(async () => (await statusOf(handle))?.breaker.state === 'open');
  expect((await statusOf(handle))?.lastFault?.code).toBe('STORE_TIMEOUT');
  await handle.signal(SIGNAL.probeNow);
  // Asked for by a person, so not put off by the open breaker; with one good trial it closes.
  await until(async () => (await statusOf(handle))?.breaker.state === 'closed');
  expect(at.probes).toBe(2);
  await end();
}, 90_000);

test('a catalogue that is down holds nothing up, and its events come when it is back', async () => {
  const { at, handle, events, end } = await watched();
  await until(() => at.probes > 0);
  at.catalogUp = false;
  at.up = false;
  await until(async () => (await statusOf(handle))?.breaker.state === 'open');
  const before = at.probes;
  await until(() => at.probes > before);
  expect(events).toEqual([]);
  at.catalogUp = true;
  await until(() => events.some(({ to }) => to === 'open'));
  await end();
}, 90_000);

test('while the breaker is half-open one database at a time may try the store', async () => {
  const { at, handle, end } = await watched({ ...LIMITS, closeAfter: 2, openAfter: 1, intervalMs: 15_000 });
  const claim = (database: string) => handle.executeUpdate<boolean, [string]>(CLAIM_TRIAL_UPDATE, { args: [database] });
  await until(() => at.probes === 1);
  const fault = { code: 'STORE_TIMEOUT', message: 'late', hint: '' };
  await handle.signal(SIGNAL.reportStore, {
    id: 'a',
    source: 'run',
    at: Date.now(),
    ok: false,
    latencyMs: null,
    fault,
  });
  await until(async () => (await statusOf(handle))?.breaker.state === 'half-open');
  expect([await claim('shop'), await claim('crm'), await claim('shop')]).toEqual([true, false, true]);
  const good = { source: 'run' as const, at: Date.now(), ok: true, latencyMs: null, fault: null };
  for (const id of ['b', 'c']) await handle.signal(SIGNAL.reportStore, { ...good, id });
  await until(async () => (await statusOf(handle))?.breaker.state === 'closed');
  expect(await claim('crm')).toBe(true);
  await end();
}, 90_000);

test('a long history begins anew with all that is known and everybody who waits', async () => {
  const { at, store, handle, events, end } = await watched({ ...LIMITS, intervalMs: 3_600_000, openForMs: 3_600_000 });
  await until(() => at.probes === 1);
  at.up = false;
  const fault = { code: 'STORE_TIMEOUT', message: 'late', hint: '' };
  const seen = (id: string): Observation => {
    return { id, source: 'run', at: Date.now(), ok: false, latencyMs: null, fault };
  };
  for (const id of ['a', 'b']) await handle.signal(SIGNAL.reportStore, seen(id));
  await until(async () => (await statusOf(handle))?.breaker.state === 'open');
  const before = await statusOf(handle);
  const { runId } = await handle.describe();
  const newest = env.client.workflow.getHandle(storeHealthId(store));
  // One that asks over and over, as one does that has waited for weeks; more events than a history is to have.
  const waiter = { workflowId: 'replicate/nobody', failedAt: Date.now() };
  for (let sent = 0; sent < 2_000; sent += 100)
    await Promise.all(Array.from({ length: 100 }, () => newest.signal(SIGNAL.register, waiter)));
  await newest.signal(SIGNAL.probeNow);
  await until(async () => (await newest.describe()).runId !== runId);
  await until(async () => (await statusOf(newest)) !== null);
  const after = await statusOf(newest);
  // The probe that was asked for may have failed by now, which adds to what was carried over.
  expect(after).toMatchObject({ breakerSince: before!.breakerSince, breaker: { state: 'open' } });
  expect(after!.breaker.failures).toBeGreaterThanOrEqual(2);
  at.up = true;
  await newest.signal(SIGNAL.probeNow);
  await until(async () => (await statusOf(newest))?.breaker.state === 'closed');
  // Whoever registered before is told after.
  await until(async () => {
    const { events: history } = await newest.fetchHistory();
    return history!.some(
      ({ signalExternalWorkflowExecutionInitiatedEventAttributes: told }) =>
        told?.workflowExecution?.workflowId === 'replicate/nobody',
    );
  });
  expect(events.filter(({ to }) => to === 'open')).toHaveLength(1);
  await end();
}, 120_000);
