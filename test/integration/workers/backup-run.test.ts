import { fillShop, startStack, type Stack } from '../../support/stack';

let stack: Stack;
let stopWorkers: () => Promise<void>;
beforeAll(async () => {
  stack = await startStack({ database: { verification: { stores: 'all' } } });
  await fillShop(stack.postgres, 500);
  stopWorkers = await stack.startWorkers();
}, 120_000);
afterAll(async () => {
  await stopWorkers();
  await stack.stop();
}, 60_000);

async function backUp(type: 'full' | 'incremental') {
  const { workflowId } = await stack.client.requestBackup({
    database: 'shop',
    type,
    overlap: 'skip',
    requestedBy: 'a test',
  });
  return stack.client.requestResult(workflowId);
}

test('a full backup is stored at every store, proved exact there, and recorded', async () => {
  const { outcome, backup } = await backUp('full');
  expect(outcome).toBe('ran');
  expect(backup).toMatchObject({ rows: 500, grade: 'exact' });
  expect(backup!.copies).toMatchObject([
    { store: 'disk', state: 'proved', grade: 'exact' },
    { store: 'other', state: 'proved', grade: 'exact' },
  ]);
  const job = await stack.catalog.job(backup!.backupId);
  expect(job).toMatchObject({ status: 'completed', verificationStatus: 'exact', rows: 500 });
}, 120_000);

test('an incremental backup of an unchanged database uploads next to nothing', async () => {
  const { backup } = await backUp('incremental');
  expect(backup!.type).toBe('incremental');
  expect(backup!.uploadedBytes).toBeLessThan(backup!.sealedBytes * 0.1);
  expect(backup!.grade).toBe('exact');
}, 120_000);

test('a restore into a new database brings every row back', async () => {
  const [job] = await stack.catalog.jobs({ database: 'shop' });
  const { workflowId } = await stack.client.startRestore({
    backupId: job!.backupId,
    database: 'shop',
    store: null,
    to: { database: 'shop' },
    as: 'shop_again',
    schemas: [],
    tables: [],
    owners: 'keep',
    acls: 'keep',
    globals: 'none',
    jobs: 2,
    replace: false,
    requestedBy: 'a test',
  });
  const result = await stack.client.restoreResult(workflowId);
  expect(result).toMatchObject({ databaseName: 'shop_again', rows: 500 });
  const sum = 'SELECT md5(string_agg(body, $$/$$ ORDER BY id)) AS sum FROM items';
  const [before, after] = [await stack.postgres.sql(sum, 'shop'), await stack.postgres.sql(sum, 'shop_again')];
  expect(after.rows).toEqual(before.rows);
}, 120_000);
