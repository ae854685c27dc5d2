/** Parts of a database: patterns at the dump, schemas and tables at the restore. */
import type { DumpSummary } from '../../../src/engines/engine';
import { loadFixture } from '../../support/fixture';
import { MemoryFiles } from '../../support/folder-sink';
import { dump, pgDumpText, restore } from '../../support/logical';
import { startPostgres, type TestPostgres, type TestTarget } from '../../support/postgres';

jest.setTimeout(120_000);
let server: TestPostgres;
let source: TestTarget;
let files: MemoryFiles;
let summary: DumpSummary;
beforeAll(async () => {
  server = await startPostgres({ major: 15, settings: { wal_level: 'logical' } });
  source = await server.createDatabase('everything');
  loadFixture(server.binDir, source, 'everything.sql');
  files = new MemoryFiles();
  summary = await dump(source, files);
});
afterAll(() => server?.stop());

const names = (tables: readonly { schema: string; name: string }[]) =>
  tables.map(({ schema, name }) => `${schema}.${name}`).sort();

/** What pg_dump says of that table alone, without what is about others. */
const tableText = (target: TestTarget, table: string) => pgDumpText(server.binDir, target, ['-t', table]);

describe('a restore of some tables', () => {
  test('brings them with indexes, sequences, types and functions, and leaves out foreign keys to others', async () => {
    const target = await server.createDatabase('some_tables');
    const restored = await restore(files, summary, target, {
      tables: ['app.orders', 'app.values_of_types', 'app.big'],
    });
    expect(names(restored.tables)).toEqual(['app.big', 'app.orders', 'app.values_of_types']);
    expect(restored.notices.join('\n')).toContain('FK CONSTRAINT app orders orders_customer');
    expect(tableText(target, 'app.big')).toBe(tableText(source, 'app.big'));
    expect(tableText(target, 'app.values_of_types')).toBe(tableText(source, 'app.values_of_types'));
    const { rows } = await server.sql(
      `SELECT nextval('app.owned') AS n, (SELECT count(*)::int FROM app.orders) AS c`,
      'some_tables',
    );
    expect(rows).toEqual([{ n: '777', c: 100 }]);
  });

  test('takes both sides of a foreign key when both are selected', async () => {
    const target = await server.createDatabase('both_sides');
    await restore(files, summary, target, { tables: ['app.orders', 'app.customers'] });
    const { rows } = await server.sql(`SELECT conname FROM pg_constraint WHERE contype = 'f' ORDER BY 1`, 'both_sides');
    expect(rows.map(({ conname }) => conname)).toEqual(['customers_best', 'orders_customer']);
  });

  test('takes the partitions of a partitioned table, wherever they are', async () => {
    const target = await server.createDatabase('partitioned');
    const restored = await restore(files, summary, target, { tables: ['app.events'] });
    expect(names(restored.tables)).toContain('Weird Schema.é.events_2024_a');
    const { rows } = await server.sql('SELECT count(*)::int AS n FROM app.events', 'partitioned');
    expect(rows).toEqual([{ n: 2000 }]);
    expect(tableText(target, 'app.events')).toBe(tableText(source, 'app.events'));
  });

  test('takes a partition alone as a table of its own, with its indexes', async () => {
    const target = await server.createDatabase('one_partition');
    const restored = await restore(files, summary, target, { tables: ['app.events_2023'] });
    expect(names(restored.tables)).toEqual(['app.events_2023']);
    const { rows } = await server.sql(
      `SELECT indexname FROM pg_indexes WHERE tablename = 'events_2023' ORDER BY 1`,
      'one_partition',
    );
    expect(rows.map(({ indexname }) => indexname)).toEqual(['events_2023_kind_idx', 'events_2023_pkey']);
  });

  test('takes the definition of an inherited table along, without rows, and says so', async () => {
    const target = await server.createDatabase('inherited');
    const restored = await restore(files, summary, target, { tables: ['app.grandchild'] });
    expect(names(restored.tables)).toEqual(['app.grandchild']);
    expect(restored.notices.join('\n')).toContain('app parent comes without rows');
    const { rows } = await server.sql('SELECT count(*)::int AS n FROM app.parent', 'inherited');
    expect(rows).toEqual([{ n: 1 }]);
  });

  test('is refused before anything is made when the backup has no such table', async () => {
    const target = await server.createDatabase('unknown_table');
    await expect(restore(files, summary, target, { tables: ['app.nowhere'] })).rejects.toMatchObject({
      code: 'PG_SELECTION_UNKNOWN',
    });
    const { rows } = await server.sql(`SELECT count(*)::int AS n FROM pg_class WHERE oid >= 16384`, 'unknown_table');
    expect(rows).toEqual([{ n: 0 }]);
  });
});

