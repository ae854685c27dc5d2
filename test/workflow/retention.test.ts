import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createRunActivities } from '../../src/activities/runs';
import type { ExpiryPlan } from '../../src/activities/types';
import { SIGNAL } from '../../src/domain/messages';
import { retentionId } from '../../src/workflows/ids';
import { retention } from '../../src/workflows/retention';
import { fakeActivities } from '../support/fake-activities';
import { startTemporal, startWorkers } from '../support/temporal';

let env: TestWorkflowEnvironment;
let number = 0;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(() => env.teardown());

const NOTHING: ExpiryPlan = { decisions: [], tombstoned: [], due: [], nextDueAt: null };
const soon = (ms: number) => new Date(Date.now() + ms).toISOString();

async function run(plans: (call: number) => Partial<ExpiryPlan>, confirm = true) {
  let call = 0;
  const fakes = fakeActivities({
    ...createRunActivities(),
    planExpiry: async () => ({ ...NOTHING, ...plans((call += 1)) }),
    deleteExpired: async () => ({ deleted: ['a'], spared: [], objects: 3, bytes: 30 }),
  });
  const workers = await startWorkers(env, fakes.activities);
  const database = `kept${(number += 1)}`;
  const handle = await env.client.workflow.start(retention, {
    taskQueue: workers.workflowQueue,
    workflowId: retentionId(database),
    args: [{ database, confirm, requestedBy: 'a test' }],
  });
  return { ...fakes, workers, handle, planned: () => call };
}

test('a plan alone deletes nothing and ends at once', async () => {
  const at = await run(() => ({ due: ['a'], nextDueAt: soon(60_000) }), false);
  expect(await at.handle.result()).toMatchObject({ deleted: [] });
  expect(at.calls.of('deleteExpired')).toEqual([]);
  await at.workers.stop();
}, 60_000);

test('what was marked waits for its grace and is looked at again before it is deleted', async () => {
  const at = await run((call) => {
    if (call === 1) return { tombstoned: ['a'], nextDueAt: soon(1_500) };
    return call === 2 ? { due: ['a'] } : {};
  });
  expect(await at.handle.result()).toMatchObject({ tombstoned: ['a'], deleted: ['a'], sweptObjects: 3 });
  expect(at.calls.list.filter((name) => name !== 'describeRun')).toEqual(['planExpiry', 'planExpiry', 'deleteExpired']);
  await at.workers.stop();
}, 60_000);

test('a new backup wakes it, and it plans again without waiting for the grace to pass', async () => {
  const at = await run((call) => (call === 1 ? { nextDueAt: soon(3_600_000) } : {}));
  while (at.planned() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await at.handle.signal(SIGNAL.wake);
  await at.handle.result();
  expect(at.planned()).toBe(2);
  await at.workers.stop();
}, 60_000);
