import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { resolveSecret } from '../../src/config/secrets';
import { checkStore, type StoreCheck } from '../../src/storage/check';
import { createStore, type SecretResolver } from '../../src/storage/create-store';
import type { ObjectStore } from '../../src/storage/object-store';
import { startSupabaseServer, type SupabaseTestServer } from '../support/supabase-server';
import { tempFolder } from '../support/temp';

jest.setTimeout(120_000);

const MIB = 1024 * 1024;
const ROLES = {
  writer: ['insert', 'select', 'update'],
  reader: ['select'],
  cleaner: ['select', 'delete'],
  blind: ['insert'],
  deaf: ['delete'],
} as const;

let server: SupabaseTestServer;
const opened: ObjectStore[] = [];
beforeAll(async () => {
  server = await startSupabaseServer({ roles: ROLES });
  server.createBucket('copies');
});
beforeEach(() => {
  server.onRequest(() => undefined);
  server.requests.length = 0;
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(() => server?.stop());

const byRole: SecretResolver = (ref) => server.key(ref.slice('env:'.length).toLowerCase());
function open(settings: Record<string, unknown>, secrets: SecretResolver = byRole): ObjectStore {
  const fixed = { limits: { retries: 0 }, prefix: `p${randomBytes(4).toString('hex')}` };
  const store = createStore(server.storeConfig('copies', { ...fixed, ...settings }), secrets);
  opened.push(store);
  return store;
}
const failures = ({ steps }: StoreCheck) =>
  steps.flatMap(({ name, error }) =>
    error === null ? [] : [`${name}: ${error.code} ${error.permission ?? ''}`.trim()],
  );
const apart = { key: undefined, credentials: { write: 'env:WRITER', read: 'env:READER', delete: 'env:CLEANER' } };

describe('separate keys', () => {
  it('are each used for what they are for, which none of them could do alone', async () => {
    expect(failures(await checkStore(open(apart)))).toEqual([]);
    for (const role of ['WRITER', 'READER', 'CLEANER'])
      expect(failures(await checkStore(open({ key: `env:${role}` })))).not.toEqual([]);
  });

  it('send large objects and small ones with the key for writing', async () => {
    const store = open(apart);
    const large = randomBytes(7 * MIB);
    await store.put('large', large, { createOnly: true });
    expect(await store.put('large', large, { createOnly: true })).toEqual({ created: false });
    expect((await store.get('large')).equals(large)).toBe(true);
    await store.delete(['large']);
    expect(await store.head('large')).toBeNull();
  });

  it('without one for deleting, refuse to delete by its name; `key` serves what is not named', async () => {
    const kept = open({ key: undefined, credentials: { write: 'env:WRITER' } });
    await kept.put('a', Buffer.from('x'));
    expect((await kept.get('a')).toString()).toBe('x');
    await expect(kept.delete(['a'])).rejects.toMatchObject({
      code: 'STORE_CREDENTIAL_MISSING',
      hint: expect.stringContaining('credentials.delete'),
    });
    const mixed = open({ key: 'env:WRITER', credentials: { delete: 'env:CLEANER' } });
    expect(failures(await checkStore(mixed))).toEqual([]);
  });

  it.each([
    ['READER', 'write: STORE_ACCESS_DENIED insert on storage.objects (to replace also select and update)'],
    ['WRITER', 'delete: STORE_ACCESS_DENIED delete and select on storage.objects'],
  ])('the permission that is missing to the role of %s is named', async (role, expected) => {
    expect(failures(await checkStore(open({ key: `env:${role}` })))).toEqual([expected]);
  });

  it('a role that is shown nothing is found out, though the store refuses it nothing', async () => {
    const blind = open({ key: 'env:BLIND' });
    await expect(blind.put('a', Buffer.from('x'), { createOnly: true })).rejects.toMatchObject({
      code: 'STORE_UPLOAD_INCOMPLETE',
      hint: expect.stringContaining('needs select on storage.objects'),
    });
    const hidden = await checkStore(open({ ...apart, credentials: { ...apart.credentials, read: 'env:BLIND' } }));
    expect(hidden.steps.find(({ name }) => name === 'head')?.error?.hint).toContain('select on storage.objects');
    // It may delete what it cannot see: then nothing is deleted, and the store reports a success.
    const deaf = await checkStore(open({ ...apart, credentials: { ...apart.credentials, delete: 'env:DEAF' } }));
    expect(failures(deaf)).toEqual(['gone: STORE_CONTENT_MISMATCH']);
  });
});

describe('a key that is rotated', () => {
  it('is used by the next request when the file behind its reference changes', async () => {
    const temp = await tempFolder('rotation');
    const file = path.join(temp.path, 'key');
    const [older, newer] = [server.key('service_role', { expiresIn: 3000 }), server.key('service_role')];
    try {
      await writeFile(file, older, { mode: 0o600 });
      const store = open({ key: `file:${file}` }, (ref) => resolveSecret(ref));
      await store.put('a', Buffer.from('1'));
      server.revoke(older);
      await expect(store.put('b', Buffer.from('2'))).rejects.toMatchObject({ retryable: false });
      await writeFile(file, newer, { mode: 0o600 });
      await store.put('b', Buffer.from('2'));
      expect((await store.get('a')).toString()).toBe('1');
      await store.close();
    } finally {
      await temp.remove();
    }
  });

  /** The key is replaced, and the old one revoked, when a request that was sent with it comes in. */
  function rotateAt(method: string, count: number): { readonly secrets: SecretResolver; readonly done: () => boolean } {
    const older = server.key('service_role', { expiresIn: 2000 + Math.floor(Math.random() * 1000) });
    const newer = server.key('service_role', { expiresIn: 3600 });
    let current = older;
    let left = count;
    server.onRequest((request) => {
      if (request.method !== method || current === newer || --left > 0) return;
      server.revoke(older);
      current = newer;
    });
    return { secrets: () => current, done: () => current === newer };
  }

  it('costs nothing in the middle of a long upload, which goes on where it stood', async () => {
    const { secrets, done } = rotateAt('PATCH', 2);
    const store = open({}, secrets);
    const body = randomBytes(20 * MIB);
    await store.put('long', body, { createOnly: true });
    expect(done()).toBe(true);
    expect((await store.get('long')).equals(body)).toBe(true);
    const sent = server.requests.filter(({ method }) => method === 'PATCH' || method === 'POST');
    // One creation, four chunks, and the one that was refused once more.
    expect(sent.filter(({ path: at }) => at.startsWith('/upload')).map(({ method }) => method)).toEqual([
      'POST',
      ...Array<string>(5).fill('PATCH'),
    ]);
  });

  it('never makes an object look lost to a request that was under way', async () => {
    const key = 'kept';
    const place = { prefix: 'shared' };
    await open(place, server.secrets).put(key, Buffer.from('x'));
    for (const read of [
      (store: ObjectStore) => store.get(key).then(String),
      (store: ObjectStore) => store.head(key).then((info) => info?.bytes),
    ]) {
      const { secrets, done } = rotateAt('GET', 1);
      expect(['x', 1]).toContain(await read(open(place, secrets)));
      expect(done()).toBe(true);
    }
  });
});

describe('what the check tells of a bucket', () => {
  const findings = async (bucket: string, settings = {}) => {
    const store = createStore(server.storeConfig(bucket, { limits: { retries: 0 }, ...settings }), server.secrets);
    opened.push(store);
    return (await checkStore(store)).findings.map(({ about, level, detail }) => `${level} ${about}: ${detail}`);
  };

  it('finds nothing wrong with a private one', async () => {
    expect(await findings('copies')).toEqual([
      'ok versioning: none at this provider: nobody can take back what is deleted',
      'ok lifecycle: no rules at this provider',
      'ok access: private',
      'ok size-limit: that of the project, which the bucket does not tell',
    ]);
  });

  it('names a public bucket, and one that takes no object as large as ours', async () => {
    server.createBucket('open', { public: true, fileSizeLimit: MIB });
    expect((await findings('open')).filter((line) => line.startsWith('warning'))).toEqual([
      'warning access: the bucket is public: whoever knows or guesses a name reads the object without a key',
      'warning size-limit: objects of at most 1048576 bytes: segments that are larger are refused',
    ]);
  });
});
