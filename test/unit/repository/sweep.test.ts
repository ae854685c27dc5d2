import fc from 'fast-check';
import { storageError } from '../../../src/errors/storage';
import { manifestKey, proofKey, segmentKey } from '../../../src/repository/layout';
import { openBackup } from '../../../src/repository/reader';
import { deleteBackup, planSweep, sweep } from '../../../src/repository/sweep';
import type { RepositoryKeys } from '../../../src/repository/types';
import type { ObjectInfo } from '../../../src/storage/object-store';
import { createMemoryStore, type MemoryStore } from '../../support/memory-store';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writerOptions } from '../../support/repository';

const OTHER_ID = '20261121T102530Z-full-5e6f7a8b';
const HOUR = 3_600_000;
const later = (ms: number) => new Date(Date.now() + ms);

let keys: RepositoryKeys;
let store: MemoryStore;
beforeAll(async () => {
  keys = await makeKeys();
});
beforeEach(async () => {
  store = createMemoryStore('a');
  await writeBackup(writerOptions(keys, [store]), { 'schema.dump': noise(3000), 'data/1': noise(2000, 2) });
  await writeBackup(writerOptions(keys, [store], { backupId: OTHER_ID }), { 'schema.dump': noise(4000, 3) });
});
const deletions = () => store.calls.filter((call) => call.operation === 'delete');

