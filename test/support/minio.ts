import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { s3StoreSchema, type S3StoreConfig } from '../../src/config/schema';
import type { SecretResolver } from '../../src/storage/create-store';
import { freePort } from './ports';
import { findBinary, startProcess } from './processes';
import { tempFolder } from './temp';

export interface MinioServer {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** A client of the server's owner. */
  readonly client: S3Client;
  createBucket(name: string, options?: { objectLock?: boolean }): Promise<void>;
  storeConfig(bucket: string, overrides?: Record<string, unknown>): S3StoreConfig;
  readonly secrets: SecretResolver;
  stop(): Promise<void>;
}

/** A real MinIO over a temporary folder on a free loopback port: a second opinion beside versitygw. */
export async function startMinio(): Promise<MinioServer> {
  const binary = findBinary('minio', 'HOLDFAST_MINIO_BIN');
  const temp = await tempFolder('minio');
  const [port, consolePort] = [await freePort(), await freePort()];
  const endpoint = `http://127.0.0.1:${port}`;
  const accessKeyId = `key${randomBytes(6).toString('hex')}`;
  const secretAccessKey = randomBytes(16).toString('hex');
  let server;
  try {
    server = await startProcess(
      binary,
      [
        'server',
        '--quiet',
        '--address',
        `127.0.0.1:${port}`,
        '--console-address',
        `127.0.0.1:${consolePort}`,
        path.join(temp.path, 'data'),
      ],
      async () => (await fetch(`${endpoint}/minio/health/ready`)).ok,
      {
        env: {
          PATH: process.env.PATH,
          HOME: temp.path,
          MINIO_ROOT_USER: accessKeyId,
          MINIO_ROOT_PASSWORD: secretAccessKey,
          // A region of its own, so that any other is refused.
          MINIO_SITE_REGION: 'eu-test-1',
          MINIO_BROWSER: 'off',
          MINIO_UPDATE: 'off',
        },
        timeoutMs: 60_000,
      },
    );
  } catch (error) {
    await temp.remove();
    throw error;
  }
  const client = new S3Client({
    endpoint,
    region: 'eu-test-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  return {
    endpoint,
    accessKeyId,
    secretAccessKey,
    client,
    secrets: (ref) => (ref === 'env:TEST_S3_KEY' ? accessKeyId : secretAccessKey),
    async createBucket(name, options = {}) {
      await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: options.objectLock }));
    },
    storeConfig: (bucket, overrides = {}) =>
      s3StoreSchema.parse({
        name: 'minio',
        adapter: 's3',
        preset: 'minio',
        bucket,
        region: 'eu-test-1',
        endpoint,
        accessKeyId: 'env:TEST_S3_KEY',
        secretAccessKey: 'env:TEST_S3_SECRET',
        ...overrides,
      }),
    async stop() {
      client.destroy();
      await server.stop();
      await temp.remove();
    },
  };
}
