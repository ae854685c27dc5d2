/** Fault 17: what a proof must catch, and fault 9 as far as a proof sees it. */
import { rm, readdir, truncate, writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import type { BackupReader, ProofRecord } from '../../src/repository/types';
import { proveCopyWith, type ProofHooks } from '../../src/verify/prove-copy';
import { startPostgres, type TestPostgres } from '../support/postgres';
import { proofWorld, SHOP_SQL, type ProofWorld } from '../support/proof';

jest.setTimeout(120_000);

let server: TestPostgres;
let world: ProofWorld;
let reader: BackupReader;
beforeAll(async () => {
  server = await startPostgres();
  world = await proofWorld();
  const shop = await server.createDatabase('shop');
  await server.sql(SHOP_SQL, 'shop');
  reader = await world.backUp(shop);
});
afterAll(async () => {
  await server?.stop();
  await world?.remove();
});
afterEach(async () => expect(await readdir(world.scratchDir).catch(() => [])).toEqual([]));

/** Runs SQL in the restored database before it is compared. */
const tamper = (sql: string): ProofHooks => ({
  async afterRestore(_cluster, database) {
    const client = new Client({ ...database, ssl: false });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  },
});
const prove = (hooks: ProofHooks, grade: 'restored' | 'exact' = 'exact'): Promise<ProofRecord> =>
  proveCopyWith(world.request(reader, { grade }), hooks);

describe('a proof catches', () => {
  it.each([
    ['a table that is missing', 'DROP TABLE nothing', 'intact', 'VERIFY_TABLE_MISSING', 'public.nothing'],
    [
      'a row that is missing',
      'DELETE FROM "Order Lines" WHERE id = 2999',
      'intact',
      'VERIFY_ROWS_DIFFER',
      'has 3999 rows',
    ],
    ['a row too many', 'INSERT INTO nothing VALUES (1)', 'intact', 'VERIFY_ROWS_DIFFER', 'has 1 rows'],
    [
      'a value that changed',
      `UPDATE "Order Lines" SET doc = '{}' WHERE id = 4000`,
      'restored',
      'VERIFY_CONTENT_DIFFERS',
      'public.Order Lines',
    ],
    [
      'an index that is invalid',
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'customers_name'::regclass`,
      'intact',
      'VERIFY_INDEX_INVALID',
      'public.customers_name',
    ],
    [
      'an index that is missing',
      'DROP INDEX customers_name',
      'intact',
      'VERIFY_OBJECT_MISSING',
      'INDEX public customers_name',
    ],
    ['a view that is missing', 'DROP VIEW cheap', 'intact', 'VERIFY_OBJECT_MISSING', 'VIEW public cheap'],
    [
      'a foreign key that is missing',
      `ALTER TABLE "Order Lines" DROP CONSTRAINT "Order Lines_customer_fkey"`,
      'intact',
      'VERIFY_OBJECT_MISSING',
      'FK CONSTRAINT',
    ],
    [
      'an owner that changed',
      'ALTER VIEW cheap OWNER TO pg_database_owner',
      'intact',
      'VERIFY_OBJECT_MISSING',
      'cheap',
    ],
    [
      'a sequence that is behind',
      `SELECT setval('invoices', 500)`,
      'intact',
      'VERIFY_SEQUENCE_DIFFERS',
      'at 500, not at 501',
    ],
    [
      'a sequence that was called',
      `SELECT setval('untouched', 1, true)`,
      'intact',
      'VERIFY_SEQUENCE_DIFFERS',
      'public.untouched',
    ],
    [
      'a large object that is missing',
      'SELECT lo_unlink(70002)',
      'intact',
      'VERIFY_LARGE_OBJECTS_DIFFER',
      '1 large objects',
    ],
    [
      'a large object that changed',
      `SELECT lo_put(70001, 3000, '\\x00')`,
      'intact',
      'VERIFY_LARGE_OBJECTS_DIFFER',
      '10000 bytes',
    ],
  ])('%s', async (_what, sql, grade, code, words) => {
    const proof = await prove(tamper(sql));
    expect(proof).toMatchObject({ grade, asked: 'exact', failure: { class: 'data', code } });
    expect(proof.failure!.message).toContain(words);
    expect(proof.failure!.hint).not.toBe('');
    // The place is told, never the data.
    expect(JSON.stringify(proof)).not.toContain('customer 2999');
  });

  it('a changed value only by reading rows back: counting is not enough', async () => {
    const proof = await prove(tamper(`UPDATE customers SET note = 'x' WHERE id = 1`), 'restored');
    expect(proof).toMatchObject({ grade: 'restored', failure: null });
  });
});

describe('a proof blames the surroundings for', () => {
  it('an extension that is not installed', async () => {
    const source = await server.createDatabase('extended');
    await server.sql(`CREATE EXTENSION citext; CREATE TABLE t (x citext); INSERT INTO t VALUES ('A')`, 'extended');
    const copy = await world.backUp(source, { backupId: '20261121T110000Z-full-0000000e' });
    const proof = await proveCopyWith(world.request(copy), {
      engine: {
        // What pg_restore says on a machine without the package.
        restore: async (request) => {
          const client = new Client({ ...request.target, ssl: false });
          await client.connect();
          try {
            await client.query('CREATE EXTENSION "citext_that_is_not_installed"');
          } finally {
            await client.end();
          }
          throw new Error('not reached');
        },
      },
    });
    expect(proof).toMatchObject({
      // The bytes were checked all the same.
      grade: 'intact',
      failure: { class: 'environment', code: 'VERIFY_EXTENSION_MISSING' },
    });
    expect(proof.failure!.message).toContain('citext_that_is_not_installed');
  });

  it('a server that is older than the source', async () => {
    const { manifest } = reader;
    const summary = { ...manifest.body.summary, serverVersionNum: 990000 };
    const newer = { ...reader, manifest: { ...manifest, body: { ...manifest.body, summary } } };
    const proof = await proveCopyWith(world.request(newer), {});
    expect(proof).toMatchObject({ grade: 'intact', failure: { class: 'environment', code: 'SCRATCH_NO_SERVER' } });
  });
});

describe('a damaged copy', () => {
  const backupId = '20261121T120000Z-full-000000da';
  let copy: BackupReader;
  let objects: string[];
  const place = (object: string) => join(world.storeDir, 'shop/segments', object.slice(0, 2), object);
  beforeAll(async () => {
    const source = await server.createDatabase('damaged');
    await server.sql(`CREATE TABLE t AS SELECT i, md5('d' || i) AS h FROM generate_series(1, 4000) i`, 'damaged');
    copy = await world.backUp(source, { backupId });
    objects = copy.manifest.inventory.segments.map((ref) => ref.object);
  });

  it.each(['stored', 'intact', 'restored', 'exact'] as const)(
    'that lacks an object is not even stored: %s',
    async (grade) => {
      const victim = place(objects.at(-1)!);
      const bytes = await readFile(victim);
      await rm(victim);
      const proof = await proveCopyWith(world.request(copy, { grade }), {});
      await writeFile(victim, bytes);
      expect(proof).toMatchObject({ grade: null, failure: { class: 'data', code: 'VERIFY_OBJECTS_MISSING' } });
      expect(proof.failure!.message).toContain(objects.at(-1)!);
    },
  );

  it.each(['intact', 'restored', 'exact'] as const)('with a flipped bit is stored, and no more: %s', async (grade) => {
    const victim = place(objects.at(-1)!);
    const bytes = await readFile(victim);
    const flipped = Buffer.from(bytes);
    flipped[flipped.length >> 1]! ^= 4;
    await writeFile(victim, flipped);
    const proof = await proveCopyWith(world.request(copy, { grade }), {});
    await writeFile(victim, bytes);
    expect(proof.failure).toMatchObject({ class: 'data' });
    expect(proof.failure!.code).toMatch(/VERIFY_OBJECTS_DAMAGED|REPO_SEGMENT_DAMAGED/);
    expect(['stored', null]).toContain(proof.grade);
    expect(proof.restoreMs).toBeNull();
  });

  it('that was cut short is found by its size alone', async () => {
    const victim = place(objects[0]!);
    const bytes = await readFile(victim);
    await truncate(victim, bytes.length - 1);
    const proof = await proveCopyWith(world.request(copy, { grade: 'exact' }), {});
    await writeFile(victim, bytes);
    expect(proof).toMatchObject({ grade: null, failure: { code: 'VERIFY_OBJECTS_DAMAGED' } });
  });

  it('is proved once its objects are whole again', async () => {
    expect(await proveCopyWith(world.request(copy), {})).toMatchObject({ grade: 'exact', failure: null });
  });
});
