/**
 * Fault 18, and the half of 17 that is retention's: whatever the clock, the catalogue or a store says, and whatever runs
 * beside it, retention stays above its floor and deletes only keys that the catalogue and the manifests name.
 */
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { ActivityDeps } from '../../src/activities/deps';
import { NO_LIMITS } from '../../src/domain/quota';
import { createReplicateActivities } from '../../src/activities/replicate';
import { createRetentionActivities } from '../../src/activities/retention';
import { createCatalog } from '../../src/catalog/create-catalog';
import { migrate } from '../../src/catalog/migrate';
import type { Catalog } from '../../src/catalog/types';
import { retentionSchema, verificationSchema } from '../../src/config/schema';
import { checkCopy } from '../../src/repository/check';
import { ensureRepository } from '../../src/repository/ensure';
import { fillCopy } from '../../src/repository/fill-copy';
import { manifestKey, proofKey, segmentKey } from '../../src/repository/layout';
import { listBackups, readInventory } from '../../src/repository/reader';
import { sweep } from '../../src/repository/sweep';
import type { Inventory, RepositoryKeys } from '../../src/repository/types';
import { createStore } from '../../src/storage/create-store';
import { ForwardingStore } from '../../src/storage/decorators/forward';
import { createS3Client } from '../../src/storage/s3/client';
import { storageError } from '../../src/errors/storage';
import type { ListOptions, ObjectInfo, ObjectStore } from '../../src/storage/object-store';
import { folderStore } from '../support/format-world';
import { startPostgres, type TestPostgres } from '../support/postgres';
import { makeKeys, noise, writeBackup, writerOptions } from '../support/repository';
import { startS3Server } from '../support/s3-server';
import { tempFolder, type TempFolder } from '../support/temp';

const DAY = 86_400_000;
const FIRST = Date.parse('2026-01-01T03:00:00Z');
const idOf = (day: number) => `${stamp(day)}-full-0000000${day}`;
const stamp = (day: number) => new Date(FIRST + day * DAY).toISOString().replace(/[-:]|\.\d+/g, '');

/** Remembers what is deleted; lets a test step in before a listing or a put. */
class WatchedStore extends ForwardingStore {
  readonly deleted: string[] = [];
  hidden: (key: string) => boolean = () => false;
  beforePut: (key: string) => Promise<void> = async () => {};
  beforeDelete: (keys: readonly string[]) => Promise<void> = async () => {};

  override async put(...[key, body, options]: Parameters<ObjectStore['put']>) {
    await this.beforePut(key);
    return this.inner.put(key, body, options);
  }
  override async delete(...[keys, options]: Parameters<ObjectStore['delete']>) {
    await this.beforeDelete(keys);
    await this.inner.delete(keys, options);
    this.deleted.push(...keys);
  }
  override async *list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    for await (const info of this.inner.list(prefix, options)) if (!this.hidden(info.key)) yield info;
  }
}

let server: TestPostgres;
let temp: TempFolder;
let keys: RepositoryKeys;
let catalog: Catalog;
let stores: WatchedStore[];
let folders: string[];
let inventories: Map<string, Inventory>;
let worlds = 0;

beforeAll(async () => {
  server = await startPostgres();
  temp = await tempFolder('retention');
  keys = await makeKeys();
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await temp?.remove();
});
beforeEach(async () => {
  worlds += 1;
  const target = await server.createDatabase(`retention_${worlds}`);
  await migrate(target, 'holdfast');
  catalog = createCatalog({ target, schema: 'holdfast', applicationName: 'test' });
  folders = ['a', 'b'].map((name) => join(temp.path, `${worlds}-${name}`));
  stores = [];
  inventories = new Map();
  for (const [index, name] of ['a', 'b'].entries()) stores.push(new WatchedStore(folderStore(folders[index]!, name)));
  for (const store of stores) await ensureRepository(store, keys);
});
afterEach(async () => {
  jest.useRealTimers();
  await catalog.close();
});