test('a restore of one schema brings all of it', async () => {
  const target = await server.createDatabase('one_schema');
  const restored = await restore(files, summary, target, { schemas: ['Weird Schema.é', 'TABLE'] });
  expect(new Set(restored.tables.map(({ schema }) => schema))).toEqual(new Set(['Weird Schema.é', 'TABLE']));
  expect(pgDumpText(server.binDir, target, ['-n', 'TABLE'.replace('TABLE', '"TABLE"')])).toBe(
    pgDumpText(server.binDir, source, ['-n', '"TABLE"']),
  );
});

describe('owners and grants', () => {
  test('are left out when asked', async () => {
    const target = await server.createDatabase('no_owners');
    await restore(files, summary, target, { owners: 'omit', acls: 'omit' });
    const { rows } = await server.sql(
      `SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = 'app'::regnamespace`,
      'no_owners',
    );
    expect(rows).toEqual([{ owner: 'postgres' }]);
  });

  test('are given to one role when asked', async () => {
    await server.sql('CREATE ROLE newcomer SUPERUSER');
    const target = await server.createDatabase('mapped');
    await restore(files, summary, target, { owners: { mapTo: 'newcomer' }, acls: 'omit' });
    const { rows } = await server.sql(
      `SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = 'app'::regnamespace`,
      'mapped',
    );
    expect(rows).toEqual([{ owner: 'newcomer' }]);
  });
});

describe('patterns of a dump', () => {
  test('leave out excluded tables with their definitions, and a foreign key to one of them', async () => {
    const some = new MemoryFiles();
    const partial = await dump(source, some, {
      excludeTables: ['app.tree', 'app.fk_to*', 'app.customers'],
      excludeSchemas: ['weird*', 'TABLE'],
    }).catch((error: unknown) => error);
    // app.rich is a view on app.customers.
    expect(partial).toMatchObject({ code: 'PG_EXCLUDED_NEEDED' });
    const without = await dump(source, some, { excludeTables: ['app.customers', 'app.rich'] });
    expect(names(without.tables)).not.toContain('app.customers');
    expect(without.omittedConstraints).toEqual([{ schema: 'app', table: 'orders', name: 'orders_customer' }]);
    const target = await server.createDatabase('without_customers');
    await restore(some, without, target);
    const { rows } = await server.sql(
      `SELECT to_regclass('app.customers') AS c, to_regclass('app.orders')::text AS o`,
      'without_customers',
    );
    expect(rows).toEqual([{ c: null, o: 'app.orders' }]);
  });

  test('take the included tables alone, and the restore makes their schemas', async () => {
    const some = new MemoryFiles();
    const partial = await dump(source, some, { includeTables: ['app.b?g', '"Weird Schema.é".user'] });
    expect(names(partial.tables)).toEqual(['Weird Schema.é.user', 'app.big']);
    const target = await server.createDatabase('two_tables');
    const restored = await restore(some, partial, target);
    expect(restored.rows).toBe(partial.rows);
  });

  test('take one schema alone', async () => {
    const partial = await dump(source, new MemoryFiles(), { includeSchemas: ['"TABLE"'] });
    expect(names(partial.tables)).toEqual(['TABLE.DATA x']);
  });

  test('that fit nothing are refused', async () => {
    await expect(dump(source, new MemoryFiles(), { includeTables: ['no.such'] })).rejects.toMatchObject({
      code: 'PG_NOTHING_TO_DUMP',
    });
  });
});
