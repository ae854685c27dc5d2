import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { backupRunId } from '../../src/workflows/ids';
import { backup } from '../../src/workflows/backup';
import type { BackupResult } from '../../src/domain/runs';
import type { HoldfastActivities } from '../../src/activities/types';
import { dumpResult, failure, fakeActivities, PLAN } from '../support/fake-activities';
import { startTemporal, startWorkers } from '../support/temporal';

// The first test of a file waits for the workflows to be bundled.
jest.setTimeout(60_000);

let env: TestWorkflowEnvironment;
let number = 0;
type RunError = Error & { cause?: { type?: string } };
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(() => env.teardown());

async function run(changes: Partial<HoldfastActivities>) {
  const fakes = fakeActivities(changes);
  const workers = await startWorkers(env, fakes.activities);
  const database = `shop${(number += 1)}`;
  const handle = await env.client.workflow.start(backup, {
    taskQueue: workers.workflowQueue,
    workflowId: backupRunId(database),
    args: [{ database, type: 'full', requestedBy: 'a test' }],
  });
  return { ...fakes, workers, database, handle };
}

async function finished(changes: Partial<HoldfastActivities>) {
  const started = await run(changes);
  let result: BackupResult | null = null;
  let error: RunError | null = null;
  try {
    result = await started.handle.result();
  } catch (caught) {
    error = caught as RunError;
  }
  const description = await started.handle.describe();
  await started.workers.stop();
  return { ...started, result, error: error as RunError | null, description };
}

