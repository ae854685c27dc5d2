/** A backup to a folder and a real S3 server at once, with a bad network in front of the second. */
import { join } from 'node:path';
import { createStore } from '../../../src/storage/create-store';
import { checkCopy } from '../../../src/repository/check';
import { fillCopy } from '../../../src/repository/fill-copy';
import { openBackup } from '../../../src/repository/reader';
import type { RepositoryKeys } from '../../../src/repository/types';
import type { ObjectStore } from '../../../src/storage/object-store';
import { folderStore } from '../../support/format-world';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writerOptions } from '../../support/repository';
import { startS3Server, type S3TestServer } from '../../support/s3-server';
import { tempFolder, type TempFolder } from '../../support/temp';
import { startToxiproxy, type ToxicProxy, type Toxiproxy } from '../../support/toxiproxy';

const MiB = 1024 * 1024;
const CONTENT = { 'schema.dump': noise(16 * MiB) };

let temp: TempFolder;
let server: S3TestServer;
let toxiproxy: Toxiproxy;
let proxy: ToxicProxy;
let keys: RepositoryKeys;
beforeAll(async () => {
  temp = await tempFolder('slow-store');
  [server, toxiproxy, keys] = await Promise.all([startS3Server(), startToxiproxy(), makeKeys()]);
  proxy = await toxiproxy.proxy(`127.0.0.1:${server.port}`);
}, 60_000);
afterAll(async () => {
  await toxiproxy?.stop();
  await server?.stop();
  await temp?.remove();
});

async function stores(bucket: string): Promise<{ folder: ObjectStore; remote: ObjectStore }> {
  await server.createBucket(bucket);
  const config = server.storeConfig(bucket, { name: 'remote', endpoint: `http://127.0.0.1:${proxy.port}` });
  return { folder: folderStore(join(temp.path, bucket)), remote: createStore(config, server.secrets) };
}
const options = (list: readonly ObjectStore[]) =>
  writerOptions(keys, list, { segmentBytes: MiB, maxLagSegments: 2, lagGraceMs: 500 });

it('stores the same bytes at both when both keep up', async () => {
  const { folder, remote } = await stores('both');
  const { result } = await writeBackup(options([folder, remote]), CONTENT, 64 * 1024);
  expect(result.stores.map((outcome) => outcome.state)).toEqual(['committed', 'committed']);
  for (const store of [folder, remote]) {
    expect((await checkCopy({ store, inventory: result.inventory, grade: 'intact' })).grade).toBe('intact');
  }
  await remote.close();
}, 60_000);

it('leaves a store at 1 MB/s behind instead of waiting for it, and fills it later without the source', async () => {
  const { folder, remote } = await stores('slow');
  const restore = await proxy.add({ type: 'bandwidth', stream: 'upstream', attributes: { rate: 1000 } });
  const started = performance.now();
  const { result } = await writeBackup(options([remote, folder]), CONTENT, 64 * 1024);
  // At the pace of the slow one it would be sixteen seconds.
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(result.stores).toMatchObject([
    { store: 'remote', state: 'behind', error: { code: 'REPO_STORE_LAGGED' } },
    { store: 'folder', state: 'committed' },
  ]);
  await restore();
  const request = { sources: [folder], target: remote, database: 'orders', backupId: BACKUP_ID, keys };
  const filled = await fillCopy(request);
  expect(filled.copiedObjects + filled.alreadyThere).toBe(result.inventory.segments.length);
  const reader = await openBackup({ store: remote, database: 'orders', backupId: BACKUP_ID, keys });
  expect((await readAll(reader.readFile('schema.dump'))).equals(CONTENT['schema.dump'])).toBe(true);
  await remote.close();
}, 60_000);

it('goes on without a store that vanishes in the middle', async () => {
  const { folder, remote } = await stores('gone');
  const config = server.storeConfig('gone', {
    name: 'remote',
    endpoint: `http://127.0.0.1:${proxy.port}`,
    limits: { maxRequests: 8, timeout: '5s', retries: 1 },
  });
  await remote.close();
  const hasty = createStore(config, server.secrets);
  const cut = await proxy.add({ type: 'reset_peer', stream: 'upstream', attributes: { timeout: 30 } });
  const { result } = await writeBackup(options([hasty, folder]), CONTENT, 64 * 1024);
  expect(result.stores).toMatchObject([
    { store: 'remote', state: 'behind' },
    { store: 'folder', state: 'committed' },
  ]);
  await cut();
  await hasty.close();
}, 60_000);
