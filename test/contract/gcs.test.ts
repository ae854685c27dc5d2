import { readFileSync } from 'node:fs';
import { gcsStoreSchema, type GcsStoreConfig } from '../../src/config/schema';
import { createStore, type SecretResolver } from '../../src/storage/create-store';
import { startGcsServer } from '../support/gcs-server';
import { describeObjectStore, type ContractSubject } from './object-store.suite';

const LARGE_FROM = 2 * 1024 * 1024;
const settings = { resumableThreshold: '2MiB', chunkSize: '1MiB', limits: { maxRequests: 16 } };
const traits = { createOnly: true, serverChecksum: true, large: true };

function subject(config: GcsStoreConfig, secrets: SecretResolver, stop: () => Promise<void>): ContractSubject {
  const open = () => createStore(config, secrets);
  return { store: open(), reopen: open, largeFrom: LARGE_FROM, manyObjects: 1_150, stop };
}

describe.each([
  { title: 'at the top of its bucket', prefix: '' },
  { title: 'below a prefix', prefix: 'some/prefix' },
])('fake-gcs-server', ({ title, prefix }) => {
  describeObjectStore(`a Google Cloud Storage store ${title}`, traits, async () => {
    const server = await startGcsServer();
    try {
      await server.createBucket('contract');
    } catch (error) {
      await server.stop();
      throw error;
    }
    const none: SecretResolver = (ref) => {
      throw new Error(`nobody should ask for ${ref}`);
    };
    return subject(server.storeConfig('contract', { ...settings, prefix }), none, () => server.stop());
  });
});

describe('a Google Cloud Storage store that is configured wrongly', () => {
  it('says that the bucket is missing, and never that an object is', async () => {
    const server = await startGcsServer();
    const store = createStore(server.storeConfig('absent', { limits: { retries: 0 } }), () => '');
    const missing = { code: 'STORE_BUCKET_MISSING', retryable: false };
    try {
      await expect(store.get('a')).rejects.toMatchObject(missing);
      await expect(store.head('a')).rejects.toMatchObject(missing);
      await expect(store.delete(['a'])).rejects.toMatchObject(missing);
      await expect(store.put('a', Buffer.from('a'))).rejects.toMatchObject(missing);
      await expect(store.list('')[Symbol.asyncIterator]().next()).rejects.toMatchObject(missing);
    } finally {
      await store.close();
      await server.stop();
    }
  }, 60_000);

  it('says that nobody listens, and closes', async () => {
    const server = await startGcsServer();
    await server.stop();
    const store = createStore(server.storeConfig('contract', { limits: { retries: 0 } }), () => '');
    await expect(store.head('a')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true });
    await store.close();
    await expect(store.head('a')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  }, 60_000);
});

// A bucket of your own: HOLDFAST_TEST_GCS_BUCKET, and _KEY (a file or the JSON itself; absent: default credentials) or _ENDPOINT.
const env = (name: string) => process.env[`HOLDFAST_TEST_GCS_${name}`];
if (env('BUCKET'))
  describeObjectStore(`the bucket ${env('BUCKET')}`, traits, async () =>
    subject(
      gcsStoreSchema.parse({
        name: 'real',
        adapter: 'gcs',
        bucket: env('BUCKET'),
        endpoint: env('ENDPOINT'),
        anonymous: env('ENDPOINT') !== undefined && env('KEY') === undefined,
        credentials: env('KEY') === undefined ? undefined : 'env:KEY',
        prefix: `holdfast-contract-${Date.now()}`,
        ...settings,
      }),
      () => (env('KEY')!.trimStart().startsWith('{') ? env('KEY')! : readFileSync(env('KEY')!, 'utf8')),
      async () => undefined,
    ),
  );
