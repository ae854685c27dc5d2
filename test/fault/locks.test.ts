/** Fault 16: DDL waits behind the locks of a real dump in a real worker process, and queries wait behind the DDL. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { HoldfastConfigInput } from '../../src/config/schema';
import type { BackupProgress } from '../../src/domain/progress';
import { until } from '../integration/cli/run-cli';
import { endOpenRuns, fillShop, startStack, type Stack } from '../support/stack';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process';

const ROWS = 4_000;
/** The promise is five seconds; the machine may be slow. */
const SEEN_WITHIN_MS = 10_000;
const PATIENCE_MS = 60_000;
let stack: Stack;
let worker: WorkerProcess | null = null;
const clients: Client[] = [];
beforeAll(async () => {
  stack = await startStack({ stores: ['disk'], repository: { segmentSize: '32KiB' } });
  await fillShop(stack.postgres, ROWS);
  await stack.postgres.sql('CREATE TABLE notes (id int); INSERT INTO notes VALUES (1), (2), (3)', 'shop');
}, 120_000);
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
  await endOpenRuns(stack);
  await worker?.stop();
  worker = null;
}, 60_000);
afterAll(() => stack.stop(), 60_000);

async function startWorker(load: HoldfastConfigInput['load']): Promise<void> {
  worker = await startWorkerProcess(
    stack.folder,
    { ...stack.input, load: { ...stack.input.load, ...load } },
    { progressMs: 200 },
  );
}

