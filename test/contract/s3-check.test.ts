import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { s3StoreSchema, type S3StoreConfig } from '../../src/config/schema';
import { checkStore, type StoreCheck } from '../../src/storage/check';
import { createStore, type SecretResolver } from '../../src/storage/create-store';
import { createS3Client } from '../../src/storage/s3/client';
import { startMinio, type MinioServer } from '../support/minio';
import { startS3Server, type S3TestServer } from '../support/s3-server';

jest.setTimeout(120_000);

async function check(config: S3StoreConfig, secrets: SecretResolver): Promise<StoreCheck> {
  const store = createStore(config, secrets);
  try {
    return await checkStore(store);
  } finally {
    await store.close();
  }
}
const said = ({ findings }: StoreCheck) => findings.map(({ about, level, detail }) => `${level} ${about}: ${detail}`);
const failures = ({ steps }: StoreCheck) =>
  steps.flatMap(({ name, error }) =>
    error === null ? [] : [`${name}: ${error.code} ${error.permission ?? ''}`.trim()],
  );

describe('the check of a bucket at MinIO', () => {
  let minio: MinioServer;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  it('finds nothing wrong with a plain bucket', async () => {
    await minio.createBucket('plain');
    const found = await check(minio.storeConfig('plain'), minio.secrets);
    expect(failures(found)).toEqual([]);
    expect(said(found)).toEqual(['ok versioning: off', 'ok object-lock: off', 'ok lifecycle: no rules']);
  });

  it('names the lifecycle rule that would delete segments, and not one for other objects', async () => {
    await minio.createBucket('rules');
    await minio.client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket: 'rules',
        LifecycleConfiguration: {
          Rules: [
            { ID: 'old logs', Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 3 } },
            { ID: 'tidy all', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 30 } },
          ],
        },
      }),
    );
    const found = await check(minio.storeConfig('rules', { prefix: 'backups' }), minio.secrets);
    expect(found.ok).toBe(true);
    expect(said(found)).toContain(
      'warning lifecycle: the lifecycle rule "tidy all" deletes objects of backups after 30 days',
    );
    expect(said(found).join()).not.toContain('old logs');
  });

  it('tells versioning and the default retention of Object Lock', async () => {
    await minio.createBucket('locked', { objectLock: true });
    await minio.client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: 'locked',
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 2 } },
        },
      }),
    );
    const found = await check(minio.storeConfig('locked'), minio.secrets);
    expect(said(found)).toEqual([
      'warning versioning: on, as Object Lock demands: what retention deletes stays as an old version, and is paid for',
      'warning object-lock: every new object is locked (GOVERNANCE, 2 days): retention cannot free its space before',
      'ok lifecycle: no rules',
    ]);
  });

  it('says which region is the right one', async () => {
    await minio.createBucket('elsewhere');
    const found = await check(minio.storeConfig('elsewhere', { region: 'eu-west-3' }), minio.secrets);
    expect(failures(found)[0]).toBe('write: STORE_REGION_WRONG');
    expect(found.steps[0]!.error!.hint).toBe('set region: eu-test-1 for this store');
  });
});

describe('the check of a bucket at versitygw', () => {
  let server: S3TestServer;
  beforeAll(async () => {
    server = await startS3Server();
  });
  afterAll(() => server?.stop());
  const user = async (id: string, bucket: string, actions: readonly string[]) => {
    await server.createBucket(bucket);
    await server.createUser(id, `${id}-secret`);
    await server.allow(bucket, { [id]: actions });
    const secrets: SecretResolver = (ref) => (ref === 'env:TEST_S3_KEY' ? id : `${id}-secret`);
    return check(server.storeConfig(bucket, { prefix: 'p' }), secrets);
  };

  it('tells versioning', async () => {
    await server.createBucket('versions');
    const config = server.storeConfig('versions');
    const client = createS3Client(config, server.secrets);
    await client.send(
      new PutBucketVersioningCommand({ Bucket: 'versions', VersioningConfiguration: { Status: 'Enabled' } }),
    );
    client.destroy();
    const found = await check(config, server.secrets);
    expect(failures(found)).toEqual([]);
    expect(said(found)).toContain(
      'warning versioning: on: what retention deletes stays as an old version, and is paid for',
    );
  });

  it('says which region is the right one', async () => {
    await server.createBucket('elsewhere');
    const found = await check(server.storeConfig('elsewhere', { region: 'eu-west-3' }), server.secrets);
    expect(failures(found)[0]).toBe('write: STORE_REGION_WRONG');
    expect(found.steps[0]!.error!.hint).toBe('set region: us-east-1 for this store');
  });

  it('says which settings may not be read, and fails nothing for that', async () => {
    const actions = ['s3:PutObject', 's3:GetObject', 's3:DeleteObject', 's3:ListBucket'];
    const found = await user('worker', 'quiet', actions);
    expect(failures(found)).toEqual([]);
    expect(said(found)).toContain('unknown versioning: unknown (needs s3:GetBucketVersioning)');
  });

  it('names the permission that a step lacks', async () => {
    const without = (missing: string) =>
      ['s3:PutObject', 's3:GetObject', 's3:DeleteObject', 's3:ListBucket'].filter((action) => action !== missing);
    expect(failures(await user('noput', 'noput', without('s3:PutObject')))).toEqual([
      'write: STORE_ACCESS_DENIED s3:PutObject',
    ]);
    expect(failures(await user('nolist', 'nolist', without('s3:ListBucket')))).toContain(
      'list: STORE_ACCESS_DENIED s3:ListBucket',
    );
    expect(failures(await user('nodelete', 'nodelete', without('s3:DeleteObject')))).toEqual([
      'delete: STORE_ACCESS_DENIED s3:DeleteObject',
    ]);
  });
});

it('asks a Supabase endpoint for no subresource', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    response.writeHead(404, { 'content-type': 'application/xml' }).end('<Error><Code>NoSuchKey</Code></Error>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const config = s3StoreSchema.parse({
      name: 'supabase',
      adapter: 's3',
      preset: 'supabase',
      bucket: 'b',
      endpoint: `http://127.0.0.1:${port}/storage/v1/s3`,
      accessKeyId: 'env:A',
      secretAccessKey: 'env:B',
      limits: { retries: 0 },
    });
    const store = createStore(config, () => 'x');
    expect(await store.inspect?.()).toEqual([]);
    await checkStore(store);
    await store.close();
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((line) => /[?&](versioning|object-lock|lifecycle|policy|acl|tagging)/.test(line))).toEqual([]);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
