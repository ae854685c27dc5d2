import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, ListMultipartUploadsCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
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
  /** A user beside the owner, who may do what policies of buckets allow. */
  createUser(accessKeyId: string, secretAccessKey: string): Promise<void>;
  /** Allows each user (by access key id) these actions on the bucket and its objects. */
  allow(bucket: string, actions: Readonly<Record<string, readonly string[]>>): Promise<void>;
  /** Uploads in parts that were begun and neither completed nor aborted. */
  unfinishedUploads(bucket: string): Promise<number>;
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
  const users = path.join(temp.path, 'users');
  await mkdir(users);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const accessKeyId = `key${randomBytes(6).toString('hex')}`;
  const secretAccessKey = randomBytes(16).toString('hex');
  const region = 'us-east-1';
  const args = [
    '--port',
    `127.0.0.1:${port}`,
    '--region',
    region,
    '--quiet',
    '--keep-alive',
    '--iam-dir',
    users,
    'posix',
  ];
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
    async createUser(id, secret) {
      await promisify(execFile)(binary, ['admin', 'create-user', '-a', id, '-s', secret, '-r', 'user'], {
        env: {
          PATH: process.env.PATH,
          ADMIN_ACCESS_KEY_ID: accessKeyId,
          ADMIN_SECRET_ACCESS_KEY: secretAccessKey,
          ADMIN_REGION: region,
          ADMIN_ENDPOINT_URL: endpoint,
        },
      });
    },
    async allow(bucket, actions) {
      const client = new S3Client({
        endpoint,
        region,
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
      });
      // Actions on the bucket itself and on its objects are granted on different resources.
      const onBucket = /^s3:(List(?!Multipart)|GetBucket|GetLifecycle)/;
      const statement = (user: string, granted: readonly string[], resource: string) =>
        granted.length === 0
          ? []
          : [{ Effect: 'Allow', Principal: { AWS: [user] }, Action: granted, Resource: `arn:aws:s3:::${resource}` }];
      const Statement = Object.entries(actions).flatMap(([user, all]) => [
        ...statement(
          user,
          all.filter((action) => onBucket.test(action)),
          bucket,
        ),
        ...statement(
          user,
          all.filter((action) => !onBucket.test(action)),
          `${bucket}/*`,
        ),
      ]);
      try {
        const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
        await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
      } finally {
        client.destroy();
      }
    },
    async unfinishedUploads(bucket) {
      const client = new S3Client({
        endpoint,
        region,
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
      });
      try {
        return (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0;
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
