import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { resolveSecret } from '../../src/config/secrets';
import { checkStore, type StoreCheck } from '../../src/storage/check';
import { createStore, type SecretResolver } from '../../src/storage/create-store';
import type { ObjectStore } from '../../src/storage/object-store';
import { probeStore } from '../../src/storage/probe';
import { startGcsIamGate, type GcsIamGate } from '../support/gcs-iam';
import { startGcsServer, type GcsTestServer } from '../support/gcs-server';
import { tempFolder } from '../support/temp';

jest.setTimeout(120_000);

const [CREATE, GET, LIST, DELETE] = ['create', 'get', 'list', 'delete'].map((verb) => `storage.objects.${verb}`) as [
  string,
  string,
  string,
  string,
];
const READ = [GET, LIST];
const DESCRIBE = 'storage.buckets.get';

let server: GcsTestServer;
let gate: GcsIamGate;
const opened: ObjectStore[] = [];
beforeAll(async () => {
  server = await startGcsServer();
  gate = await startGcsIamGate(server);
  await server.createBucket('copies');
});
beforeEach(() => {
  gate.grants.clear();
  gate.settings = {};
  gate.onRequest = () => undefined;
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(async () => {
  await gate?.stop();
  await server?.stop();
});

const grant = (grants: Readonly<Record<string, readonly string[]>>) => {
  for (const [account, permissions] of Object.entries(grants)) gate.grants.set(account, new Set(permissions));
};
const byName: SecretResolver = (ref) => gate.keyOf(ref.slice('env:'.length).toLowerCase());
function open(settings: Record<string, unknown>, secrets: SecretResolver = byName): ObjectStore {
  const fixed = { anonymous: false, endpoint: gate.endpoint, limits: { retries: 0 }, prefix: `p${Math.random()}` };
  const store = createStore(server.storeConfig('copies', { ...fixed, ...settings }), secrets);
  opened.push(store);
  return store;
}
const failures = ({ steps }: StoreCheck) =>
  steps.flatMap(({ name, error }) => (error === null ? [] : [`${name}: ${error.code} ${error.permission ?? ''}`]));
const said = ({ findings }: StoreCheck) => findings.map(({ about, level, detail }) => `${level} ${about}: ${detail}`);

describe('separate credentials', () => {
  it('are each used for what they are for, which none of them could do alone', async () => {
    grant({ writer: [CREATE], reader: READ, cleaner: [DELETE, LIST] });
    const credentials = { write: 'env:WRITER', read: 'env:READER', delete: 'env:CLEANER' };
    expect(failures(await checkStore(open({ credentials })))).toEqual([]);
    expect(failures(await checkStore(open({ credentials: 'env:READER' })))).toEqual([
      `write: STORE_ACCESS_DENIED ${CREATE}`,
    ]);
    expect(failures(await checkStore(open({ credentials: 'env:CLEANER' })))).toEqual([
      `write: STORE_ACCESS_DENIED ${CREATE}`,
    ]);
    expect(failures(await checkStore(open({ credentials: 'env:WRITER' })))).toContain(
      `head: STORE_ACCESS_DENIED ${GET}`,
    );
  });

  it('without one for deleting, write and read backups, and refuse to delete by its name', async () => {
    grant({ keeper: [CREATE, ...READ] });
    const store = open({ credentials: { write: 'env:KEEPER' } });
    await store.put('a', Buffer.from('x'), { createOnly: true });
    expect((await store.get('a')).toString()).toBe('x');
    await expect(store.delete(['a'])).rejects.toMatchObject({
      code: 'STORE_CREDENTIAL_MISSING',
      retryable: false,
      hint: expect.stringContaining('credentials.delete'),
    });
    expect(await store.head('a')).not.toBeNull();
  });

  it.each([
    [[GET, LIST, DELETE], `write: STORE_ACCESS_DENIED ${CREATE}`],
    [[CREATE, LIST, DELETE], `head: STORE_ACCESS_DENIED ${GET}`],
    [[CREATE, GET, DELETE], `list: STORE_ACCESS_DENIED ${LIST}`],
  ])('the one permission that is missing is named: with %j', async (permissions, expected) => {
    grant({ account: permissions });
    const found = failures(await checkStore(open({ credentials: 'env:ACCOUNT' })));
    expect(found).toContain(expected);
  });

  it('where nothing may be deleted the canary stays, and the probe knows', async () => {
    grant({ account: [CREATE, GET, LIST] });
    const store = open({ credentials: 'env:ACCOUNT' });
    // Google asks for the right to delete before it replaces: the canary of the first serves the others.
    for (let round = 0; round < 3; round++)
      expect(await probeStore(store)).toMatchObject({ ok: true, kept: true, code: null });
    for (let round = 0; round < 2; round++)
      expect(failures(await checkStore(store))).toEqual([`delete: STORE_ACCESS_DENIED ${DELETE}`]);
    grant({ account: [GET, LIST] });
    expect(await probeStore(store)).toMatchObject({ ok: false, code: 'STORE_ACCESS_DENIED' });
  });
});

describe('a key that is rotated', () => {
  it('is used by the next request when the file behind its reference changes', async () => {
    const temp = await tempFolder('rotation');
    const file = path.join(temp.path, 'key.json');
    const write = (account: string) => writeFile(file, gate.keyOf(account), { mode: 0o600 });
    try {
      grant({ older: [CREATE, ...READ] });
      await write('older');
      const store = open({ credentials: `file:${file}` }, (ref) => resolveSecret(ref));
      await store.put('a', Buffer.from('1'), { createOnly: true });
      gate.grants.clear();
      grant({ newer: [CREATE, ...READ] });
      await expect(store.put('b', Buffer.from('2'), { createOnly: true })).rejects.toMatchObject({
        code: 'STORE_ACCESS_DENIED',
      });
      await write('newer');
      await store.put('b', Buffer.from('2'), { createOnly: true });
      expect((await store.get('a')).toString()).toBe('1');
    } finally {
      await temp.remove();
    }
  });

  it('and took the place of one that a request under way was sent with, costs nothing', async () => {
    grant({ older: [CREATE, ...READ] });
    let account = 'older';
    const seen: string[] = [];
    gate.onRequest = (sender) => {
      seen.push(sender);
      if (account === 'newer') return;
      account = 'newer';
      gate.grants.clear();
      grant({ newer: [CREATE, ...READ] });
    };
    const store = open({ credentials: 'env:KEY' }, () => gate.keyOf(account));
    expect(await store.put('a', Buffer.from('1'), { createOnly: true })).toEqual({ created: true });
    expect(seen).toEqual(['older', 'newer']);
  });

  it('costs nothing in the middle of a long upload', async () => {
    grant({ older: [CREATE, ...READ] });
    let account = 'older';
    const body = Buffer.alloc(6 * 1024 * 1024, 'abcdefg');
    const store = open({ credentials: 'env:KEY', resumableThreshold: '1MiB', chunkSize: '1MiB' }, () =>
      gate.keyOf(account),
    );
    gate.onRequest = (_sender, request) => {
      if (request.method !== 'POST') return;
      // The session is open once this is answered: from then on the old account may nothing.
      request.on('end', () =>
        setImmediate(() => {
          account = 'newer';
          gate.grants.clear();
          grant({ newer: [CREATE, ...READ] });
        }),
      );
    };
    await store.put('large', body, { createOnly: true });
    expect(account).toBe('newer');
    expect((await store.get('large')).equals(body)).toBe(true);
  });
});

describe('what the check tells of a bucket', () => {
  beforeEach(() => grant({ account: [CREATE, ...READ, DELETE, DESCRIBE] }));
  const checked = (settings: Record<string, unknown> = {}) =>
    checkStore(open({ credentials: 'env:ACCOUNT', prefix: 'backups', ...settings }));

  it('finds nothing wrong with one as it should be', async () => {
    gate.settings = {
      iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
      softDeletePolicy: { retentionDurationSeconds: '604800' },
    };
    const check = await checked({ region: 'europe-west3' });
    expect(check.ok).toBe(true);
    expect(said(check)).toEqual([
      'ok versioning: off',
      'ok soft-delete: on: what retention deletes can be taken back for 7 days, and is paid for until then',
      'ok retention-policy: none',
      'ok lifecycle: no rules',
      'ok region: europe-west3',
      'ok access: uniform: by IAM alone',
    ]);
  });

  it('names what harms backups: versions, retention, lifecycle rules that eat segments, another region', async () => {
    gate.settings = {
      versioning: { enabled: true },
      retentionPolicy: { retentionPeriod: '2592000', isLocked: true },
      lifecycle: {
        rule: [
          { action: { type: 'Delete' }, condition: { age: 30 } },
          { action: { type: 'Delete' }, condition: { age: 3, matchesPrefix: ['logs/'] } },
        ],
      },
    };
    const check = await checked({ region: 'us-east1' });
    expect(check.ok).toBe(true);
    expect(said(check).filter((line) => line.startsWith('warning'))).toEqual([
      'warning versioning: on: what retention deletes stays as an old version, and is paid for',
      'warning retention-policy: every object is kept for 30 days, locked for good: retention cannot free its space before, nothing can be healed in place before',
      'warning lifecycle: a lifecycle rule deletes objects of backups after 30 days',
      'warning region: the bucket stands in europe-west3, and region of this store says us-east1',
      'warning access: access is not uniform: lists of single objects can open them beside IAM',
    ]);
  });

  it('says by which permission the settings could be told', async () => {
    grant({ account: [CREATE, ...READ, DELETE] });
    const check = await checked();
    expect(check.ok).toBe(true);
    expect(said(check)).toContain('unknown lifecycle: unknown (needs storage.buckets.get)');
  });
});
