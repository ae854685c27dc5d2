import { createHash } from 'node:crypto';
import { storageError } from '../../../src/errors/storage';
import { ensureRepository } from '../../../src/repository/ensure';
import { manifestKey, proofKey, segmentKey } from '../../../src/repository/layout';
import { backupsAt, removeRepository } from '../../../src/repository/remove-all';
import type { RepositoryKeys } from '../../../src/repository/types';
import type { ObjectStore } from '../../../src/storage/object-store';
import { createMemoryStore, type MemoryStore } from '../../support/memory-store';
import { BACKUP_ID, makeKeys } from '../../support/repository';

let keys: RepositoryKeys;
beforeAll(async () => void (keys = await makeKeys()));

const FOREIGN = [
  'a-note',
  'notes/holdfast.json',
  'shop/manifests/readme',
  'shop/segments/ab/short',
  'shop0',
  'zoo/data/x',
];
const segment = (database: string, index: number) =>
  segmentKey(database, createHash('sha256').update(String(index)).digest('hex'));

async function filled(segments: number): Promise<MemoryStore> {
  const store = createMemoryStore('far');
  await ensureRepository(store, keys);
  const put = (key: string) => store.put(key, Buffer.from('x'));
  for (const key of FOREIGN) await put(key);
  for (const database of ['shop', 'crm']) {
    for (let index = 0; index < segments; index++) await put(segment(database, index));
    await put(manifestKey(database, BACKUP_ID));
    await put(proofKey(database, BACKUP_ID, 'far'));
  }
  await put('.holdfast-canary/probe-1');
  return store;
}
async function keysOf(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list('')) found.push(key);
  return found;
}
/** Keys in the order in which they were asked to go. */
function watched(store: MemoryStore, hook: (keys: readonly string[]) => void = () => undefined): string[] {
  const asked: string[] = [];
  const remove = store.delete.bind(store);
  store.delete = async (batch, options) => {
    hook(batch);
    asked.push(...batch);
    return remove(batch, options);
  };
  return asked;
}
const remove = (store: ObjectStore, more: object = {}) =>
  removeRepository({ store, repositoryId: keys.repositoryId, ...more });

test('all of ours goes, in the order that leaves nothing that looks like a backup, and nothing else', async () => {
  const store = await filled(700);
  const ours = (await keysOf(store)).length - FOREIGN.length;
  const asked = watched(store);
  expect(await remove(store, { dryRun: true })).toMatchObject({ objects: ours, others: FOREIGN.length, locked: 0 });
  expect(asked).toEqual([]);
  expect(await remove(store)).toMatchObject({ objects: ours, others: FOREIGN.length, example: 'a-note' });
  expect(await keysOf(store)).toEqual([...FOREIGN].sort());
  expect(asked.at(-1)).toBe('holdfast.json');
  for (const database of ['shop', 'crm'])
    expect(asked.indexOf(manifestKey(database, BACKUP_ID))).toBeLessThan(asked.indexOf(segment(database, 0)));
});

test('what was cut off at any batch is carried on, and ends the same', async () => {
  for (let cut = 1; cut <= 8; cut++) {
    const store = await filled(600);
    let batches = 0;
    watched(store, () => {
      if (++batches === cut) throw storageError('STORE_UNREACHABLE', 'gone');
    });
    await expect(remove(store)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(await keysOf(store)).toContain('holdfast.json');
    await remove(store);
    expect(await keysOf(store)).toEqual([...FOREIGN].sort());
    expect(await remove(store)).toMatchObject({ objects: 0, others: FOREIGN.length });
  }
});

test('it stops when the store is in use again', async () => {
  const store = await filled(1_200);
  let asked = 0;
  const assertRetired = async () => {
    if (++asked > 3) throw new Error('in use');
  };
  await expect(remove(store, { assertRetired })).rejects.toThrow('in use');
  expect((await keysOf(store)).length).toBeGreaterThan(1_200);
});

test('a locked manifest keeps what it names, and the place stays ours until all is gone', async () => {
  const store = await filled(20);
  const locked = manifestKey('crm', BACKUP_ID);
  watched(store, (batch) => {
    if (batch.includes(locked)) throw storageError('STORE_OBJECT_LOCKED');
  });
  expect(await remove(store)).toMatchObject({ locked: 1 });
  const left = await keysOf(store);
  expect(left).toEqual(expect.arrayContaining(['holdfast.json', locked, segment('crm', 0)]));
  expect(left).not.toContain(segment('shop', 0));
});

test('a place of another repository, and one that nobody can tell whose it is, are left as they are', async () => {
  const store = await filled(3);
  const before = await keysOf(store);
  const other = { store, repositoryId: (await makeKeys()).repositoryId };
  await expect(removeRepository(other)).rejects.toMatchObject({ code: 'REPO_FOREIGN' });
  await store.delete(['holdfast.json']);
  await expect(remove(store)).rejects.toMatchObject({ code: 'REPO_NOT_INITIALISED' });
  expect(await keysOf(store)).toEqual(before.filter((key) => key !== 'holdfast.json'));
});

test('backups are found by their manifests, whatever else lies beside them', async () => {
  expect(await backupsAt(await filled(5))).toEqual([
    { database: 'crm', backupId: BACKUP_ID },
    { database: 'shop', backupId: BACKUP_ID },
  ]);
});
