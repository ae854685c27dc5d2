/** A backup from end to end on a folder, S3, Google Cloud Storage and Supabase Storage at once. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { HoldfastConfigInput } from '../../../src/config/schema';
import { startGcsServer, type GcsTestServer } from '../../support/gcs-server';
import { startS3Server, type S3TestServer } from '../../support/s3-server';
import { fillShop, startStack, type Stack } from '../../support/stack';
import { startSupabaseServer, type SupabaseTestServer } from '../../support/supabase-server';
import { tempFolder, type TempFolder } from '../../support/temp';

const STORES = ['disk', 's3', 'google', 'supabase'];
let s3: S3TestServer;
let google: GcsTestServer;
let supabase: SupabaseTestServer;
let credentials: TempFolder;
let stack: Stack;
let stopWorkers: (() => Promise<void>) | undefined;

beforeAll(async () => {
  credentials = await tempFolder('providers');
  [s3, google, supabase] = await Promise.all([startS3Server(), startGcsServer(), startSupabaseServer()]);
  await s3.createBucket('copies');
  await google.createBucket('copies');
  supabase.createBucket('copies');
  const secret = async (name: string, value: string) => {
    const file = path.join(credentials.path, name);
    await writeFile(file, value, { mode: 0o600 });
    return `file:${file}`;
  };
  const moreStores: HoldfastConfigInput['stores'] = [
    {
      name: 's3',
      adapter: 's3',
      preset: 'versitygw',
      bucket: 'copies',
      endpoint: s3.endpoint,
      accessKeyId: await secret('id', s3.accessKeyId),
      secretAccessKey: await secret('secret', s3.secretAccessKey),
    },
    {
      name: 'google',
      adapter: 'gcs',
      bucket: 'copies',
      endpoint: google.endpoint,
      anonymous: true,
      // Small enough that segments go by resumable upload.
      resumableThreshold: '256KiB',
      chunkSize: '256KiB',
    },
    {
      name: 'supabase',
      adapter: 'supabase',
      url: supabase.url,
      bucket: 'copies',
      key: await secret('key', supabase.serviceKey),
      tusThreshold: '256KiB',
    },
  ];
  stack = await startStack({
    stores: ['disk'],
    moreStores,
    repository: { segmentSize: '1MiB' },
    database: { verification: { stores: 'all', grade: 'exact' } },
  });
  await stack.postgres.sql(
    `CREATE TABLE noise AS SELECT i, (SELECT string_agg(gen_random_uuid()::text, '') FROM generate_series(1, 60) WHERE i > 0) AS body
       FROM generate_series(1, 2000) i`,
    'shop',
  );
  await fillShop(stack.postgres, 500);
  stopWorkers = await stack.startWorkers();
}, 180_000);
afterAll(async () => {
  await stopWorkers?.();
  await stack?.stop();
  await Promise.all([s3?.stop(), google?.stop(), supabase?.stop()]);
  await credentials?.remove();
}, 60_000);

test('every store takes its copy from one dump, and each copy is proved exact by its own bytes', async () => {
  const { workflowId } = await stack.client.requestBackup({
    database: 'shop',
    type: 'full',
    overlap: 'skip',
    requestedBy: 'a test',
  });
  const { outcome, backup } = await stack.client.requestResult(workflowId);
  expect(outcome).toBe('ran');
  expect(backup).toMatchObject({ rows: 2500, grade: 'exact' });
  expect(backup!.copies).toMatchObject(STORES.map((store) => ({ store, state: 'proved', grade: 'exact' })));
  // Large objects took the way of large objects.
  expect(supabase.requests.some(({ method, path: at }) => method === 'POST' && at.endsWith('/resumable'))).toBe(true);
  expect(await supabase.unfinishedUploads()).toBe(0);
}, 300_000);

test.each(['google', 'supabase'])(
  'a restore from %s alone brings every row back',
  async (store) => {
    const [job] = await stack.catalog.jobs({ database: 'shop' });
    const { workflowId } = await stack.client.startRestore({
      backupId: job!.backupId,
      database: 'shop',
      store,
      to: { database: 'shop' },
      as: `from_${store}`,
      schemas: [],
      tables: [],
      owners: 'keep',
      acls: 'keep',
      globals: 'none',
      jobs: 2,
      replace: false,
      requestedBy: 'a test',
    });
    const result = await stack.client.restoreResult(workflowId);
    expect(result).toMatchObject({ databaseName: `from_${store}`, rows: 2500 });
    const sum = 'SELECT md5(string_agg(body, $$/$$ ORDER BY i)) AS sum FROM noise';
    const [before, after] = [await stack.postgres.sql(sum, 'shop'), await stack.postgres.sql(sum, `from_${store}`)];
    expect(after.rows).toEqual(before.rows);
  },
  300_000,
);
