/**
 * Fault 15: a load that makes queries slow. The dump runs in one worker process, whoever watches the load in another one: what
 * the two know of each other goes through Temporal.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { defaultPayloadConverter } from '@temporalio/common';
import { SIGNAL } from '../../src/domain/messages';
import { LOAD_WATCH, type Pace } from '../../src/domain/pace';
import { backupRunId, QUEUE_KINDS } from '../../src/workflows/ids';
import { endOpenRuns, fillShop, startStack, type Stack } from '../support/stack';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process';

const ROWS = 30_000;
const EVERY_MS = 1_000;
/** Beyond the two samples: what measuring, deciding and telling may take on a machine that is busy with other things. */
const SLACK_MS = 12_000;
const LOOK_MS = 100;

/** The latency of the probe alone decides: whatever else runs on this machine has no say. */
const OFF = Object.fromEntries(
  [
    'httpLatencyMs',
    'httpFailures',
    'statementMeanMs',
    'poolUse',
    'lockWaiters',
    'replicationLagMs',
    'hostCpu',
    'hostIoWait',
    'hostMemory',
    'containerCpu',
    'containerMemory',
    'workerMemoryBytes',
  ].map((signal) => [signal, 'off' as const]),
);

let stack: Stack;
const workers: WorkerProcess[] = [];
let load: ChildProcess | null = null;
beforeAll(async () => {
  stack = await startStack({
    stores: ['disk'],
    // What is measured is no part of the backup, so that the two meet at no lock.
    database: { readers: 2, exclude: { schemas: ['side'] } },
    load: {
      watch: true,
      every: `${EVERY_MS}ms`,
      idleEvery: '1s',
      timeout: '3s',
      limits: { ...OFF, probeLatencyMs: { throttle: '200ms', pause: 'never', release: '120ms' } },
      peak: { limits: { ...OFF, probeLatencyMs: 'off' } },
      minSignals: 1,
      maxRate: '400KB',
      minRate: '200KB',
      safePace: { maxRate: '300KB', readers: 1, uploads: 1 },
      silentAfter: '60s',
      samplers: { host: { enabled: false }, postgres: { probe: 'SELECT count(*) FROM side.probe' } },
    },
  });
  await fillShop(stack.postgres, ROWS);
  await stack.postgres.sql('CREATE SCHEMA side; CREATE TABLE side.probe AS SELECT 1 AS id', 'shop');
  const start = (queues: readonly (typeof QUEUE_KINDS)[number][]) =>
    startWorkerProcess(stack.folder, stack.input, { progressMs: 200 }, queues);
  workers.push(await start(QUEUE_KINDS.filter((kind) => kind !== 'dump')), await start(['dump']));
}, 180_000);
afterAll(async () => {
  await endLoad();
  if (stack) await endOpenRuns(stack);
  for (const worker of workers) await worker.stop();
  await stack?.stop();
}, 90_000);

/** Two sessions take turns at locking the probe's table: its queries wait for a real lock, and the machine has nothing to do. */
async function startLoad(): Promise<number> {
  const script = path.join(stack.folder, 'slow.sql');
  await writeFile(script, 'BEGIN;\nLOCK TABLE side.probe IN ACCESS EXCLUSIVE MODE;\nSELECT pg_sleep(0.35);\nCOMMIT;\n');
  const { host, port, user, password } = stack.postgres.target('shop');
  const options = ['-h', host, '-p', `${port}`, '-U', user, '-n', '-c', '2', '-j', '1', '-T', '300', '-f', script];
  load = spawn(path.join(stack.postgres.binDir, 'pgbench'), [...options, 'shop'], {
    stdio: 'ignore',
    env: { ...process.env, PGPASSWORD: password },
  });
  for (;;) {
    const { rowCount } = await stack.postgres.sql(
      `SELECT FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock' AND relation = 'side.probe'::regclass`,
      'shop',
    );
    if (rowCount! > 0) return Date.now();
  }
}

async function endLoad(): Promise<void> {
  const running = load;
  load = null;
  if (running === null || running.exitCode !== null) return;
  const gone = new Promise((resolve) => running.once('exit', resolve));
  running.kill('SIGTERM');
  await gone;
}

async function untilPace(what: (pace: Pace) => boolean): Promise<Pace> {
  for (;;) {
    const pace = (await stack.client.progress('shop').catch(() => null))?.pace;
    if (pace && what(pace)) return pace;
    await delay(LOOK_MS);
  }
}

/** Paces that the history of the backup was told, and when the server took each. */
async function toldPaces(): Promise<readonly { readonly at: number; readonly pace: Pace }[]> {
  const { events } = await stack.env.client.workflow.getHandle(backupRunId('shop')).fetchHistory();
  return (events ?? []).flatMap(({ eventTime, workflowExecutionSignaledEventAttributes: signal }) => {
    if (signal?.signalName !== SIGNAL.setPace) return [];
    const pace = defaultPayloadConverter.fromPayload<Pace>(signal.input!.payloads![0]!);
    return [{ at: Number(eventTime!.seconds) * 1_000 + (eventTime!.nanos ?? 0) / 1e6, pace }];
  });
}

test('queries that grow slow throttle the backup at once, with few changes and their reasons, and let it go on afterwards', async () => {
  const watched = async () => (await stack.catalog.loadWatches({ database: 'shop' }))[0]?.word;
  while ((await watched())?.rhythm !== 'idle') await delay(LOOK_MS);
  const { workflowId } = await stack.client.requestBackup({
    database: 'shop',
    type: 'full',
    overlap: 'wait',
    requestedBy: 'a test',
  });
  // As fast as it may at any hour.
  await untilPace(({ setBy, maxBytesPerSecond }) => setBy === LOAD_WATCH && maxBytesPerSecond === 400e3);

  const slowAt = await startLoad();
  const slowed = await untilPace(({ maxBytesPerSecond }) => maxBytesPerSecond! < 400e3);
  expect(slowed).toMatchObject({ setBy: LOAD_WATCH, paused: false, readers: 1, uploads: expect.any(Number) });
  expect(slowed.reason).toMatch(/probe/i);
  // The process that watches sees what the one that dumps sends.
  const sent = async () => (await watched())?.signals['store:disk']?.storeUploadBytesPerSecond ?? 0;
  while ((await sent()) === 0) await delay(LOOK_MS);
  await endLoad();
  await untilPace(({ maxBytesPerSecond, setBy }) => setBy === LOAD_WATCH && maxBytesPerSecond === 400e3);

  const told = await toldPaces();
  const first = told.find(({ at, pace }) => at >= slowAt && pace.maxBytesPerSecond! < 400e3)!;
  expect(first.pace.reason).toMatch(/probe.* ms/i);
  expect(first.at - slowAt).toBeLessThan(2 * EVERY_MS + SLACK_MS);
  // The first of all is no change: it says what holds at any hour.
  const changes = told.slice(1).map(({ at }) => at);
  for (const from of changes)
    expect(changes.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(4);
  expect(told.every(({ pace }) => pace.setBy === LOAD_WATCH && pace.reason !== '')).toBe(true);

  await stack.client.setPace('shop', { maxBytesPerSecond: null, readers: null }, 'a test', 'on');
  const { backup } = await stack.client.requestResult(workflowId);
  expect(backup).toMatchObject({ rows: ROWS, grade: 'exact' });
  const events = await stack.catalog.loadEvents({ backupId: backup!.backupId });
  expect(events.filter(({ word, setBy }) => word === 'limited' && setBy === LOAD_WATCH).length).toBeGreaterThan(1);
}, 240_000);
