import { setTimeout as delay } from 'node:timers/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createRunActivities } from '../../src/activities/runs';
import type { OverlapPolicy } from '../../src/domain/runs';
import { backupRunId, requestId } from '../../src/workflows/ids';
import { request } from '../../src/workflows/request';
import { Context } from '@temporalio/activity';
import { dumpResult, failure, fakeActivities } from '../support/fake-activities';
import { startTemporal, startWorkers } from '../support/temporal';

let env: TestWorkflowEnvironment;
let number = 0;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(() => env.teardown());

/** Dumps stand still until they are let go. */
async function station() {
  let open = false;
  let dumping = 0;
  const fakes = fakeActivities({
    ...createRunActivities(),
    dump: async () => {
      dumping += 1;
      while (!open) {
        Context.current().heartbeat();
        await Context.current().sleep(30);
      }
      return dumpResult();
    },
  });
  const workers = await startWorkers(env, fakes.activities);
  const database = `asked${(number += 1)}`;
  const ask = (what: string, overlap: OverlapPolicy) =>
    env.client.workflow.start(request, {
      taskQueue: workers.workflowQueue,
      workflowId: requestId(database, what),
      args: [{ database, type: 'full', overlap, requestedBy: what }],
    });
  const until = async (check: () => boolean) => {
    for (const deadline = Date.now() + 20_000; !check(); await delay(30))
      if (Date.now() > deadline) throw new Error('not reached');
  };
  return { ...fakes, workers, database, ask, until, dumping: () => dumping, letGo: () => void (open = true) };
}

test('a request with nothing in the way runs and links to its run', async () => {
  const at = await station();
  at.letGo();
  const result = await (await at.ask('one', 'skip')).result();
  expect(result).toMatchObject({ outcome: 'ran', workflowId: backupRunId(at.database), backup: { grade: 'exact' } });
  await at.workers.stop();
}, 60_000);

test('with `skip` a request gives way and names the run that was under way', async () => {
  const at = await station();
  const first = await at.ask('one', 'skip');
  await at.until(() => at.dumping() === 1);
  const second = await (await at.ask('two', 'skip')).result();
  at.letGo();
  const done = await first.result();
  expect(second).toMatchObject({ outcome: 'skipped', runId: done.runId, backup: null });
  expect(at.dumping()).toBe(1);
  await at.workers.stop();
}, 60_000);

test('with `wait` a request runs after the one under way', async () => {
  const at = await station();
  const first = await at.ask('one', 'skip');
  await at.until(() => at.dumping() === 1);
  const second = await at.ask('two', 'wait');
  await at.until(() => at.calls.of('awaitRunEnd').length === 1);
  at.letGo();
  const [a, b] = await Promise.all([first.result(), second.result()]);
  expect(b).toMatchObject({ outcome: 'ran', reason: `waited for run ${a.runId} to end` });
  expect(b.runId).not.toBe(a.runId);
  await at.workers.stop();
}, 60_000);

test('with `cancel` the run under way is cancelled first', async () => {
  const at = await station();
  const first = await at.ask('one', 'skip');
  await at.until(() => at.dumping() === 1);
  const second = await at.ask('two', 'cancel');
  await expect(first.result()).rejects.toThrow();
  await at.until(() => at.dumping() === 2);
  at.letGo();
  expect(await second.result()).toMatchObject({ outcome: 'ran' });
  expect(at.calls.of('failJob')).toEqual(['failJob:RUN_CANCELLED']);
  await at.workers.stop();
}, 60_000);

test('a request whose run fails, fails with the same stable code', async () => {
  const fakes = fakeActivities({ dump: () => Promise.reject(failure('PG_DENIED')) });
  const workers = await startWorkers(env, fakes.activities);
  const handle = await env.client.workflow.start(request, {
    taskQueue: workers.workflowQueue,
    workflowId: requestId('denied', 'one'),
    args: [{ database: 'denied', type: 'full', overlap: 'skip', requestedBy: 'a test' }],
  });
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'PG_DENIED' } });
  await workers.stop();
}, 60_000);