/** Only `Date`: timers, sockets and the database go on as they are. */
function clock(at: number): void {
  jest.useFakeTimers({
    now: at,
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
}

interface BackUp {
  readonly proved?: boolean;
  readonly at?: readonly ObjectStore[];
}
/** A backup of that day at the stores, old enough to be swept, and its rows. */
async function backUp(day: number, { proved = true, at = stores }: BackUp = {}): Promise<Inventory> {
  const backupId = idOf(day);
  const startedAt = new Date(FIRST + day * DAY);
  const { result } = await writeBackup(writerOptions(keys, at, { backupId, startedAt: startedAt.toISOString() }), {
    'schema.dump': noise(2000, 999),
    'data/1': noise(4000, day + 1),
  });
  const { inventory } = result;
  inventories.set(backupId, inventory);
  await record(inventory, startedAt);
  for (const store of at) {
    const copy = { backupId, database: 'orders', store: store.name, at: startedAt };
    await catalog.setCopy({ ...copy, state: proved ? 'proved' : 'complete', grade: proved ? 'exact' : null });
    await store.put(proofKey('orders', backupId, store.name), Buffer.from('{}\n'));
  }
  return inventory;
}
async function record(inventory: Inventory, startedAt: Date): Promise<void> {
  const { backupId } = inventory;
  await catalog.startJob({
    backupId,
    database: 'orders',
    engine: 'logical',
    backupType: 'full',
    basedOn: null,
    startedAt,
    workflowId: null,
    runId: null,
  });
  await catalog.completeJob(backupId, {
    completedAt: startedAt,
    fileSize: inventory.sealedBytes,
    plainBytes: inventory.plainBytes,
    uploadedBytes: 0,
    reusedBytes: 0,
    rows: 0,
    segments: inventory.segments.length,
    location: manifestKey('orders', backupId),
  });
}

const POLICY = { last: 2, daily: 0, weekly: 0, monthly: 0, sweepGrace: '1h' };

function activities(policy: Record<string, unknown> = POLICY) {
  const database = {
    name: 'orders',
    retention: retentionSchema.parse(policy),
    verification: verificationSchema.parse({}),
  };
  const deps = {
    database: () => database,
    stores: {
      namesFor: () => stores.map(({ name }) => name),
      roleOf: () => 'primary',
      open: async (name: string) => stores.find((store) => store.name === name)!,
    },
    health: { watched: false },
    terms: { limitsOf: () => NO_LIMITS, pricesOf: () => null, diskOf: async () => null },
    keys: async () => keys,
    catalog: async () => catalog,
  } as unknown as ActivityDeps;
  const run = <Result>(work: () => Promise<Result>): Promise<Result> =>
    new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(work);
  const retention = createRetentionActivities(deps);
  const input = { database: 'orders', requestedBy: 'test' };
  return {
    plan: () => run(() => retention.planExpiry({ ...input, confirm: true })),
    delete: () => run(() => retention.deleteExpired(input)),
    fill: (backupId: string, store: string) =>
      run(() => createReplicateActivities(deps).fillStore({ database: 'orders', backupId, store, heal: false })),
  };
}
/** Marks at `at`, deletes two days later, as the workflow does. */
async function retain(at: number, policy?: Record<string, unknown>) {
  const { plan, delete: remove } = activities(policy);
  clock(at);
  const planned = await plan();
  clock(at + 2 * DAY);
  return { planned, deleted: await remove() };
}

/** The promise of this file: above the floor, whole, and nothing deleted that is not named. */
async function expectSound(kept: readonly number[], extra: readonly string[] = []): Promise<void> {
  const expected = kept.map(idOf).sort();
  const jobs = await catalog.jobs({ database: 'orders' });
  expect(jobs.map(({ backupId }) => backupId).sort()).toEqual(expected);
  for (const store of stores) {
    expect((await listBackups(store, 'orders')).map(({ backupId }) => backupId)).toEqual(expected);
    for (const backupId of expected) {
      const inventory = await readInventory(store, 'orders', backupId, keys);
      expect(await checkCopy({ store, inventory, grade: 'intact' })).toMatchObject({ grade: 'intact' });
    }
    const going = [...inventories.values()].filter(({ backupId }) => !expected.includes(backupId));
    const nameable = new Set([
      ...extra,
      ...going.flatMap(({ backupId, segments }) => [
        manifestKey('orders', backupId),
        ...stores.map(({ name }) => proofKey('orders', backupId, name)),
        ...segments.map(({ object }) => segmentKey('orders', object)),
      ]),
    ]);
    expect(store.deleted.filter((key) => !nameable.has(key))).toEqual([]);
  }
}

describe('retention', () => {
  it('takes what the policy lets go, and leaves strange and foreign keys alone', async () => {
    for (let day = 0; day < 5; day++) await backUp(day);
    const strange = ['orders/segments/notes.txt', 'other/segments/00/0000'];
    for (const key of strange) await stores[0]!.put(key, Buffer.from('x'));
    await retain(Date.now());
    await expectSound([3, 4]);
    for (const key of strange) expect(await stores[0]!.head(key)).not.toBeNull();
    expect(stores[0]!.deleted.filter((key) => key.includes('/segments/')).length).toBeGreaterThan(0);
    expect(await catalog.copies({ backupId: idOf(0) })).toMatchObject([{ state: 'lost' }, { state: 'lost' }]);
  });

  it('with a clock a year ahead takes no more than it would today, and nothing while a backup lies in the future', async () => {
    for (let day = 0; day < 4; day++) await backUp(day);
    await retain(Date.now() + 365 * DAY, { ...POLICY, within: '2d', last: 1, minProved: 2 });
    await expectSound([1, 2, 3]);
    const { planned, deleted } = await retain(FIRST + DAY, { ...POLICY, last: 1 });
    expect(planned).toMatchObject({ tombstoned: [], due: [] });
    expect(deleted).toMatchObject({ deleted: [], objects: 0 });
    await expectSound([1, 2, 3]);
  });

  it('with an empty catalogue deletes nothing that a manifest names', async () => {
    for (let day = 0; day < 3; day++) await backUp(day);
    const target = await server.createDatabase(`empty_${worlds}`);
    await migrate(target, 'holdfast');
    await catalog.close();
    catalog = createCatalog({ target, schema: 'holdfast', applicationName: 'test' });
    const { planned, deleted } = await retain(Date.now() + 10 * DAY);
    expect(planned).toMatchObject({ tombstoned: [], due: [] });
    expect(deleted).toMatchObject({ deleted: [], objects: 0 });
    for (const store of stores) expect(store.deleted).toEqual([]);
  });

  it('refuses to sweep by a listing that is cut off', async () => {
    for (let day = 0; day < 4; day++) await backUp(day);
    stores[0]!.hidden = (key) => key === manifestKey('orders', idOf(3));
    await expect(retain(Date.now())).rejects.toMatchObject({ code: 'REPO_SWEEP_REFUSED' });
    expect(stores[0]!.deleted.filter((key) => key.includes('/segments/'))).toEqual([]);
    stores[0]!.hidden = () => false;
    await retain(Date.now());
    await expectSound([2, 3]);
  });

  it('run twice at once ends like one', async () => {
    for (let day = 0; day < 6; day++) await backUp(day);
    await Promise.all([retain(Date.now()), retain(Date.now())]);
    await retain(Date.now());
    await expectSound([4, 5]);
  });

  it('cut off at any delete is carried on by the next run, and cannot be undone half way', async () => {
    for (let day = 0; day < 4; day++) await backUp(day);
    let deletes = 0;
    for (const store of stores) {
      store.beforeDelete = async () => {
        if (++deletes % 3 === 0) throw new Error('killed by a test');
      };
    }
    const outcomes: boolean[] = [];
    for (let attempt = 0; attempt < 30 && !outcomes.includes(true); attempt++) {
      outcomes.push(
        await retain(Date.now()).then(
          () => true,
          () => false,
        ),
      );
      if ((await catalog.job(idOf(0)))?.deletedAt) expect(await catalog.restoreTombstoned(idOf(0))).toBe(false);
    }
    expect(outcomes.length).toBeGreaterThan(1);
    await expectSound([2, 3]);
    expect((await activities().plan()).due).toEqual([]);
  });

  it('spares a tombstone that was undone', async () => {
    for (let day = 0; day < 3; day++) await backUp(day);
    const { plan, delete: remove } = activities();
    clock(Date.now());
    expect((await plan()).tombstoned).toEqual([idOf(0)]);
    await catalog.restoreTombstoned(idOf(0));
    await catalog.markDeleted(idOf(0), new Date());
    clock(Date.now() + 2 * DAY);
    expect(await remove()).toMatchObject({ deleted: [] });
    await expectSound([0, 1, 2]);
  });

  it('keeps the last proved backup in spite of many newer ones whose proof failed', async () => {
    await backUp(0);
    await backUp(1);
    for (let day = 2; day < 6; day++) await backUp(day, { proved: false });
    for (let day = 2; day < 6; day++) {
      for (const { name } of stores) {
        const copy = { backupId: idOf(day), database: 'orders', store: name, at: new Date() };
        await catalog.setCopy({ ...copy, state: day % 2 ? 'damaged' : 'complete', detail: 'ROWS_DIFFER' });
      }
    }
    await retain(Date.now(), { ...POLICY, last: 1 });
    await expectSound([1, 5]);
  });
});

it('at a store with Object Lock retention goes on, and every locked version stays', async () => {
  const s3 = await startS3Server();
  const config = s3.storeConfig('locked', { name: 'b', objectLock: { mode: 'GOVERNANCE', retain: '1d' } });
  const locked = createStore(config, s3.secrets);
  const client = createS3Client(config, s3.secrets);
  try {
    await s3.createBucket('locked', { objectLock: true });
    stores[1] = new WatchedStore(locked);
    await ensureRepository(stores[1], keys);
    for (let day = 0; day < 4; day++) await backUp(day);
    // By the real clock: the server checks the time of each request.
    await activities().plan();
    for (const day of [0, 1]) {
      await catalog.restoreTombstoned(idOf(day));
      await catalog.tombstone(idOf(day), 'no rule keeps it', new Date(Date.now() - 2 * DAY));
    }
    const result = await activities({ ...POLICY, sweepGrace: '0s' }).delete();
    expect(result.deleted).toHaveLength(2);
    stores[1].deleted.length = 0;
    await expectSound([2, 3]);
    // What went from sight is a delete marker: each version is there until its lock ends.
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: 'locked' }));
    const stored = new Set(Versions.map(({ Key }) => Key));
    for (const inventory of inventories.values()) {
      expect(stored).toContain(manifestKey('orders', inventory.backupId));
      for (const { object } of inventory.segments) expect(stored).toContain(segmentKey('orders', object));
    }
  } finally {
    client.destroy();
    await locked.close();
    await s3.stop();
  }
}, 60_000);

