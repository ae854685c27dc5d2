import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { s3StoreSchema, type S3StoreConfig } from '../../src/config/schema';
import { probeCanaryKey } from '../../src/storage/canary';
import { createStore, type SecretResolver } from '../../src/storage/create-store';
import { createS3Client } from '../../src/storage/s3/client';
import { startMinio } from '../support/minio';
import { startS3Server } from '../support/s3-server';
import { describeObjectStore, type ContractSubject } from './object-store.suite';

const LARGE_FROM = 6 * 1024 * 1024;
const limits = { maxRequests: 16 };
const multipart = { multipartThreshold: '6MiB', partSize: '5MiB' };

function subject(config: S3StoreConfig, secrets: SecretResolver, stop: () => Promise<void>): ContractSubject {
  const client = createS3Client(config, secrets);
  const open = () => createStore(config, secrets);
  return {
    store: open(),
    reopen: open,
    largeFrom: LARGE_FROM,
    manyObjects: 1_150,
    async leftovers() {
      const open = await client.send(new ListMultipartUploadsCommand({ Bucket: config.bucket, Prefix: config.prefix }));
      return open.Uploads?.length ?? 0;
    },
    async stop() {
      client.destroy();
      await stop();
    },
  };
}

describe.each([
  {
    title: 'SHA-256 checked by the server',
    settings: { checksum: 'sha256', prefix: 'some/prefix', createOnly: undefined },
  },
  { title: 'CRC32 checked by the server', settings: { checksum: 'crc32', createOnly: undefined } },
  { title: 'no checksum and no conditional writes', settings: { checksum: 'none', createOnly: 'none' } },
])('versitygw', ({ title, settings }) => {
  const { checksum, createOnly } = settings;
  const traits = { createOnly: createOnly !== 'none', serverChecksum: checksum !== 'none', large: true };
  describeObjectStore(`an S3 store with ${title}`, traits, async () => {
    const server = await startS3Server();
    try {
      await server.createBucket('contract');
    } catch (error) {
      await server.stop();
      throw error;
    }
    const config = server.storeConfig('contract', { ...multipart, limits, ...settings });
    return subject(config, server.secrets, () => server.stop());
  });
});

describeObjectStore(
  'an S3 store of MinIO by its preset',
  { createOnly: true, serverChecksum: true, large: true },
  async () => {
    const server = await startMinio();
    try {
      await server.createBucket('contract');
    } catch (error) {
      await server.stop();
      throw error;
    }
    const config = server.storeConfig('contract', { ...multipart, limits, prefix: 'some/prefix' });
    return subject(config, server.secrets, () => server.stop());
  },
);

describe('an S3 store with Object Lock', () => {
  it('locks small and large objects for the time configured', async () => {
    const server = await startS3Server();
    const config = server.storeConfig('locked', { ...multipart, objectLock: { mode: 'GOVERNANCE', retain: '1d' } });
    const client = createS3Client(config, server.secrets);
    const store = createStore(config, server.secrets);
    try {
      await server.createBucket('locked', { objectLock: true });
      await store.put('small', Buffer.from('x'), { createOnly: true });
      await store.put('large', Buffer.alloc(LARGE_FROM + 1), { createOnly: true });
      for (const Key of ['small', 'large']) {
        const { Retention } = await client.send(new GetObjectRetentionCommand({ Bucket: 'locked', Key }));
        expect(Retention?.Mode).toBe('GOVERNANCE');
        expect(Retention!.RetainUntilDate!.getTime()).toBeGreaterThan(Date.now() + 23 * 3_600_000);
        const { Versions } = await client.send(new ListObjectVersionsCommand({ Bucket: 'locked', Prefix: Key }));
        const version = { Bucket: 'locked', Key, VersionId: Versions![0]!.VersionId };
        await expect(client.send(new DeleteObjectCommand(version))).rejects.toThrow();
      }
      // Canaries of probes come twice a minute: locked ones would pile up.
      await store.put(probeCanaryKey(), Buffer.from('x'));
      const canary = new GetObjectRetentionCommand({ Bucket: 'locked', Key: probeCanaryKey() });
      await expect(client.send(canary)).rejects.toThrow();
    } finally {
      await store.close();
      client.destroy();
      await server.stop();
    }
  }, 60_000);
});

// A store of your own: HOLDFAST_TEST_S3_ENDPOINT, _BUCKET, _ACCESS_KEY_ID, _SECRET_ACCESS_KEY and _REGION.
const env = (name: string) => process.env[`HOLDFAST_TEST_S3_${name}`];
if (env('ENDPOINT') && env('BUCKET'))
  describeObjectStore(
    `the S3 store at ${env('ENDPOINT')}`,
    { createOnly: true, serverChecksum: true, large: true },
    async () =>
      subject(
        s3StoreSchema.parse({
          name: 'real',
          adapter: 's3',
          endpoint: env('ENDPOINT'),
          bucket: env('BUCKET'),
          region: env('REGION') ?? 'us-east-1',
          pathStyle: true,
          prefix: `holdfast-contract-${Date.now()}`,
          accessKeyId: 'env:ACCESS_KEY_ID',
          secretAccessKey: 'env:SECRET_ACCESS_KEY',
          ...multipart,
          limits,
        }),
        (ref) => env(ref.slice('env:'.length)) ?? '',
        async () => undefined,
      ),
  );