async function session(): Promise<Client> {
  const { socketDir, port } = stack.postgres;
  const client = new Client({ host: socketDir, port, user: 'postgres', database: 'shop', application_name: 'an app' });
  client.on('error', () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

async function untilRun(what: string, check: (now: BackupProgress) => boolean): Promise<BackupProgress> {
  let now: BackupProgress | null = null;
  const look = async () => {
    now = await stack.client.progress('shop').catch(() => null);
    return now !== null && check(now);
  };
  await until(what, look, PATIENCE_MS, () => `last seen: ${JSON.stringify(now)}`);
  return now!;
}

/** A run in the middle of its rows, slowed by a person's word, which stands. */
async function midDump(): Promise<{ readonly request: string; readonly backupId: string }> {
  const { workflowId } = await stack.client.requestBackup({
    database: 'shop',
    type: 'full',
    overlap: 'wait',
    requestedBy: 'a test',
  });
  // Before it dumps: at full pace so small a dump would be over before anybody could slow it.
  await untilRun('the run has begun', ({ phase }) => phase === 'admitting' || phase === 'dumping');
  await stack.client.setPace('shop', { maxBytesPerSecond: 500_000, readers: 1 }, 'a test', 'to have a middle');
  const { backupId } = await untilRun(
    'the dump is in its middle',
    ({ phase, dump, paceApplied }) => phase === 'dumping' && (dump?.plainBytes ?? 0) > 1_000_000 && paceApplied,
  );
  // So slow that it is still there when the slowest machine has seen what it waits for.
  await stack.client.setPace('shop', { maxBytesPerSecond: 20_000, readers: 1 }, 'a test', 'to stay in the middle');
  return { request: workflowId, backupId };
}

async function storedBytes(): Promise<number> {
  const folder = path.join(stack.storePath('disk'), 'shop', 'segments');
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  const sizes = await Promise.all(files.map(async (one) => (await stat(path.join(one.parentPath, one.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const alertsOf = async (backupId: string) =>
  (await stack.catalog.loadEvents({ backupId })).filter(({ word }) => word === 'lockWaiters');
const full = () => stack.client.setPace('shop', { maxBytesPerSecond: null, readers: null }, 'a test', 'on');
/** Sessions of ours in a transaction. */
const held = async () =>
  (
    await stack.postgres.sql(
      `SELECT FROM pg_stat_activity WHERE datname = 'shop' AND application_name LIKE 'holdfast %' AND backend_xmin IS NOT NULL`,
    )
  ).rowCount;

test('nobody watches the load: the dump still gives way, DDL and the queries behind it go through, and it begins again', async () => {
  await startWorker(undefined);
  const { request, backupId } = await midDump();
  const [ddl, app] = [await session(), await session()];
  const since = Date.now();
  await ddl.query('BEGIN');
  // Not before the default of three seconds, and then at once.
  await ddl.query('ALTER TABLE public.notes ADD COLUMN later int');
  const throughMs = Date.now() - since;
  expect(throughMs).toBeGreaterThan(2_900);
  // The migration goes on: the dump takes no new snapshot while it does.
  const counted = app.query<{ count: string }>('SELECT count(*) FROM public.notes');
  await untilRun('the dump waits', (now) => now.dump?.current === 'waiting until nobody needs the locks');
  expect(await held()).toBe(0);
  await ddl.query('COMMIT');
  expect((await counted).rows).toEqual([{ count: '3' }]);

  await full();
  const { backup } = await stack.client.requestResult(request);
  expect(backup).toMatchObject({ backupId, rows: ROWS + 3, grade: 'exact' });
  expect(backup!.notices.join('\n')).toMatch(/dump 1 gave up its snapshot for those who waited/);
  expect(backup!.notices.join('\n')).toMatch(/1 session waits .* AccessExclusiveLock on public\.notes/);
  // Nothing of the big table is sent twice.
  expect(await storedBytes()).toBeLessThan(backup!.sealedBytes * 1.05);

  const [alert, ...more] = await alertsOf(backupId);
  expect(more).toEqual([]);
  expect(alert).toMatchObject({ kind: 'alert', setBy: 'lock watch' });
  expect(alert!.reasons.join()).toMatch(/the snapshot is given up/);
  expect(alert!.at.getTime() - since).toBeLessThan(SEEN_WITHIN_MS);
}, 180_000);

test('queries queue behind the DDL that waits for us: all of them go on, and the whole queue is told', async () => {
  await startWorker({ lockWaiters: { after: '1s' } });
  const { request, backupId } = await midDump();
  const [ddl, ...apps] = [await session(), await session(), await session()];
  const altered = ddl.query('ALTER TABLE public.notes ADD COLUMN more int');
  const waiting = () => stack.postgres.sql('SELECT FROM pg_locks WHERE NOT granted', 'shop');
  await until('the DDL waits', async () => (await waiting()).rowCount! > 0, PATIENCE_MS);
  const counted = apps.map((app) => app.query('SELECT count(*) FROM public.notes'));
  await Promise.all([altered, ...counted]);
  await full();
  const { backup } = await stack.client.requestResult(request);
  expect(backup).toMatchObject({ rows: ROWS + 3, grade: 'exact' });
  const alerts = await alertsOf(backupId);
  expect(alerts).toHaveLength(1);
  expect(alerts[0]!.reasons.join()).toMatch(/sessions? waits? behind a lock of the backup/);
}, 180_000);

test('alert: beside a load watch it is said once, in the run and in the catalogue, and the dump goes on', async () => {
  await startWorker({
    watch: true,
    every: '500ms',
    minSignals: 0,
    samplers: { host: { enabled: false } },
    lockWaiters: { action: 'alert', after: '1s' },
  });
  const { request, backupId } = await midDump();
  const ddl = await session();
  const altered = ddl.query('ALTER TABLE public.notes ADD COLUMN evenmore int');
  await until('an alert is on record', async () => (await alertsOf(backupId)).length > 0, PATIENCE_MS);
  // Until its samplers have seen it too, and twice more.
  const waiters = async () =>
    (await stack.catalog.loadWatches({ database: 'shop' }))[0]?.word.signals.postgres?.waitersBehindUs;
  await until('the watch has seen the waiter', async () => (await waiters()) === 1, PATIENCE_MS);
  await delay(1_500);
  expect(await untilRun('the dump tells', (now) => now.dump !== null)).toMatchObject({
    phase: 'dumping',
    dump: { attempt: 1 },
  });
  expect(await alertsOf(backupId)).toHaveLength(1);
  await full();
  await altered;
  const { backup } = await stack.client.requestResult(request);
  expect(backup).toMatchObject({ rows: ROWS + 3, grade: 'exact' });
  expect(backup!.notices.filter((text) => text.includes('behind a lock of the backup'))).toHaveLength(1);
  expect(backup!.notices.join()).not.toContain('gave up');
}, 180_000);
