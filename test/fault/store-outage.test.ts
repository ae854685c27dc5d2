/**
 * Stores go away and come back while a worker watches them: in mid-dump, before a run, hanging instead of refusing, all at
 * once; and the watch is taken over by another worker.
 */
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '../../src/client/create-client';
import { storeHealthId } from '../../src/workflows/ids';
import { runCli } from '../integration/cli/run-cli';
import { startS3Server, type S3TestServer } from '../support/s3-server';
import { endOpenRuns, fillShop, secrets, startStack, type Stack } from '../support/stack';
import { tempFolder, type TempFolder } from '../support/temp';
import { startToxiproxy, type ToxicProxy, type Toxiproxy } from '../support/toxiproxy';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process';

jest.setTimeout(240_000);
const LONG_MS = 150_000;
const STORES = ['s3', 'near', 'far'];
const TIMING = { dumpHeartbeatMs: 5_000, progressMs: 300, probeMs: 3_000, replicateWaitMs: 60_000 };

let server: S3TestServer;
let toxiproxy: Toxiproxy;
let proxy: ToxicProxy;
let temp: TempFolder;
let stack: Stack;
let worker: WorkerProcess;

const folderOf = (store: string) => path.join(temp.path, store);

beforeAll(async () => {
  temp = await tempFolder('outage');
  server = await startS3Server();
  await server.createBucket('outage');
  toxiproxy = await startToxiproxy();
  proxy = await toxiproxy.proxy(`127.0.0.1:${server.port}`);
  const secret = async (kind: string, value: string) => {
    await writeFile(path.join(temp.path, kind), value, { mode: 0o600 });
    return `file:${path.join(temp.path, kind)}`;
  };
  stack = await startStack({
    stores: [],
    moreStores: [
      {
        name: 's3',
        adapter: 's3',
        role: 'primary',
        bucket: 'outage',
        endpoint: `http://127.0.0.1:${proxy.port}`,
        pathStyle: true,
        accessKeyId: await secret('id', server.accessKeyId),
        secretAccessKey: await secret('secret', server.secretAccessKey),
        limits: { timeout: '3s', retries: 1 },
      },
      { name: 'near', adapter: 'filesystem', path: folderOf('near'), minFree: '1MiB' },
      { name: 'far', adapter: 'filesystem', path: folderOf('far'), minFree: '1MiB', role: 'offsite' },
    ],
    health: { interval: '300ms', timeout: '2s', slowAfter: '1500ms', openAfter: 2, openFor: '1s', closeAfter: 1 },
    database: { retention: { enforce: false } },
  });
  await fillShop(stack.postgres, 2_000);
  await writeFile(path.join(stack.folder, 'holdfast.yaml'), JSON.stringify(stack.input));
  worker = await startWorkerProcess(stack.folder, stack.input, TIMING);
}, 120_000);
afterAll(async () => {
  if (stack) await endOpenRuns(stack);
  await worker?.stop();
  await stack?.stop();
  await toxiproxy?.stop();
  await server?.stop();
  await temp?.remove();
}, 60_000);

