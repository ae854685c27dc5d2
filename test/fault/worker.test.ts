/** Faults 1 and 2: the worker dies, or stands still and wakes up, in mid-dump. */
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BackupProgress } from '../../src/domain/progress';
import { statFields } from '../../src/provision/process-identity';
import { until } from '../support/children';
import { endOpenRuns, fillShop, startStack, type Stack } from '../support/stack';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process';

const ROWS = 6_000;
/** Of the table's rows as COPY sends them. */
const BYTES = ROWS * 1_029;
const TIMING = { dumpHeartbeatMs: 2_000, progressMs: 200 };
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    stores: ['disk'],
    database: { readers: 2, verification: { grade: 'exact' } },
    repository: { segmentSize: '32KiB' },
  });
  await fillShop(stack.postgres, ROWS);
}, 120_000);
afterAll(() => stack.stop(), 60_000);

const workers: WorkerProcess[] = [];
async function startWorker(): Promise<WorkerProcess> {
  const worker = await startWorkerProcess(stack.folder, stack.input, TIMING);
  workers.push(worker);
  return worker;
}

/** Whatever a failed test left. */
afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.send('SIGCONT');
    await worker.stop();
  }
  await endOpenRuns(stack);
}, 60_000);

const request = () =>
  stack.client.requestBackup({ database: 'shop', type: 'full', overlap: 'wait', requestedBy: 'a test' });

async function untilProgress(check: (now: BackupProgress) => boolean, timeoutMs = 120_000): Promise<BackupProgress> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await delay(40)) {
    const now = await stack.client.progress('shop').catch(() => null);
    if (now !== null && check(now)) return now;
  }
  throw new Error('the dump did not come so far');
}

const share = ({ dump }: BackupProgress) => (dump?.plainBytes ?? 0) / BYTES;

/** Slows the dump down, so that there is a middle to die in. */
const slow = (bytesPerSecond: number | null) =>
  stack.client.setPace('shop', { maxBytesPerSecond: bytesPerSecond, readers: null }, 'a test', 'to have a middle');

async function storedObjects(): Promise<{ readonly count: number; readonly bytes: number }> {
  const folder = path.join(stack.storePath('disk'), 'shop', 'segments');
  let count = 0;
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    count += 1;
    bytes += (await stat(path.join(entry.parentPath, entry.name))).size;
  }
  return { count, bytes };
}

/** Direct children of a process, by its own table. */
function childrenOf(pid: number): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return Number(statFields(readFileSync(`/proc/${name}/stat`, 'utf8'))[1]) === pid;
      } catch {
        return false;
      }
    });
}

const backends = async () => {
  const { rows } = await stack.postgres.sql(
    `SELECT application_name FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()`,
  );
  return rows;
};

async function untilQuiet(): Promise<void> {
  for (const deadline = Date.now() + 20_000; (await backends()).length > 0; await delay(100))
    if (Date.now() > deadline) throw new Error(`sessions are left: ${JSON.stringify(await backends())}`);
}

test.each([0.1, 0.5, 0.95])(
  'a worker killed at %d of a dump ends in one committed backup, with next to nothing sent twice',
  async (when) => {
    const before = await storedObjects().catch(() => ({ count: 0, bytes: 0 }));
    let worker = await startWorker();
    const { workflowId } = await request();
    await untilProgress((now) => now.phase === 'dumping');
    // Slower near the end, so that it is not over before it is looked at.
    await slow(3_000_000 * (1.1 - when));
    await untilProgress((now) => share(now) >= when - 0.05);
    worker.send('SIGKILL');
    await worker.ended;
    worker = await startWorker();
    await slow(null).catch(() => undefined);
    const { backup } = await stack.client.requestResult(workflowId);
    expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
    const after = await storedObjects();
    expect(after.bytes - before.bytes).toBeLessThan(backup!.sealedBytes * 1.2);
    const manifests = await readdir(path.join(stack.storePath('disk'), 'shop', 'manifests'));
    expect(manifests.filter((name) => name === backup!.backupId)).toHaveLength(1);
    await untilQuiet();
    await worker.stop();
  },
  300_000,
);

test('an attempt that was stopped for longer than its heartbeat timeout and wakes up gives way, and leaves nothing running', async () => {
  const sleeper = await startWorker();
  const { workflowId } = await request();
  await untilProgress((now) => now.phase === 'dumping');
  await slow(1_000_000);
  await untilProgress((now) => share(now) > 0.3);
  sleeper.send('SIGSTOP');
  const other = await startWorker();
  await untilProgress((now) => (now.dump?.attempt ?? 0) >= 2);
  sleeper.send('SIGCONT');
  await slow(null);
  const { backup } = await stack.client.requestResult(workflowId);
  expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
  const manifests = await readdir(path.join(stack.storePath('disk'), 'shop', 'manifests'));
  expect(manifests.filter((name) => name === backup!.backupId)).toHaveLength(1);
  await untilQuiet();
  // It learns that it was replaced from its own clock or from the server's answer to its heartbeat, whichever is first.
  await until('nothing of the attempt that slept runs', () => childrenOf(sleeper.pid).length === 0);
  await sleeper.stop();
  await other.stop();
}, 300_000);

test('a worker that is shut down in mid-dump hands the work over', async () => {
  const first = await startWorker();
  const { workflowId } = await request();
  await untilProgress((now) => now.phase === 'dumping');
  await slow(1_000_000);
  await untilProgress((now) => share(now) > 0.2);
  const second = await startWorker();
  first.send('SIGTERM');
  expect(await first.ended).toBe(0);
  await untilProgress((now) => (now.dump?.attempt ?? 0) >= 2);
  await slow(null);
  const { backup } = await stack.client.requestResult(workflowId);
  expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
  await untilQuiet();
  await second.stop();
}, 300_000);
