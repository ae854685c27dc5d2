import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { resolveSecret } from '../../src/config/secrets';
import { manifestKey, segmentKey } from '../../src/repository/layout';
import { sweep } from '../../src/repository/sweep';
import { checkStore } from '../../src/storage/check';
import { createStore, type SecretResolver } from '../../src/storage/create-store';
import type { ObjectStore } from '../../src/storage/object-store';
import { probeStore } from '../../src/storage/probe';
import { BACKUP_ID, makeKeys, writeBackup, writerOptions } from '../support/repository';
import { startS3Server, type S3TestServer } from '../support/s3-server';
import { tempFolder } from '../support/temp';

jest.setTimeout(120_000);

const KEEP = [
  's3:PutObject',
  's3:GetObject',
  's3:ListBucket',
  's3:AbortMultipartUpload',
  's3:ListMultipartUploadParts',
];
const limits = { retries: 0 };
const LARGE = 16 * 1024 * 1024;

let server: S3TestServer;
const opened: ObjectStore[] = [];
beforeAll(async () => {
  server = await startS3Server();
  for (const id of ['writer', 'reader', 'cleaner', 'older', 'newer']) await server.createUser(id, `${id}-secret`);
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(() => server?.stop());

const byName: SecretResolver = (ref) => ref.slice('env:'.length).replaceAll('_', '-').toLowerCase();
const keysOf = (id: string) => ({
  accessKeyId: `env:${id.toUpperCase()}`,
  secretAccessKey: `env:${id.toUpperCase()}_SECRET`,
});
function open(bucket: string, settings: Record<string, unknown>, secrets: SecretResolver): ObjectStore {
  const store = createStore(server.storeConfig(bucket, { limits, ...settings }), secrets);
  opened.push(store);
  return store;
}
const none = { accessKeyId: undefined, secretAccessKey: undefined };

describe('separate credentials', () => {
  it('are each used for what they are for, which none of them could do alone', async () => {
    await server.createBucket('apart');
    await server.allow('apart', {
      writer: ['s3:PutObject'],
      reader: ['s3:GetObject', 's3:ListBucket'],
      cleaner: ['s3:DeleteObject'],
    });
    const credentials = { write: keysOf('writer'), read: keysOf('reader'), delete: keysOf('cleaner') };
    const store = open('apart', { ...none, credentials }, byName);
    expect((await checkStore(store)).steps.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    for (const id of ['writer', 'reader', 'cleaner']) {
      const alone = open('apart', keysOf(id), byName);
      expect((await checkStore(alone)).ok).toBe(false);
    }
  });

  it('without one for deleting, writes and reads, is healthy, and refuses to delete by its name', async () => {
    await server.createBucket('kept');
    await server.allow('kept', { writer: [...KEEP, 's3:DeleteObject'] });
    const store = open('kept', { ...none, credentials: { write: keysOf('writer') } }, byName);
    await store.put('a', Buffer.from('x'), { createOnly: true });
    expect((await store.get('a')).toString()).toBe('x');
    await expect(store.delete(['a'])).rejects.toMatchObject({
      code: 'STORE_CREDENTIAL_MISSING',
      retryable: false,
      hint: expect.stringContaining('credentials.delete'),
    });
    expect(await store.head('a')).not.toBeNull();
    const keys = await makeKeys();
    await writeBackup(writerOptions(keys, [store]), { 'data/a': Buffer.from('rows') });
    expect(await store.head(manifestKey('orders', BACKUP_ID))).not.toBeNull();
    // The sweep of segments that no backup names comes as far as deleting, and no further.
    const orphan = segmentKey('orders', 'ab'.repeat(32));
    await store.put(orphan, Buffer.from('x'));
    const later = new Date(Date.now() + 86_400_000);
    const sweeping = sweep({ store, database: 'orders', keys, graceMs: 0, now: later });
    await expect(sweeping).rejects.toMatchObject({ code: 'STORE_CREDENTIAL_MISSING' });
    expect(await store.head(orphan)).not.toBeNull();
    const check = await checkStore(store);
    expect(check.ok).toBe(true);
    expect(check.steps.find(({ name }) => name === 'delete')).toMatchObject({ outcome: 'skipped' });
    expect(await probeStore(store)).toMatchObject({ ok: true, kept: true });
  });

  it('fall back on the keys of the store itself', async () => {
    await server.createBucket('mixed');
    await server.allow('mixed', { writer: KEEP, cleaner: ['s3:DeleteObject'] });
    const store = open('mixed', { ...keysOf('writer'), credentials: { delete: keysOf('cleaner') } }, byName);
    expect((await checkStore(store)).ok).toBe(true);
  });
});

describe('a key that is rotated', () => {
  it('is used by the next request when the file behind its reference changes', async () => {
    const temp = await tempFolder('rotation');
    const files = { id: path.join(temp.path, 'id'), secret: path.join(temp.path, 'secret') };
    const write = async (id: string) => {
      await writeFile(files.id, id, { mode: 0o600 });
      await writeFile(files.secret, `${id}-secret`, { mode: 0o600 });
    };
    try {
      await server.createBucket('rotated');
      await server.allow('rotated', { older: KEEP });
      await write('older');
      const keys = { accessKeyId: `file:${files.id}`, secretAccessKey: `file:${files.secret}` };
      const store = open('rotated', keys, (ref) => resolveSecret(ref));
      await store.put('a', Buffer.from('1'));
      await server.allow('rotated', { newer: KEEP });
      await expect(store.put('b', Buffer.from('2'))).rejects.toMatchObject({ code: 'STORE_ACCESS_DENIED' });
      await write('newer');
      await store.put('b', Buffer.from('2'));
      expect((await store.get('a')).toString()).toBe('1');
    } finally {
      await temp.remove();
    }
  });

  /** Gives the old keys for so many requests, then takes the old user's rights, gives its keys once more, then the new. */
  const rotatingAfter = (bucket: string, requests: number) => {
    const seen = { old: 0, new: 0 };
    const secrets: SecretResolver = async (ref) => {
      const isId = ref === 'env:TEST_S3_KEY';
      if (isId && seen.old === requests) await server.allow(bucket, { newer: KEEP });
      if (isId) seen[seen.old <= requests ? 'old' : 'new']++;
      const id = seen.new > 0 ? 'newer' : 'older';
      return isId ? id : `${id}-secret`;
    };
    return { seen, secrets };
  };

  it('costs nothing in the middle of a long upload', async () => {
    await server.createBucket('long');
    await server.allow('long', { older: KEEP });
    const { seen, secrets } = rotatingAfter('long', 2);
    const body = Buffer.alloc(LARGE, 'abcdefg');
    const store = open(
      'long',
      { multipartThreshold: '6MiB', partSize: '5MiB', limits: { ...limits, maxRequests: 1 } },
      secrets,
    );
    await store.put('large', body);
    expect(seen.new).toBeGreaterThan(0);
    expect((await store.get('large')).equals(body)).toBe(true);
  });

  it.each([
    // The put itself is sent once more besides.
    ['are still the same', () => 'same', 2],
    ['were replaced meanwhile', (requests: number) => `key${requests}`, 3],
  ])('is asked for again when it is refused: of keys that %s', async (_title, keyAfter, expected) => {
    let requests = 0;
    const refusing = createServer((request, response) => {
      requests++;
      request.resume();
      request.on('end', () =>
        response
          .writeHead(403, { 'content-type': 'application/xml' })
          .end('<Error><Code>AccessDenied</Code><Message>no</Message></Error>'),
      );
    });
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    try {
      const endpoint = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
      const store = open('refused', { endpoint }, () => keyAfter(Math.min(requests, 1)));
      await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_ACCESS_DENIED' });
      expect(requests).toBe(expected);
    } finally {
      refusing.closeAllConnections();
      await new Promise((resolve) => refusing.close(resolve));
    }
  });
});
