import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { s3StoreSchema, type S3StoreConfig } from '../../src/config/schema';
import type { SecretResolver } from '../../src/storage/create-store';
import { freePort } from './ports';
import { findBinary, startProcess, type TestProcess } from './processes';
import { tempFolder } from './temp';

export interface S3TestServer {
  readonly endpoint: string;
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** The folder of the server: `<folder>/<bucket>/<key>` is the stored object. */
  readonly folder: string;
  readonly process: TestProcess;
  createBucket(name: string, options?: { objectLock?: boolean }): Promise<void>;
  /** Settings of a store at this server, as loaded from a config file. */
  storeConfig(bucket: string, overrides?: Record<string, unknown>): S3StoreConfig;
  /** Resolves the references that `storeConfig` puts into the settings. */
  readonly secrets: SecretResolver;
  stop(): Promise<void>;
}

/** A real S3 server (versitygw over a temporary folder) on a free loopback port. */
export async function startS3Server(): Promise<S3TestServer> {
  const binary = findBinary('versitygw', 'HOLDFAST_VERSITYGW_BIN');
  const temp = await tempFolder('s3');
  const folder = path.join(temp.path, 'buckets');
  const versions = path.join(temp.path, 'versions');
  await mkdir(folder);
  await mkdir(versions);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const accessKeyId = `key${randomBytes(6).toString('hex')}`;
  const secretAccessKey = randomBytes(16).toString('hex');
  const region = 'us-east-1';
  const args = ['--port', `127.0.0.1:${port}`, '--region', region, '--quiet', '--keep-alive', 'posix'];
  let server: TestProcess;
  try {
    server = await startProcess(
      binary,
      [...args, '--versioning-dir', versions, folder],
      async () => (await fetch(endpoint)).status > 0,
      {
        env: { PATH: process.env.PATH, ROOT_ACCESS_KEY_ID: accessKeyId, ROOT_SECRET_ACCESS_KEY: secretAccessKey },
      },
    );
  } catch (error) {
    await temp.remove();
    throw error;
  }
  const secrets: SecretResolver = (ref) => (ref === 'env:TEST_S3_KEY' ? accessKeyId : secretAccessKey);
  return {
    endpoint,
    port,
    accessKeyId,
    secretAccessKey,
    region,
    folder,
    process: server,
    secrets,
    async createBucket(name, options = {}) {
      const client = new S3Client({
        endpoint,
        region,
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
      });
      try {
        await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: options.objectLock }));
      } finally {
        client.destroy();
      }
    },
    storeConfig: (bucket, overrides = {}) =>
      s3StoreSchema.parse({
        name: 's3',
        adapter: 's3',
        bucket,
        region,
        endpoint,
        pathStyle: true,
        accessKeyId: 'env:TEST_S3_KEY',
        secretAccessKey: 'env:TEST_S3_SECRET',
        ...overrides,
      }),
    async stop() {
      await server.stop();
      await temp.remove();
    },
  };
}
