/** Faults 13 and 14: pauses, long and short, from signals and from the Web UI, on a real dump. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BackupProgress } from '../../src/domain/progress';
import { endOpenRuns, fillShop, startStack, type Stack } from '../support/stack';

const ROWS = 4_000;
const HEARTBEAT_MS = 1_000;
/** Well above three heartbeat timeouts. */
const BUDGET_MS = 10_000;
let stack: Stack;
let stopWorkers: () => Promise<void>;
beforeAll(async () => {
  stack = await startStack({
    stores: ['disk'],
    database: { pauseBudget: `${BUDGET_MS}ms` },
    repository: { segmentSize: '32KiB' },
  });
  await fillShop(stack.postgres, ROWS);
  stopWorkers = await stack.startWorkers({ dumpHeartbeatMs: HEARTBEAT_MS, progressMs: 200 });
}, 120_000);
afterEach(() => endOpenRuns(stack), 60_000);
afterAll(async () => {
  await stopWorkers();
  await stack.stop();
}, 60_000);

async function until(
  check: (now: BackupProgress) => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<BackupProgress> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await delay(30)) {
    const now = await stack.client.progress('shop').catch(() => null);
    if (now !== null && (await check(now))) return now;
  }
  throw new Error(`not in time: ${JSON.stringify(await stack.client.progress('shop'))}`);
}

/** A run in the middle of its rows. */
async function midDump(): Promise<string> {
  const { workflowId } = await stack.client.requestBackup({
    database: 'shop',
    type: 'full',
    overlap: 'wait',
    requestedBy: 'a test',
  });
  await until((now) => now.phase === 'dumping');
  await stack.client.setPace('shop', { maxBytesPerSecond: 1_000_000, readers: null }, 'a test', 'to have a middle');
  await until((now) => (now.dump?.plainBytes ?? 0) > 500_000);
  return workflowId;
}

const sessions = async () => {
  const { rows } = await stack.postgres.sql(
    `SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()`,
  );
  return rows.length;
};

async function storedBytes(): Promise<number> {
  const folder = path.join(stack.storePath('disk'), 'shop', 'segments');
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])).filter((one) =>
    one.isFile(),
  );
  const sizes = await Promise.all(files.map(async (one) => (await stat(path.join(one.parentPath, one.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const full = () => stack.client.setPace('shop', { maxBytesPerSecond: null, readers: null }, 'a test', 'on');

test('a pause reaches the readers within a second; for three heartbeat timeouts nothing is read and nothing is retried', async () => {
  const request = await midDump();
  const { sequence } = await stack.client.pause('shop', 'ana', 'month end');
  const { effectiveMs } = await stack.client.awaitPaceApplied('shop', sequence, 10_000);
  expect(effectiveMs).toBeLessThan(1_000);
  // What had been let through before the pause arrives within a moment, and heartbeats tell of it a little later.
  const seen: number[] = [];
  const before = await until((now) => {
    seen.push(now.dump!.plainBytes);
    return now.dump!.pace.paused && seen.length > 20 && seen.slice(-20).every((bytes) => bytes === seen.at(-1));
  });
  // What was on its way has arrived by now; what is buffered stays where it is.
  const stored = await storedBytes();
  await delay(3 * HEARTBEAT_MS + 300);
  expect(await storedBytes()).toBe(stored);
  const after = await until((now) => now.dump !== null);
  expect(after.dump).toMatchObject({ plainBytes: before.dump!.plainBytes, attempt: 1 });
  expect(after.pace).toMatchObject({ paused: true, reason: 'month end', setBy: 'ana' });
  await full();
  await stack.client.resume('shop', 'ana', 'over');
  const { backup } = await stack.client.requestResult(request);
  expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
  expect(backup!.notices).toEqual([]);
}, 120_000);

test('beyond the pause budget the snapshot is released, the dump begins again on resume, and nothing is sent twice', async () => {
  const before = await storedBytes();
  const request = await midDump();
  await stack.client.pause('shop', 'ana', 'a long one');
  await until(async () => (await sessions()) === 0, BUDGET_MS + 10_000);
  expect(await until((now) => now.pace.paused)).toMatchObject({ phase: 'dumping' });
  await full();
  await stack.client.resume('shop', 'ana', 'over');
  const { backup } = await stack.client.requestResult(request);
  expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
  expect(backup!.notices.join()).toContain('pause budget');
  expect((await storedBytes()) - before).toBeLessThan(backup!.sealedBytes * 1.05);
}, 120_000);

test('pausing the activity from the Temporal Web UI releases the source; unpausing goes on in a new attempt', async () => {
  const request = await midDump();
  const { namespace } = stack.env.client.options;
  const which = { namespace, execution: { workflowId: 'backup/shop' }, type: 'dump', identity: 'a test' };
  await stack.env.client.workflowService.pauseActivity({ ...which, reason: 'by hand' });
  await until(async () => (await sessions()) === 0);
  await stack.env.client.workflowService.unpauseActivity(which);
  await until((now) => (now.dump?.attempt ?? 0) === 2);
  await full();
  const { backup } = await stack.client.requestResult(request);
  expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
}, 120_000);

test('a cancel in a pause ends the run, releases the source, and a resume after it changes nothing', async () => {
  const request = await midDump();
  const { sequence } = await stack.client.pause('shop', 'ana', 'first');
  await stack.client.awaitPaceApplied('shop', sequence, 10_000);
  await stack.client.cancel('shop', 'no longer wanted');
  await stack.client.resume('shop', 'ana', 'too late').catch(() => undefined);
  await expect(stack.client.requestResult(request)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  expect(await sessions()).toBe(0);
  const [job] = await stack.catalog.jobs({ database: 'shop', limit: 1 });
  expect(job).toMatchObject({ status: 'failed', errorCode: 'RUN_CANCELLED' });
  const manifests = await readdir(path.join(stack.storePath('disk'), 'shop', 'manifests'));
  expect(manifests).not.toContain(job!.backupId);
}, 120_000);
