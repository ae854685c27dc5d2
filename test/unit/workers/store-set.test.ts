import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import {
  filesystemStoreSchema,
  s3StoreSchema,
  type HoldfastConfig,
  type StoreConfig,
} from '../../../src/config/schema';
import type { RepositoryKeys } from '../../../src/repository/types';
import { createStoreSet, type OpenStores } from '../../../src/workers/store-set';
import { makeKeys } from '../../support/repository';
import { tempFolder, type TempFolder } from '../../support/temp';

describe('the stores of a worker', () => {
  let temp: TempFolder;
  let keys: RepositoryKeys;
  let root: string;
  const opened: OpenStores[] = [];
  beforeAll(async () => {
    keys = await makeKeys();
  });
  beforeEach(async () => {
    temp = await tempFolder('store-set');
    root = path.join(temp.path, 'disk');
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((stores) => stores.close()));
    await temp.remove();
  });

  const folder = () => filesystemStoreSchema.parse({ name: 'disk', adapter: 'filesystem', path: root, minFree: '1B' });
  /** As a worker process that has just started. */
  const start = (used: boolean, store: StoreConfig = folder(), greetingMs?: number): OpenStores => {
    const stores = createStoreSet({ stores: [store], databases: [] } as unknown as HoldfastConfig, {
      secrets: () => 'secret',
      keys: async () => keys as Awaited<ReturnType<Parameters<typeof createStoreSet>[1]['keys']>>,
      usedBefore: async () => used,
      greetingMs,
    });
    opened.push(stores);
    return stores;
  };

  it('marks a new store, and finds it again', async () => {
    await (await start(false).open('disk')).put('a', Buffer.from('a'));
    expect(existsSync(path.join(root, 'holdfast.json'))).toBe(true);
    expect((await (await start(true).open('disk')).get('a')).toString()).toBe('a');
  });

  it('writes nothing into a place of another repository, not even a probe', async () => {
    const ours = keys;
    keys = await makeKeys();
    await start(false).open('disk');
    keys = ours;
    const stores = start(false);
    await expect(stores.open('disk')).rejects.toMatchObject({ code: 'REPO_FOREIGN', retryable: false });
    const { signal } = new AbortController();
    expect(await stores.probe('disk', signal)).toMatchObject({ ok: false, code: 'REPO_FOREIGN' });
    // The folder of unfinished writes was made when its own repository was.
    expect((await readdir(root)).filter((name) => name !== '.holdfast-tmp')).toEqual(['holdfast.json']);
  });

  it.each(['gone', 'empty'])('begins no store again whose disk is %s when the process starts', async (state) => {
    await start(false).open('disk');
    await rename(root, `${root}-mounted`);
    if (state === 'empty') await mkdir(root);
    const stores = start(true);
    await expect(stores.open('disk')).rejects.toMatchObject({
      code: 'REPO_NOT_INITIALISED',
      fault: 'environment',
      hint: expect.stringContaining('mounted'),
    });
    expect(await readdir(root).catch(() => [])).toEqual([]);
    // Mounted again, it is the store that it was.
    await rm(root, { recursive: true, force: true });
    await rename(`${root}-mounted`, root);
    await stores.open('disk');
  });

  it('looks at each use whether a store that was open is still this repository', async () => {
    const stores = start(false);
    const store = await stores.open('disk');
    await store.put('other', Buffer.from('x'));
    await store.delete(['holdfast.json']);
    await expect(stores.open('disk')).rejects.toMatchObject({ code: 'REPO_NOT_INITIALISED' });
    expect(await store.head('holdfast.json')).toBeNull();
  });

  it('waits no longer for a store that does not answer than a greeting may take', async () => {
    const sockets = new Set<Socket>();
    const deaf = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    try {
      const endpoint = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
      const s3 = s3StoreSchema.parse({
        name: 'deaf',
        adapter: 's3',
        bucket: 'deaf-bucket',
        endpoint,
        accessKeyId: 'env:A',
        secretAccessKey: 'env:B',
      });
      const began = performance.now();
      await expect(start(false, s3, 300).open('deaf')).rejects.toMatchObject({
        code: 'STORE_TIMEOUT',
        retryable: true,
      });
      expect(performance.now() - began).toBeLessThan(5_000);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => deaf.close(resolve));
    }
  });
});
