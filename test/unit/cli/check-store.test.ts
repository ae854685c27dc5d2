import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Catalog } from '../../../src/catalog/types';
import { checkConfiguredStore, isUsedBefore } from '../../../src/cli/check-store';
import { filesystemStoreSchema } from '../../../src/config/schema';
import { createStore } from '../../../src/storage/create-store';
import { tempFolder, type TempFolder } from '../../support/temp';

let temp: TempFolder;
beforeEach(async () => {
  temp = await tempFolder('check-store');
});
afterEach(() => temp.remove());

const check = async (root: string, used: boolean) => {
  const config = filesystemStoreSchema.parse({ name: 'disk', adapter: 'filesystem', path: root });
  const store = createStore(config, () => '');
  try {
    const { signal } = new AbortController();
    return await checkConfiguredStore({ store, usedBefore: async () => used, signal });
  } finally {
    await store.close();
  }
};

test('an empty folder that held the repository is refused, and stays empty', async () => {
  const root = path.join(temp.path, 'mount');
  await mkdir(root);
  const found = await check(root, true);
  expect(found.ok).toBe(false);
  expect(found.steps[0]).toMatchObject({ name: 'write', outcome: 'failed', error: { code: 'REPO_NOT_INITIALISED' } });
  expect(found.steps[0]!.error!.hint).toContain('mounted');
  expect(await readdir(root)).toEqual([]);
});

test('a folder that is gone is not made again', async () => {
  const root = path.join(temp.path, 'gone');
  expect((await check(root, true)).ok).toBe(false);
  expect(await readdir(temp.path)).toEqual([]);
});

test('a new folder, and one that holds the repository, are checked', async () => {
  const root = path.join(temp.path, 'new');
  expect((await check(root, false)).ok).toBe(true);
  const config = filesystemStoreSchema.parse({ name: 'disk', adapter: 'filesystem', path: root });
  const store = createStore(config, () => '');
  await store.put('holdfast.json', Buffer.from('{}'));
  await store.put('notes.txt', Buffer.from('mine'));
  await store.close();
  const found = await check(root, true);
  expect(found.ok).toBe(true);
  expect(found.findings.map(({ about, level }) => `${about} ${level}`)).toEqual(['other-objects warning']);
  await rm(root, { recursive: true });
});

test('a catalogue that cannot be asked knows of no use', async () => {
  const catalog = (state: string) => async () => ({ copies: async () => [{ state }] }) as unknown as Catalog;
  expect(await isUsedBefore(catalog('proved'), 'disk')).toBe(true);
  expect(await isUsedBefore(catalog('missing'), 'disk')).toBe(false);
  expect(await isUsedBefore(() => Promise.reject(new Error('down')), 'disk')).toBe(false);
});