describe('a sweep', () => {
  it('deletes what a deleted backup alone named, and leaves the other whole', async () => {
    await deleteBackup({ store, database: 'orders', backupId: BACKUP_ID });
    const swept = await sweep({ store, database: 'orders', keys, graceMs: HOUR, now: later(2 * HOUR) });
    expect(swept).toMatchObject({ deleted: 5, kept: 4, young: 0 });
    const reader = await openBackup({ store, database: 'orders', backupId: OTHER_ID, keys });
    expect((await readAll(reader.readFile('schema.dump'))).equals(noise(4000, 3))).toBe(true);
    expect([...store.objects.keys()].filter((key) => key.includes('/segments/'))).toHaveLength(4);
  });

  it('leaves alone what is younger than the grace, and everything in a dry run', async () => {
    await deleteBackup({ store, database: 'orders', backupId: BACKUP_ID });
    const before = store.objects.size;
    expect(await sweep({ store, database: 'orders', keys, graceMs: HOUR })).toMatchObject({ deleted: 0, young: 5 });
    const dry = { store, database: 'orders', keys, graceMs: HOUR, now: later(2 * HOUR), dryRun: true };
    expect(await sweep(dry)).toMatchObject({ deleted: 5 });
    expect(store.objects.size).toBe(before);
  });

  it('refuses when a manifest is damaged, foreign or gone from the listing', async () => {
    const request = { store, database: 'orders', keys, graceMs: 0, now: later(HOUR) };
    const refused = { code: 'REPO_SWEEP_REFUSED' };
    const whole = store.objects.get(manifestKey('orders', OTHER_ID))!;
    store.objects.set(manifestKey('orders', OTHER_ID), { ...whole, body: whole.body.subarray(0, 100) });
    await expect(sweep(request)).rejects.toMatchObject(refused);
    store.objects.set(manifestKey('orders', OTHER_ID), whole);
    await expect(sweep({ ...request, keys: await makeKeys() })).rejects.toMatchObject(refused);
    store.objects.set('orders/manifests/strange', whole);
    await expect(sweep(request)).rejects.toMatchObject(refused);
    store.objects.delete('orders/manifests/strange');
    store.objects.delete(manifestKey('orders', OTHER_ID));
    await expect(sweep({ ...request, known: [BACKUP_ID, OTHER_ID] })).rejects.toMatchObject(refused);
    expect(deletions()).toEqual([]);
  });

  it('spares what a manifest at another store names, and refuses when that one cannot be read', async () => {
    const other = createMemoryStore('b');
    for (const [key, object] of store.objects) other.objects.set(key, object);
    await deleteBackup({ store, database: 'orders', backupId: BACKUP_ID });
    const request = { store, others: [other], database: 'orders', keys, graceMs: HOUR, now: later(2 * HOUR) };
    expect(await sweep(request)).toMatchObject({ deleted: 0, kept: 9 });
    other.objects.set(manifestKey('orders', BACKUP_ID), { body: noise(500), modifiedAt: new Date() });
    await expect(sweep(request)).rejects.toMatchObject({ code: 'REPO_SWEEP_REFUSED' });
    await deleteBackup({ store: other, database: 'orders', backupId: BACKUP_ID });
    expect(await sweep(request)).toMatchObject({ deleted: 5, kept: 4 });
  });

  it('passes by what the store does not let go, and takes the rest', async () => {
    await deleteBackup({ store, database: 'orders', backupId: BACKUP_ID });
    const locked = [...store.objects.keys()].find((key) => key.includes('/segments/'))!;
    store.before = async (operation, key) => {
      if (operation === 'delete' && key === locked) throw storageError('STORE_OBJECT_LOCKED');
    };
    const swept = await sweep({ store, database: 'orders', keys, graceMs: HOUR, now: later(2 * HOUR) });
    expect(swept).toMatchObject({ deleted: 4, locked: 1 });
    expect(store.objects.has(locked)).toBe(true);
  });

  it('refuses when two listings of the manifests differ', async () => {
    let listings = 0;
    const list = store.list.bind(store);
    store.list = async function* (prefix, options) {
      const hide = prefix.endsWith('/manifests/') && listings++ === 0;
      for await (const info of list(prefix, options)) if (!hide || !info.key.endsWith(OTHER_ID)) yield info;
    };
    const swept = sweep({ store, database: 'orders', keys, graceMs: 0, now: later(HOUR) });
    await expect(swept).rejects.toMatchObject({ code: 'REPO_SWEEP_REFUSED' });
    expect(deletions()).toEqual([]);
  });

  it('never plans a key that a manifest names, that is young, or that is no segment of this database', () => {
    const hash = fc.integer({ min: 0, max: 40 }).map((n) => n.toString(16).padStart(64, '0'));
    const object = fc.record({ hash, age: fc.nat(200), kind: fc.constantFrom('segment', 'other', 'strange') });
    fc.assert(
      fc.property(fc.array(object), fc.array(hash), fc.nat(200), (objects, named, graceMs) => {
        const now = new Date(1_000_000);
        const infos = objects.map(({ hash: name, age, kind }): ObjectInfo => ({
          key: kind === 'strange' ? `orders/segments/${name}` : segmentKey(kind === 'other' ? 'users' : 'orders', name),
          bytes: 1,
          modifiedAt: new Date(now.getTime() - age),
        }));
        const plan = planSweep('orders', infos, new Set(named), now, graceMs);
        for (const info of plan.remove) {
          expect(info.key.startsWith('orders/segments/')).toBe(true);
          expect(named.some((name) => info.key.endsWith(name))).toBe(false);
          expect(now.getTime() - info.modifiedAt.getTime()).toBeGreaterThanOrEqual(graceMs);
        }
        expect(plan.remove.length + plan.named + plan.young + plan.strange.length).toBe(infos.length);
      }),
    );
  });
});

it('deleting a backup takes its manifest first, then its proofs, and is no error twice', async () => {
  store.objects.set(proofKey('orders', BACKUP_ID, 'a'), { body: noise(5), modifiedAt: new Date() });
  await deleteBackup({ store, database: 'orders', backupId: BACKUP_ID });
  await deleteBackup({ store, database: 'orders', backupId: BACKUP_ID });
  expect(deletions().map((call) => call.key)).toEqual([
    manifestKey('orders', BACKUP_ID),
    proofKey('orders', BACKUP_ID, 'a'),
    manifestKey('orders', BACKUP_ID),
  ]);
});
