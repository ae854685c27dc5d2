/** A store with a quota next to one without: warned of, left out before it is full, filled when there is room again. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { usageReports } from '../../../src/workers/usage-reports';
import type { BackupResult } from '../../../src/domain/runs';
import { fillShop, startStack, type Stack } from '../../support/stack';
import { tempFolder } from '../../support/temp';

let stack: Stack;
let small: Awaited<ReturnType<typeof tempFolder>>;
let stopWorkers: (() => Promise<void>) | null = null;

beforeAll(async () => {
  small = await tempFolder('small');
  stack = await startStack({
    stores: ['disk'],
    moreStores: [
      { name: 'small', adapter: 'filesystem', path: small.path, minFree: '1MiB', quota: { maxBytes: '1GiB' } },
    ],
    database: { verification: { grade: 'intact', stores: 'all' }, retention: { enforce: false } },
  });
  await fillShop(stack.postgres, 300);
  await restart();
}, 120_000);
afterAll(async () => {
  await stopWorkers?.();
  await stack.stop();
  await small.remove();
}, 60_000);

/** As an operator does who has changed the quotas: the workers read their configuration at their start. */
async function restart(quotas: Readonly<Record<string, number>> = {}): Promise<void> {
  await stopWorkers?.();
  for (const store of stack.config.stores) {
    const maxBytes = quotas[store.name];
    if (maxBytes !== undefined) store.quota = { maxBytes, warnAt: 0.8, stopAt: 0.95 };
  }
  stopWorkers = await stack.startWorkers({ replicateWaitMs: 1_000 });
}

async function backUp(): Promise<BackupResult> {
  const asked = { database: 'shop', type: 'full', overlap: 'skip', requestedBy: 'a test' } as const;
  const { workflowId } = await stack.client.requestBackup(asked);
  return (await stack.client.requestResult(workflowId)).backup!;
}

const held = async (store: string) =>
  (await stack.catalog.currentUsage({ store })).reduce((sum, { bytes }) => sum + bytes, 0);
const copyAt = (backup: BackupResult, store: string) => backup.copies.find((copy) => copy.store === store)!;
const reportOf = async (store: string) =>
  (await usageReports(stack.catalog, stack.config, stack.config.stores, { now: new Date() })).find(
    (report) => report.store === store,
  )!;

async function copyIs(backup: BackupResult, state: string): Promise<void> {
  for (const deadline = Date.now() + 90_000; ;) {
    const [copy] = await stack.catalog.copies({ backupId: backup.backupId, store: 'small' });
    if (copy!.state === state) return;
    if (Date.now() > deadline) throw new Error(`not ${state} in time: ${copy!.state} ${copy!.detail}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function onDisk(folder: string): Promise<{ bytes: number; objects: number }> {
  let [bytes, objects] = [0, 0];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += (await stat(path.join(entry.parentPath, entry.name))).size;
    objects += 1;
  }
  return { bytes, objects };
}

test('what backups write is known without a listing, and a listing finds the same', async () => {
  const backup = await backUp();
  expect(backup.copies.map(({ state }) => state)).toEqual(['proved', 'proved']);
  const transfers = await stack.catalog.transfers({ backupId: backup.backupId });
  for (const store of ['disk', 'small']) {
    const dump = transfers.find((one) => one.store === store && one.kind === 'dump')!;
    expect(dump.bytes).toBeGreaterThan(backup.uploadedBytes);
    expect(dump.writes).toBeGreaterThanOrEqual(backup.segments + 1);
    const proof = transfers.find((one) => one.store === store && one.kind === 'proof')!;
    expect(proof.receivedBytes).toBeGreaterThan(backup.sealedBytes);
  }
  const real = await onDisk(small.path);
  const estimated = await held('small');
  // The description of the repository was written when the first dump opened the store.
  expect(estimated).toBe(real.bytes);

  const { workflowId } = await stack.client.startStoreUsage({ stores: ['disk', 'small'], requestedBy: 'a test' });
  const { stores } = await stack.client.storeUsageResult(workflowId);
  expect(stores.find(({ store }) => store === 'small')).toMatchObject({ ...real, error: null });
  const rows = await stack.catalog.currentUsage({ store: 'small' });
  expect(rows.map(({ database, source }) => [database, source])).toEqual([
    ['', 'measured'],
    ['shop', 'measured'],
  ]);
  expect(await held('small')).toBe(real.bytes);
}, 120_000);

test('a store that gets full is warned of, then left out while the other goes on, and filled when there is room', async () => {
  const one = await held('small');
  await restart({ small: Math.round((2 * one) / 0.9) });
  const warned = await backUp();
  expect(warned.copies.map(({ state }) => state)).toEqual(['proved', 'proved']);
  expect(warned.notices.join('\n')).toMatch(/small is getting full: 4\d(\.\d)? % .* is used .*, 8\d(\.\d)? % with/);

  const full = await backUp();
  expect(copyAt(full, 'disk')).toMatchObject({ state: 'proved', grade: 'intact' });
  expect(['pending', 'copying']).toContain(copyAt(full, 'small').state);
  expect(full.notices.join('\n')).toContain('small is full and is left out');
  const sent = (await stack.catalog.transfers({ backupId: full.backupId })).filter(({ store }) => store === 'small');
  expect(sent.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(0);
  expect((await stack.catalog.quotaStates()).find(({ store }) => store === 'small')).toMatchObject({ state: 'stop' });
  expect((await reportOf('small')).quota.state).toBe('stop');
  await copyIs(full, 'pending');
  const [row] = await stack.catalog.copies({ backupId: full.backupId, store: 'small' });
  expect(row!.detail).toContain('QUOTA_STORE_FULL');
  const limit = stack.config.stores.find(({ name }) => name === 'small')!.quota!.maxBytes!;
  expect((await onDisk(small.path)).bytes).toBeLessThanOrEqual(limit);

  await restart({ small: 100 * one });
  await copyIs(full, 'proved');
  const fill = (await stack.catalog.transfers({ backupId: full.backupId })).find(
    ({ store, kind, bytes }) => store === 'small' && kind === 'fill' && bytes > 0,
  );
  expect(fill!.bytes).toBeGreaterThan(full.sealedBytes);
  expect((await stack.catalog.quotaStates()).find(({ store }) => store === 'small')).toMatchObject({ state: 'ok' });
  const changes = (await stack.catalog.auditLog({}))
    .filter(({ action }) => action.startsWith('store.quota.'))
    .map(({ action }) => action.slice('store.quota.'.length))
    .reverse();
  expect(changes).toEqual(['warn', 'stop', 'ok']);
}, 240_000);

test('when every store is full the run is refused before anything starts', async () => {
  await restart({ disk: 1, small: 1 });
  const before = await stack.catalog.jobs({ database: 'shop' });
  await expect(backUp()).rejects.toMatchObject({ code: 'QUOTA_ALL_STORES_FULL', retryable: false });
  const after = await stack.catalog.jobs({ database: 'shop' });
  expect(after.filter(({ status }) => status !== 'failed')).toHaveLength(before.length);
}, 120_000);
