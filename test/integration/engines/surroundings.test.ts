/** Databases in other encodings, extensions with rows of their own, roles in another cluster, a standby of nothing else. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBackQuery } from '../../../src/engines/logical';
import { withSession } from '../../../src/postgres/connection';
import { copyOut } from '../../../src/postgres/copy-out';
import { loadFixture } from '../../support/fixture';
import { MemoryFiles } from '../../support/folder-sink';
import { dump, pgDumpText, restore } from '../../support/logical';
import { installedMajors, startPostgres, type TestPostgres } from '../../support/postgres';

jest.setTimeout(90_000);
let server: TestPostgres;
beforeAll(async () => void (server = await startPostgres({ major: 15, settings: { wal_level: 'logical' } })));
afterAll(() => server?.stop());

describe.each([
  ['LATIN1', `convert_from('\\x636166e9', 'LATIN1')`],
  // Bytes that are no UTF-8: only an unchecked encoding can hold them.
  ['SQL_ASCII', `encode('\\x636166', 'escape')`],
  ['EUC_JP', `convert_from('\\xc6fccbdc', 'EUC_JP')`],
])('a database in %s', (encoding, value) => {
  test('comes back byte for byte, names included', async () => {
    const name = encoding.toLowerCase();
    const source = await server.createDatabase(name, { extra: `ENCODING '${encoding}'` });
    const table = encoding === 'LATIN1' ? 'caf\u00e9' : encoding === 'EUC_JP' ? '\u65e5\u672c' : 'plain';
    await server.sql(
      `CREATE TABLE "${table}" (id int, "${table}" text); INSERT INTO "${table}" VALUES (1, ${value}), (2, NULL)`,
      name,
    );
    if (encoding === 'SQL_ASCII')
      await server.sql(`SET client_encoding = SQL_ASCII; INSERT INTO plain VALUES (3, E'\\xff\\xe9\\x80')`, name);
    const files = new MemoryFiles();
    const summary = await dump(source, files);
    expect(summary.encoding).toBe(encoding);
    const target = await server.createDatabase(`${name}_back`, { extra: `ENCODING '${encoding}'` });
    await restore(files, summary, target);
    const dumped = files.files.get(summary.tables[0]!.files[0]!)!;
    const read = await withSession(target, { encoding }, (session) =>
      copyOut(session.client, readBackQuery(summary.tables[0]!)).next(),
    );
    expect(read!.toString('hex')).toBe(dumped.toString('hex'));
    expect(pgDumpText(server.binDir, target)).toBe(pgDumpText(server.binDir, source));
  });
});

test('the bytes are the same whatever the role has for defaults', async () => {
  const source = await server.createDatabase('defaults');
  await server.sql(
    `CREATE TABLE v (t timestamptz, i interval, b bytea, f float8, d date);
     INSERT INTO v VALUES ('2024-05-06 07:08:09+02', '1 day 02:03', '\\x00ff', 0.1, '2024-02-01')`,
    'defaults',
  );
  const plain = new MemoryFiles();
  await dump(source, plain);
  await server.sql(
    `ALTER DATABASE defaults SET datestyle = 'German'; ALTER DATABASE defaults SET timezone = 'Asia/Tokyo';
     ALTER DATABASE defaults SET intervalstyle = 'iso_8601'; ALTER DATABASE defaults SET bytea_output = 'escape';
     ALTER DATABASE defaults SET extra_float_digits = -5; ALTER DATABASE defaults SET search_path = 'nowhere';
     ALTER DATABASE defaults SET default_transaction_read_only = on; ALTER DATABASE defaults SET statement_timeout = '5s'`,
  );
  const changed = new MemoryFiles();
  const summary = await dump(source, changed);
  const path = summary.tables[0]!.files[0]!;
  expect(changed.files.get(path)!.toString()).toBe(plain.files.get(path)!.toString());
});

test('roles that another cluster lacks are made, and owners and grants fit', async () => {
  const source = await server.createDatabase('everything');
  loadFixture(server.binDir, source, 'everything.sql');
  const files = new MemoryFiles();
  const summary = await dump(source, files);
  const other = await startPostgres({ major: 15, settings: { wal_level: 'logical' } });
  try {
    const target = await other.createDatabase('everything');
    await expect(restore(files, summary, target)).rejects.toMatchObject({ code: 'PG_ROLE_MISSING' });
    await other.dropDatabase('everything');
    await other.createDatabase('everything');
    const restored = await restore(files, summary, target, { globals: 'roles' });
    expect(restored.notices).toContain('the role keeper was created');
    expect(pgDumpText(server.binDir, target)).toBe(pgDumpText(server.binDir, source));
    const { rows } = await other.sql(
      `SELECT rolname::text, rolconnlimit, rolpassword LIKE 'SCRAM%' AS secret FROM pg_authid WHERE rolname LIKE 'Odd%'`,
    );
    expect(rows).toEqual([{ rolname: 'Odd "Role"; é', rolconnlimit: 3, secret: true }]);
  } finally {
    await other.stop();
  }
});

(installedMajors().includes(18) ? test : test.skip)(
  'an extension’s configuration rows come with it, and its other rows do not',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-extension-'));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'extension'));
    writeFileSync(join(folder, 'extension/kept.control'), "default_version = '1'\nrelocatable = false\n");
    writeFileSync(
      join(folder, 'extension/kept--1.sql'),
      `CREATE TABLE kept_config (id int, own boolean); CREATE TABLE kept_cache (id int);
       INSERT INTO kept_config VALUES (1, false);
       SELECT pg_catalog.pg_extension_config_dump('kept_config', 'WHERE own');`,
    );
    const newer = await startPostgres({ major: 18, settings: { extension_control_path: `${folder}:$system` } });
    try {
      const source = await newer.createDatabase('extended');
      await newer.sql(
        `CREATE EXTENSION kept; INSERT INTO kept_config VALUES (2, true); INSERT INTO kept_cache VALUES (3);
         CREATE EXTENSION vector; CREATE TABLE items (v vector(3)); INSERT INTO items VALUES ('[1,2,3.5]')`,
        'extended',
      );
      const files = new MemoryFiles();
      const summary = await dump(source, files, { binDirs: [newer.binDir] });
      expect(summary.tables.map(({ name }) => name)).toEqual(['items']);
      const target = await newer.createDatabase('extended_back');
      await restore(files, summary, target, { binDirs: [newer.binDir] });
      const { rows } = await newer.sql('SELECT id FROM kept_config ORDER BY id', 'extended_back');
      expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
      expect(pgDumpText(newer.binDir, target)).toBe(pgDumpText(newer.binDir, source));
    } finally {
      await newer.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