async function until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (const deadline = Date.now() + LONG_MS; ; await delay(200)) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}\n${worker.output()}`);
  }
}
const healthOf = async (store: string) =>
  (await stack.catalog.storeHealth()).find((row) => row.store === store)?.status ?? null;
const breakerIs = (store: string, state: string) =>
  until(`the breaker of ${store} is ${state}`, async () => (await healthOf(store))?.breaker.state === state);
const allWell = () => Promise.all(STORES.map((store) => breakerIs(store, 'closed')));
const request = () =>
  stack.client.requestBackup({ database: 'shop', type: 'full', overlap: 'wait', requestedBy: 'a test' });
const resultOf = async (asked: { workflowId: string; runId: string }) =>
  (await stack.client.requestResult(asked.workflowId, asked.runId)).backup!;
const limit = (maxBytesPerSecond: number | null) =>
  stack.client.setPace('shop', { maxBytesPerSecond, readers: null }, 'a test', 'to have a middle');
/** A run that dumps slowly, and has begun to read rows. */
async function inMidDump() {
  const asked = await request();
  await until('a run', () => stack.client.progress('shop').catch(() => null));
  await limit(400_000);
  await until('rows are read', async () => ((await stack.client.progress('shop'))?.dump?.plainBytes ?? 0) > 100_000);
  return asked;
}
const proved = (backupId: string, store: string) =>
  until(`${backupId} is proved at ${store}`, async () => {
    const [copy] = await stack.catalog.copies({ backupId, store });
    return copy?.state === 'proved' ? copy : null;
  });
const cli = (...args: string[]) => runCli([...args, '--json'], { cwd: stack.folder });

test('a primary that goes down in mid-dump costs one copy, which comes when it is back, without another dump', async () => {
  await allWell();
  const asked = await inMidDump();
  await proxy.enable(false);
  await breakerIs('s3', 'open');
  await limit(null);
  const first = await resultOf(asked);
  expect(first.copies.filter(({ state }) => state === 'proved').length).toBeGreaterThan(0);
  expect(first.copies.find(({ store }) => store === 's3')).toMatchObject({ state: 'pending' });
  expect(await stack.catalog.storeEvents({ kind: 'failover', database: 'shop' })).toMatchObject([
    { store: 's3', from: 's3', to: 'near' },
  ]);

  // The next run knows before it reads anything, and has nothing new to tell.
  const second = await resultOf(await request());
  expect(second.notices.join()).toMatch(/primary s3 is left out, its breaker is (open|half-open)/);
  expect(second.copies.find(({ store }) => store === 's3')!.detail).toContain('RUN_BREAKER_OPEN');
  expect(await stack.catalog.storeEvents({ kind: 'failover', database: 'shop' })).toHaveLength(1);

  const status = await cli('store', 'status');
  expect(status.code).toBe(5);
  const { stores } = status.json<{ stores: { store: string; usable: boolean; waiting: { backupId: string }[] }[] }>();
  expect(stores.find(({ store }) => store === 's3')!.waiting.map(({ backupId }) => backupId)).toEqual([
    first.backupId,
    second.backupId,
  ]);

  // From here on nobody can read the source.
  await stack.postgres.sql('ALTER DATABASE shop ALLOW_CONNECTIONS false', 'postgres');
  await proxy.enable(true);
  for (const { backupId } of [first, second]) await proved(backupId, 's3');
  expect((await stack.catalog.jobs({ database: 'shop' })).map(({ status: state }) => state)).toEqual([
    'completed',
    'completed',
  ]);
  await stack.postgres.sql('ALTER DATABASE shop ALLOW_CONNECTIONS true', 'postgres');

  await breakerIs('s3', 'closed');
  const third = await resultOf(await request());
  expect(third.copies.map(({ state }) => state)).not.toContain('pending');
  const history = (await cli('store', 'history', 's3', '--since', '1h')).json<{
    events: { kind: string; from: string; to: string }[];
  }>();
  expect(history.events.filter(({ kind }) => kind === 'failover')).toMatchObject([
    { from: 'near', to: 's3' },
    { from: 's3', to: 'near' },
  ]);
  expect(history.events.map(({ kind, to }) => `${kind} ${to}`)).toEqual(
    expect.arrayContaining(['breaker open', 'breaker half-open', 'breaker closed', 'health down']),
  );
  expect(await cli('store', 'status')).toMatchObject({ code: 0 });
});

test('a store that takes requests and never answers holds no dump up, and is filled when it answers', async () => {
  await allWell();
  const asked = await inMidDump();
  const lift = await proxy.add({ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } });
  await limit(null);
  const result = await resultOf(asked);
  expect(result.copies.find(({ store }) => store === 's3')).toMatchObject({ state: 'pending' });
  expect(result.copies.filter(({ state }) => state === 'proved').length).toBeGreaterThan(0);
  await breakerIs('s3', 'open');
  expect((await healthOf('s3'))!.lastFault!.code).toMatch(/^(STORE_TIMEOUT|STORE_UNREACHABLE|RUN_NO_STORE)$/);
  await lift();
  await proved(result.backupId, 's3');
});

test('while every store is down a run waits without reading the source, and goes on when one is back', async () => {
  await allWell();
  await proxy.enable(false);
  for (const store of ['near', 'far']) await rename(folderOf(store), `${folderOf(store)}-away`);
  await Promise.all(STORES.map((store) => breakerIs(store, 'open')));
  const asked = await request();
  const waiting = await until('the run waits', async () => {
    const progress = await stack.client.progress('shop').catch(() => null);
    return progress?.copies.some(({ detail }) => detail?.startsWith('waited for')) ? progress : null;
  });
  expect(waiting).toMatchObject({ phase: 'admitting', dump: null });
  for (const store of ['near', 'far']) await rename(`${folderOf(store)}-away`, folderOf(store));
  const result = await resultOf(asked);
  expect(result.notices.join()).toMatch(/the run waited .* for a store/);
  await proxy.enable(true);
  for (const store of STORES) await until(store, async () => (await healthOf(store))?.breaker.state === 'closed');
  await proved(result.backupId, 's3');
});

test('what is known of a store outlives the worker that watches it', async () => {
  await allWell();
  await proxy.enable(false);
  await breakerIs('s3', 'open');
  const { since } = (await until('down', async () => {
    const status = await healthOf('s3');
    return status?.state === 'down' ? status : null;
  }))!;
  worker.send('SIGKILL');
  await worker.ended;
  worker = await startWorkerProcess(stack.folder, stack.input, TIMING);
  const before = (await healthOf('s3'))!;
  const after = await until('the new worker watches', async () => {
    const status = await healthOf('s3');
    return status !== null && status.observations > before.observations ? status : null;
  });
  expect(after).toMatchObject({ state: 'down', since });
  await proxy.enable(true);
  await allWell();
});

test('a store that leaves the configuration is watched no more, and again when it is back', async () => {
  const reduced = { ...stack.config, stores: stack.config.stores.filter(({ name }) => name !== 'far') };
  const client = await createClient(reduced, { secrets, identity: 'a test' });
  const handle = stack.env.client.workflow.getHandle(storeHealthId('far'));
  try {
    const changes = await until('the list of runs has it', async () => {
      const plan = await client.planStoreWatches();
      return plan.some(({ store }) => store === 'far') ? client.applyStoreWatches() : null;
    });
    expect(changes).toContainEqual({ store: 'far', action: 'end' });
    expect(changes).toContainEqual({ store: 's3', action: 'unchanged' });
    await until('the watch ends', async () => (await handle.describe()).status.name === 'COMPLETED');
    const before = (await healthOf('far'))!;
    expect(await stack.client.applyStoreWatches()).toContainEqual({ store: 'far', action: 'start' });
    // Of its first observation: what was known before ended with the watch.
    const status = await until('the watch begins', async () => {
      const known = await healthOf('far');
      return known !== null && known.observations < before.observations ? known : null;
    });
    expect(status).toMatchObject({ store: 'far', state: 'healthy', breaker: { state: 'closed' } });
  } finally {
    await client.close();
  }
});
