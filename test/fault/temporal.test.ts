/** Fault 11: Temporal goes away in mid-backup, for a short time and for longer than a heartbeat timeout. */
import { readdir } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/ports';
import { findBinary, startProcess, type TestProcess } from '../support/processes';
import { fillShop, startStack, type Stack } from '../support/stack';
import { tempFolder, type TempFolder } from '../support/temp';
import { ATTRIBUTE } from '../../src/workflows/search-attributes';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process';

const ROWS = 3_000;
let folder: TempFolder;
let port: number;
let temporal: TestProcess;
let stack: Stack;
let worker: WorkerProcess | null = null;

/** On a file, so that it is the same server after a restart. */
async function startServer(): Promise<void> {
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const socket = connectSocket(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined));
      socket.once('error', () => resolve(false));
    });
  const file = path.join(folder.path, 'temporal.db');
  const attributes = Object.values(ATTRIBUTE).flatMap(({ name }) => ['--search-attribute', `${name}=Keyword`]);
  temporal = await startProcess(
    findBinary('temporal', 'HOLDFAST_TEMPORAL_BIN'),
    [
      'server',
      'start-dev',
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      `${port}`,
      '--db-filename',
      file,
      ...attributes,
    ],
    answers,
  );
}

beforeAll(async () => {
  folder = await tempFolder('temporal');
  port = await freePort();
  await startServer();
  stack = await startStack({
    stores: ['disk'],
    repository: { segmentSize: '32KiB' },
    temporalAddress: `127.0.0.1:${port}`,
  });
  await fillShop(stack.postgres, ROWS);
}, 120_000);
afterEach(async () => {
  await worker?.stop();
  worker = null;
}, 60_000);
afterAll(async () => {
  await stack.stop();
  await temporal.stop();
  await folder.remove();
}, 60_000);

const manifests = () => readdir(path.join(stack.storePath('disk'), 'shop', 'manifests')).catch(() => [] as string[]);

async function until(what: string, check: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await check().catch(() => false)); await delay(50))
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
}

/** A dump that is under way and will take a few seconds more. */
async function dumping(): Promise<string> {
  const { workflowId } = await stack.client.requestBackup({
    database: 'shop',
    type: 'full',
    overlap: 'skip',
    requestedBy: 'a test',
  });
  await until('dumping', async () => (await stack.client.progress('shop'))?.phase === 'dumping');
  await stack.client.setPace('shop', { maxBytesPerSecond: 500_000, readers: null }, 'a test', 'to have a middle');
  await until('half-way', async () => ((await stack.client.progress('shop'))?.dump?.plainBytes ?? 0) > 300_000);
  return workflowId;
}

/** Attempts that the last dump took, as the run's history has them. */
async function dumpAttempts(runId: string): Promise<number> {
  const handle = stack.env.client.workflow.getHandle('backup/shop', runId);
  const { events } = await handle.fetchHistory();
  const scheduled = events!.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'dump',
  )!.eventId;
  const started = events!.filter(
    (event) => event.activityTaskStartedEventAttributes?.scheduledEventId?.toString() === scheduled!.toString(),
  );
  return started.at(-1)!.activityTaskStartedEventAttributes!.attempt!;
}

test('a server that is away for less than a heartbeat timeout costs nothing: the same attempt ends well', async () => {
  worker = await startWorkerProcess(stack.folder, stack.input, { dumpHeartbeatMs: 60_000, progressMs: 200 });
  const workflowId = await dumping();
  await temporal.stop();
  await delay(4_000);
  await startServer();
  const { backup, runId } = await stack.client.requestResult(workflowId);
  expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
  expect(await dumpAttempts(runId)).toBe(1);
}, 180_000);

test('a dump that was committed while the server was away is adopted, not made again', async () => {
  worker = await startWorkerProcess(stack.folder, stack.input, { dumpHeartbeatMs: 2_000, progressMs: 200 });
  const before = (await manifests()).length;
  const workflowId = await dumping();
  await temporal.stop();
  await until('committed without Temporal', async () => (await manifests()).length === before + 1);
  await startServer();
  const { backup, runId } = await stack.client.requestResult(workflowId);
  expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
  expect(await manifests()).toHaveLength(before + 1);
  // Either the report of the first attempt got through, or the second found the backup.
  if ((await dumpAttempts(runId)) > 1) expect(backup!.notices.join()).toContain('adopted');
}, 180_000);
