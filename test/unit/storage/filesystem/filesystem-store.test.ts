import { mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { filesystemStoreSchema } from '../../../../src/config/schema';
import { createFilesystemStore } from '../../../../src/storage/filesystem/filesystem-store';
import type { ObjectStore } from '../../../../src/storage/object-store';
import { tempFolder, type TempFolder } from '../../../support/temp';

describe('a folder as a store', () => {
  let temp: TempFolder;
  let root: string;
  let store: ObjectStore;

  beforeEach(async () => {
    temp = await tempFolder('fs-unit');
    root = path.join(temp.path, 'store');
    store = createFilesystemStore(
      filesystemStoreSchema.parse({ name: 'disk', adapter: 'filesystem', path: root, minFree: '1B' }),
    );
  });
  afterEach(() => temp.remove());

  const keys = async () => {
    const found: string[] = [];
    for await (const { key } of store.list('')) found.push(key);
    return found;
  };

  it('refuses links that lead out, as folders and as objects, to read and to write', async () => {
    const outside = path.join(temp.path, 'outside');
    await mkdir(outside);
    await writeFile(path.join(outside, 'secret'), 'secret');
    await store.put('a', Buffer.from('a'));
    await symlink(outside, path.join(root, 'link'));
    await symlink(path.join(outside, 'secret'), path.join(root, 'object'));
    const refused = { code: 'STORE_KEY_INVALID' };
    await expect(store.put('link/x', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(store.put('link/deeper/x', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(store.get('link/secret')).rejects.toMatchObject(refused);
    await expect(store.head('link/secret')).rejects.toMatchObject(refused);
    await expect(store.delete(['link/secret'])).rejects.toMatchObject(refused);
    await expect(store.get('object')).rejects.toMatchObject(refused);
    expect(await store.head('object')).toBeNull();
    expect(await keys()).toEqual(['a']);
    expect(await readdir(outside)).toEqual(['secret']);
  });

  it('works in a folder that is reached through a link itself', async () => {
    await mkdir(path.join(temp.path, 'real'));
    await symlink(path.join(temp.path, 'real'), root);
    await store.put('a/b', Buffer.from('x'));
    expect((await readFile(path.join(temp.path, 'real/a/b'))).toString()).toBe('x');
    expect((await store.get('a/b')).toString()).toBe('x');
  });

  it('passes over unfinished files, and removes those of dead processes when they are old', async () => {
    const folder = path.join(root, '.holdfast-tmp');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, '99999-old'), 'half');
    await writeFile(path.join(folder, '99999-young'), 'half');
    const dayAgo = new Date(Date.now() - 25 * 3_600_000);
    await utimes(path.join(folder, '99999-old'), dayAgo, dayAgo);
    expect(await keys()).toEqual([]);
    await store.put('a', Buffer.from('x'));
    expect(await keys()).toEqual(['a']);
    expect(await readdir(folder)).toEqual(['99999-young']);
  });

  it('leaves alone what is not its own: other names, and lost+found', async () => {
    await mkdir(path.join(root, 'lost+found'), { recursive: true });
    await writeFile(path.join(root, 'a file.txt'), 'x');
    await store.put('a', Buffer.from('x'));
    expect(await keys()).toEqual(['a']);
  });

  it('says so when a key is a folder of other keys, or lies below an object', async () => {
    await store.put('a/b', Buffer.from('x'));
    for (const createOnly of [true, false]) {
      await expect(store.put('a', Buffer.from('x'), { createOnly })).rejects.toMatchObject({
        code: 'STORE_KEY_INVALID',
      });
      await expect(store.put('a/b/c', Buffer.from('x'), { createOnly })).rejects.toMatchObject({
        code: 'STORE_KEY_INVALID',
      });
    }
    expect(await store.head('a')).toBeNull();
    expect(await store.head('a/b/c')).toBeNull();
    await store.delete(['a', 'a/b/c']);
    expect(await keys()).toEqual(['a/b']);
  });

  it('leaves no empty folders behind', async () => {
    await store.put('a/b/c', Buffer.from('x'));
    await store.delete(['a/b/c']);
    expect(await readdir(root)).toEqual(['.holdfast-tmp']);
  });

  it.each(['gone', 'empty'])('whose root is %s, as when its disk is not mounted, is out of reach', async (state) => {
    await store.put('a/b', Buffer.from('x'));
    await rename(root, `${root}-mounted`);
    if (state === 'empty') await mkdir(root);
    const away = { code: 'STORE_UNREACHABLE', message: expect.stringContaining(root), hint: /mounted/ };
    const outcomes = await Promise.allSettled([
      store.put('a/b', Buffer.from('y')),
      store.put('new', Buffer.from('y'), { createOnly: true }),
      store.get('a/b'),
      store.head('a/b'),
      store.delete(['a/b']),
      keys(),
    ]);
    for (const outcome of outcomes) {
      const { reason } = outcome as PromiseRejectedResult;
      expect(reason).toMatchObject({ code: away.code, message: away.message });
      expect((reason as { hint: string }).hint).toMatch(away.hint);
    }
    // Nothing was written in its place, and it is itself again when it is mounted again.
    expect(await readdir(root).catch(() => [])).toEqual([]);
    await rm(root, { recursive: true, force: true });
    await rename(`${root}-mounted`, root);
    expect((await store.get('a/b')).toString()).toBe('x');
    await store.put('c', Buffer.from('z'));
    expect(await keys()).toEqual(['a/b', 'c']);
  });

  it('is a new store, read as empty, until something was put there', async () => {
    expect(await store.head('a')).toBeNull();
    await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_OBJECT_MISSING' });
    expect(await keys()).toEqual([]);
    expect(await readdir(root).catch(() => 'absent')).toBe('absent');
  });

  it('says so when its path is a file', async () => {
    await writeFile(root, 'x');
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_CONFIG_INVALID' });
  });
});