test('a run admits, dumps, proves every copy, and starts retention', async () => {
  const { result, calls, description } = await finished({});
  expect(result).toMatchObject({
    grade: 'exact',
    rows: 12,
    copies: [
      { store: 'disk', state: 'proved' },
      { store: 'cloud', state: 'proved' },
    ],
  });
  expect(calls.list.slice(0, 4)).toEqual(['admit', 'openJob', 'dump', 'recordDump']);
  expect(calls.of('proveStore')).toEqual(['proveStore:disk', 'proveStore:cloud']);
  expect(description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toEqual(
    expect.arrayContaining([
      ['HoldfastPhase', 'done'],
      ['HoldfastGrade', 'exact'],
      ['HoldfastBackupId', result!.backupId],
    ]),
  );
});

test('a run shows how many of the wanted copies there are, from the dump on until the last store is filled', async () => {
  const facts = { account: null, credentials: null, region: null, endpoint: null, bucket: null, disk: null };
  const places = [
    { ...facts, name: 'disk', role: 'primary' as const, provider: 'disk' },
    { ...facts, name: 'cloud', role: 'offsite' as const, provider: 'aws' },
  ];
  const { result, handle, description } = await finished({
    admit: async () => ({ ...PLAN, policy: { copies: 2, media: 2, offsite: 1 }, places }),
    dump: async () =>
      dumpResult({ committed: ['disk'], behind: [{ store: 'cloud', code: 'STORE_UNREACHABLE', message: 'down' }] }),
  });
  expect(result?.copies).toHaveLength(2);
  const { events } = await handle.fetchHistory();
  const words = events!.flatMap((event) => {
    const fields = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields;
    const word = fields?.HoldfastCopies?.data;
    return word ? [JSON.parse(Buffer.from(word).toString()) as unknown].flat() : [];
  });
  expect(words).toEqual(['1/2', '2/2']);
  expect(description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toContainEqual([
    'HoldfastCopies',
    '2/2',
  ]);
});

test('a permanent failure of the dump fails the job row and the run with the stable code', async () => {
  const { error, calls } = await finished({ dump: () => Promise.reject(failure('PG_DENIED')) });
  expect(error?.cause?.type).toBe('PG_DENIED');
  expect(calls.of('failJob')).toEqual(['failJob:PG_DENIED']);
  expect(calls.of('dump')).toHaveLength(1);
});

test('a failure that may pass is tried again', async () => {
  let attempts = 0;
  const { result, calls } = await finished({
    dump: () => ((attempts += 1) === 1 ? Promise.reject(failure('PG_LOST', false)) : Promise.resolve(dumpResult())),
  });
  expect(result?.grade).toBe('exact');
  expect(calls.of('dump')).toHaveLength(2);
});

test('a failed admission still leaves a job row that says why', async () => {
  const { error, calls } = await finished({ admit: () => Promise.reject(failure('RUN_DATABASE_UNKNOWN')) });
  expect(error?.cause?.type).toBe('RUN_DATABASE_UNKNOWN');
  expect(calls.list).toEqual(['admit', 'openJob', 'failJob:RUN_DATABASE_UNKNOWN']);
});

test('a store that fell behind is filled by a child and proved', async () => {
  const { result, calls } = await finished({
    dump: async () =>
      dumpResult({ committed: ['disk'], behind: [{ store: 'cloud', code: 'STORE_UNREACHABLE', message: 'down' }] }),
  });
  expect(calls.of('fillStore')).toEqual(['fillStore:cloud']);
  expect(result?.copies.map(({ store, state }) => [store, state])).toEqual([
    ['disk', 'proved'],
    ['cloud', 'proved'],
  ]);
});

test('a store that stays down is left to its child, which fills and proves it later', async () => {
  let up = false;
  const started = await run({
    dump: async () =>
      dumpResult({ committed: ['disk'], behind: [{ store: 'cloud', code: 'STORE_UNREACHABLE', message: 'down' }] }),
    fillStore: async () => {
      if (!up) throw failure('STORE_UNREACHABLE');
      return { copiedObjects: 4, copiedBytes: 700 };
    },
  });
  const result = await started.handle.result();
  expect(result.grade).toBe('exact');
  expect(result.copies[1]).toMatchObject({ store: 'cloud', state: 'pending' });
  up = true;
  const child = env.client.workflow.getHandle(`replicate/${started.database}/${result.backupId}/cloud`);
  expect(await child.result()).toMatchObject({ state: 'proved', grade: 'exact' });
  await started.workers.stop();
}, 30_000);

test('a damaged copy is marked, healed from another, and proved again', async () => {
  let proofs = 0;
  const { result, calls } = await finished({
    admit: async () => ({ ...PLAN, verification: { grade: 'exact', stores: 'one' } }),
    proveStore: async ({ store, backupId, grade }) => {
      const good = (proofs += 1) > 1;
      const failed = { class: 'data' as const, code: 'REPO_SEGMENT_DAMAGED', message: 'bad', hint: 'heal' };
      return {
        store,
        backupId,
        grade: good ? grade : null,
        durationMs: 1,
        restoreMs: 1,
        rows: 1,
        failure: good ? null : failed,
      };
    },
  });
  expect(calls.list.filter((call) => /recordCopy|fillStore|proveStore/.test(call))).toEqual([
    'proveStore:disk',
    'recordCopy:disk=damaged',
    'recordCopy:disk=damaged',
    'fillStore:disk heal',
    'recordCopy:disk=complete',
    'proveStore:disk',
    'recordCopy:disk=proved',
  ]);
  expect(result?.grade).toBe('exact');
});

test('a proof that the surroundings prevent leaves the backup complete, unproved, and says so', async () => {
  const { result, calls } = await finished({
    proveStore: async ({ store, backupId }) => ({
      store,
      backupId,
      grade: null,
      durationMs: 1,
      restoreMs: null,
      rows: 0,
      failure: { class: 'environment', code: 'SCRATCH_NO_SPACE', message: 'disk full', hint: 'free some' },
    }),
  });
  expect(result).toMatchObject({ grade: null, copies: [{ state: 'complete' }, { state: 'complete' }] });
  expect(result?.notices.join()).toContain('SCRATCH_NO_SPACE');
  expect(calls.of('failJob')).toEqual([]);
});

test('a cancelled run cancels its dump, records it, and ends as cancelled', async () => {
  const fakesReady: { started?: () => void } = {};
  const began = new Promise<void>((resolve) => (fakesReady.started = resolve));
  const { Context } = await import('@temporalio/activity');
  const started = await run({
    dump: async () => {
      fakesReady.started!();
      const timer = setInterval(() => Context.current().heartbeat(), 50);
      try {
        return await Context.current().cancelled;
      } finally {
        clearInterval(timer);
      }
    },
  });
  await began;
  await started.handle.cancel();
  await expect(started.handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect((await started.handle.describe()).status.name).toBe('CANCELLED');
  expect(started.calls.of('failJob')).toEqual(['failJob:RUN_CANCELLED']);
  await started.workers.stop();
});
