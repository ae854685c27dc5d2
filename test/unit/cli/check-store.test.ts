import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Catalog } from '../../../src/catalog/types';
import { checkConfiguredStore, configuredRepository, isUsedBefore } from '../../../src/cli/check-store';
import { checkExit } from '../../../src/cli/commands/store/store';
import { EXIT } from '../../../src/cli/exit-codes';
import { filesystemStoreSchema } from '../../../src/config/schema';
import { ensureRepository } from '../../../src/repository/ensure';
import { initKeys, loadKeysFromDir } from '../../../src/repository/keys';
import { createStore } from '../../../src/storage/create-store';
import { tempFolder, type TempFolder } from '../../support/temp';

let temp: TempFolder;
beforeEach(async () => {
  temp = await tempFolder('check-store');
});
afterEach(() => temp.remove());

const check = async (root: string, used: boolean, repositoryId: string | null = null) => {
  const config = filesystemStoreSchema.parse({ name: 'disk', adapter: 'filesystem', path: root });
  const store = createStore(config, () => '');
  try {
    const { signal } = new AbortController();
    return await checkConfiguredStore({
      store,
      usedBefore: async () => used,
      repositoryId: async () => repositoryId,
      signal,
    });
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

test('a place of another repository is refused by its code, and left as it is', async () => {
  const root = path.join(temp.path, 'shared');
  const [ours, theirs] = [path.join(temp.path, 'ours'), path.join(temp.path, 'theirs')];
  for (const folder of [ours, theirs]) await initKeys(folder);
  const store = createStore(filesystemStoreSchema.parse({ name: 'disk', adapter: 'filesystem', path: root }), () => '');
  await ensureRepository(store, await loadKeysFromDir(theirs));
  await store.close();
  const before = await readFile(path.join(root, 'holdfast.json'));
  const idOf = (repository: string) => configuredRepository({ keys: { repository } as never });
  const found = await check(root, false, await idOf(ours));
  expect(found.ok).toBe(false);
  expect(found.steps[0]).toMatchObject({ name: 'write', outcome: 'failed', error: { code: 'REPO_FOREIGN' } });
  expect(found.steps.slice(1).every(({ outcome }) => outcome === 'skipped')).toBe(true);
  expect(checkExit([found])).toBe(EXIT.refused);
  // The folder of unfinished writes was made when its own repository was.
  expect((await readdir(root)).filter((name) => name !== '.holdfast-tmp')).toEqual(['holdfast.json']);
  expect((await readFile(path.join(root, 'holdfast.json'))).equals(before)).toBe(true);
  expect((await check(root, true, await idOf(path.join(theirs, 'repository.json')))).ok).toBe(true);
  expect(await idOf(path.join(temp.path, 'none'))).toBeNull();
});

test('a catalogue that cannot be asked knows of no use', async () => {
  const catalog = (state: string) => async () => ({ copies: async () => [{ state }] }) as unknown as Catalog;
  expect(await isUsedBefore(catalog('proved'), 'disk')).toBe(true);
  expect(await isUsedBefore(catalog('missing'), 'disk')).toBe(false);
  expect(await isUsedBefore(() => Promise.reject(new Error('down')), 'disk')).toBe(false);
});
