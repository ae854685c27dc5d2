import { dump, restore, pgDumpText } from '../../support/logical';
import { MemoryFiles } from '../../support/folder-sink';
import { startPostgres, type TestPostgres } from '../../support/postgres';

jest.setTimeout(60_000);
let server: TestPostgres;
beforeAll(async () => void (server = await startPostgres({ major: 15 })));
afterAll(() => server.stop());

test('a small database comes back', async () => {
  const source = await server.createDatabase('small');
  await server.sql(
    `CREATE TABLE a (id serial primary key, t text, j jsonb, b bytea);
     INSERT INTO a (t, j, b) SELECT repeat('x', (i * 7) % 900), jsonb_build_object('i', i), decode(md5(i::text), 'hex') FROM generate_series(1, 5000) i;
     CREATE TABLE empty (x int); CREATE TABLE "no columns" (); INSERT INTO "no columns" DEFAULT VALUES; SELECT lo_from_bytea(0, 'hello')`,
    'small',
  );
  const files = new MemoryFiles();
  const summary = await dump(source, files);
  expect(summary.rows).toBe(5001);
  const target = await server.createDatabase('small_back');
  const restored = await restore(files, summary, target);
  expect(restored.rows).toBe(5001);
  expect(pgDumpText(server.binDir, target)).toBe(pgDumpText(server.binDir, source));
});