it('where a store refuses every delete for its lock, retention says so, and finishes when the lock has ended', async () => {
  for (let day = 0; day < 4; day++) await backUp(day);
  let locked = true;
  stores[1]!.beforeDelete = async () => {
    if (locked) throw storageError('STORE_OBJECT_LOCKED');
  };
  const first = await retain(Date.now());
  expect(first.deleted.spared).toEqual([
    { backupId: idOf(1), reason: expect.stringContaining('Object Lock') },
    { backupId: idOf(0), reason: expect.stringContaining('Object Lock') },
  ]);
  expect((await listBackups(stores[0]!, 'orders')).map(({ backupId }) => backupId)).toEqual([idOf(2), idOf(3)]);
  expect([...(await activities().plan()).due].sort()).toEqual([idOf(0), idOf(1)]);
  locked = false;
  await retain(Date.now());
  await expectSound([2, 3]);
  expect((await activities().plan()).due).toEqual([]);
});

describe('a copy that is being filled', () => {
  const HOUR = 3_600_000;
  const MANIFEST = manifestKey('orders', idOf(0));
  const onlyAt = () => backUp(0, { at: [stores[0]!] });
  const fillB = () =>
    fillCopy({ sources: [stores[0]!], target: stores[1]!, database: 'orders', backupId: idOf(0), keys });

  /** The backup's segments at `b`, as an earlier try left them, older than the grace. */
  async function leftovers(inventory: Inventory): Promise<void> {
    for (const { object } of inventory.segments) {
      const key = segmentKey('orders', object);
      await stores[1]!.put(key, await stores[0]!.get(key));
      utimesSync(join(folders[1]!, key), new Date(0), new Date(0));
    }
  }
  /** Runs once, right before the manifest is placed at `b`. */
  function beforeManifest(work: () => Promise<unknown>): void {
    let pending = true;
    stores[1]!.beforePut = async (key) => {
      if (key !== MANIFEST || !pending) return;
      pending = false;
      await work();
    };
  }
  const expectWholeAtB = async (inventory: Inventory) => {
    expect(await readInventory(stores[1]!, 'orders', idOf(0), keys)).toEqual(inventory);
    expect(await checkCopy({ store: stores[1]!, inventory, grade: 'intact' })).toMatchObject({ grade: 'intact' });
  };

  it('keeps what it counts on from a sweep that sees the manifest at another store', async () => {
    const inventory = await onlyAt();
    await leftovers(inventory);
    const request = { store: stores[1]!, others: [stores[0]!], database: 'orders', keys, graceMs: HOUR };
    beforeManifest(async () => expect(await sweep(request)).toMatchObject({ deleted: 0, kept: 6 }));
    expect(await fillB()).toMatchObject({ copiedObjects: 0, wroteManifest: true });
    await expectWholeAtB(inventory);
  });

  it('fills again what a sweep took that could see no manifest, however late', async () => {
    const inventory = await onlyAt();
    await leftovers(inventory);
    beforeManifest(async () => {
      const swept = await sweep({ store: stores[1]!, database: 'orders', keys, graceMs: HOUR });
      expect(swept).toMatchObject({ deleted: 6 });
    });
    expect(await fillB()).toMatchObject({ copiedObjects: 6, wroteManifest: true });
    await expectWholeAtB(inventory);
  });

  it('keeps retention from sweeping its store at all', async () => {
    await leftovers(await onlyAt());
    await catalog.setCopy({ backupId: idOf(0), database: 'orders', store: 'b', state: 'copying', at: new Date() });
    const orphan = segmentKey('orders', 'f'.repeat(64));
    for (const store of stores) await store.put(orphan, Buffer.from('x'));
    await retain(Date.now());
    expect(stores.map(({ deleted }) => deleted)).toEqual([[orphan], []]);
  });

  it('does not come back when its backup is deleted meanwhile', async () => {
    const inventory = await onlyAt();
    for (let day = 1; day < 4; day++) await backUp(day);
    const { fill } = activities();
    beforeManifest(async () => expect((await retain(Date.now())).deleted.deleted).toContain(idOf(0)));
    expect(await fill(idOf(0), 'b')).toMatchObject({ gone: true });
    expect(await stores[1]!.head(MANIFEST)).toBeNull();
    expect(await fill(idOf(0), 'b')).toEqual({ copiedObjects: 0, copiedBytes: 0, gone: true });
    await retain(Date.now() + 10 * DAY);
    await expectSound([2, 3]);
    for (const store of stores) {
      const alone = inventory.segments.filter(
        ({ object }) => !inventories.get(idOf(3))!.segments.some((segment) => segment.object === object),
      );
      for (const { object } of alone) expect(await store.head(segmentKey('orders', object))).toBeNull();
    }
  });

  it('is taken away by retention where an attempt that was cut off brought it back', async () => {
    for (let day = 0; day < 3; day++) await backUp(day);
    const manifest = await stores[0]!.get(MANIFEST);
    await retain(Date.now());
    await stores[1]!.put(MANIFEST, manifest);
    await activities().delete();
    await expectSound([1, 2]);
  });

  it('takes its manifest away when no source has it any more', async () => {
    await onlyAt();
    beforeManifest(() => stores[0]!.delete([MANIFEST]));
    expect(await fillB()).toMatchObject({ wroteManifest: false, withdrawn: true });
    expect(await stores[1]!.head(MANIFEST)).toBeNull();
  });
});
