import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { HoldfastActivities } from '../../src/activities/types';
import { PROGRESS_QUERY } from '../../src/domain/messages';
import type { StoreFillProgress } from '../../src/domain/runs';
import { replicateId, storeFillId } from '../../src/workflows/ids';
import { failure, fakeActivities } from '../support/fake-activities';
import { startTemporal, startWorkers } from '../support/temporal';
import { createRunActivities } from '../../src/activities/runs';

jest.setTimeout(60_000);

let env: TestWorkflowEnvironment;
let number = 0;
beforeAll(async () => void (env = await startTemporal()));
afterAll(() => env.teardown());

/** A catalogue of what the store lacks: a copy that was recorded complete is lacking no more. */
function lacking(backups: readonly string[]) {
  const done = new Set<string>();
  const plan: HoldfastActivities['planStoreFill'] = async ({ skip, limit }) => {
    const left = backups.filter((backupId) => !done.has(backupId) && !skip.includes(backupId));
    const items = left.slice(0, limit).map((backupId) => ({ database: 'shop', backupId, grade: 'exact' as const }));
    return { items, left: left.length };
  };
  const record: HoldfastActivities['recordCopy'] = async ({ backupId, state }) => {
    if (state === 'complete') done.add(backupId);
  };
  return { planStoreFill: plan, recordCopy: record };
}

async function start(changes: Partial<HoldfastActivities>, input: { prove?: boolean; atOnce?: number } = {}) {
  const fakes = fakeActivities({ ...createRunActivities(), ...changes });
  const workers = await startWorkers(env, fakes.activities);
  const store = `cloud${(number += 1)}`;
  const args = {
    store,
    databases: ['shop'],
    atOnce: 2,
    patienceMs: 2_000,
    prove: false,
    requestedBy: 'a test',
    ...input,
  };
  const handle = await env.client.workflow.start('fillStoreWithAll', {
    taskQueue: workers.workflowQueue,
    workflowId: storeFillId(store),
    args: [args],
  });
  return { ...fakes, workers, store, handle, result: () => handle.result() as Promise<StoreFillProgress> };
}

test('every backup that the store lacks is filled once, newest first, no more at once than asked', async () => {
  const order: string[] = [];
  let running = 0;
  let most = 0;
  const { result, workers } = await start({
    ...lacking(['e', 'd', 'c', 'b', 'a']),
    fillStore: async ({ backupId }) => {
      order.push(backupId);
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setTimeout(resolve, 30));
      running -= 1;
      return { copiedObjects: 1, copiedBytes: 100 };
    },
  });
  expect(await result()).toMatchObject({ filled: 5, left: 0, copiedBytes: 500, failed: [], notFilled: 0, active: [] });
  expect([...order].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(order.slice(0, 2).sort()).toEqual(['d', 'e']);
  expect(most).toBeLessThanOrEqual(2);
  await workers.stop();
});

test('what cannot be filled is named and keeps nothing else from being filled', async () => {
  const { result, workers } = await start({
    ...lacking(['b', 'a']),
    fillStore: async ({ backupId }) => {
      if (backupId === 'b') throw failure('STORE_ACCESS_DENIED');
      return { copiedObjects: 1, copiedBytes: 100 };
    },
  });
  expect(await result()).toMatchObject({
    filled: 1,
    notFilled: 1,
    failed: [{ backupId: 'b', code: 'STORE_ACCESS_DENIED' }],
  });
  await workers.stop();
});

test('each copy is proved when that was asked for', async () => {
  const { result, workers, calls } = await start(lacking(['a']), { prove: true });
  expect(await result()).toMatchObject({ filled: 1 });
  expect(calls.of('proveStore')).toHaveLength(1);
  await workers.stop();
});

test('progress is told while it goes on, and a cancelled run cancels the copies that it fills', async () => {
  const { Context } = await import('@temporalio/activity');
  const started: { yes?: () => void } = {};
  const filling = new Promise<void>((resolve) => (started.yes = resolve));
  const { handle, workers, store } = await start({
    ...lacking(['b', 'a']),
    fillStore: async () => {
      started.yes!();
      const timer = setInterval(() => Context.current().heartbeat(), 50);
      try {
        return await Context.current().cancelled;
      } finally {
        clearInterval(timer);
      }
    },
  });
  await filling;
  const progress = await handle.query<StoreFillProgress>(PROGRESS_QUERY);
  expect(progress).toMatchObject({ store, filled: 0, left: 2, active: expect.arrayContaining(['b']) });
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  const child = env.client.workflow.getHandle(replicateId('shop', 'b', store));
  await expect(child.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  await workers.stop();
});
