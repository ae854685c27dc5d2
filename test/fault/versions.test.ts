/** Servers and client tools of different versions: what fits works, an older client is refused before anything runs. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryFiles } from '../support/folder-sink';
import { dump, pgDumpText, restore } from '../support/logical';
import { installedMajors, postgresBinDir, startPostgres, type TestPostgres } from '../support/postgres';
import { findRestoreTools, findTools } from '../../src/postgres/tools';

jest.setTimeout(90_000);
const majors = installedMajors();
const binDirs = majors.map((major) => postgresBinDir(major)!);

describe.each(majors)('a server of PostgreSQL %i', (major) => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres({ major });
    await server.createDatabase('shop');
    await server.sql(
      `CREATE TABLE goods (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, price numeric);
       INSERT INTO goods (name, price) SELECT 'g' || i, i / 3.0 FROM generate_series(1, 1000) i`,
      'shop',
    );
  });
  afterAll(() => server?.stop());

  test.each(majors.filter((client) => client >= major))('is dumped and restored with tools %i', async (clientMajor) => {
    const files = new MemoryFiles();
    const summary = await dump(server.target('shop'), files, { binDirs, clientMajor });
    expect(summary.toolVersion.startsWith(`${clientMajor}.`)).toBe(true);
    const target = await server.createDatabase(`shop_${clientMajor}`);
    await restore(files, summary, target, { binDirs, clientMajor });
    expect(pgDumpText(server.binDir, target)).toBe(pgDumpText(server.binDir, server.target('shop')));
  });

  test('is dumped with tools of its own major when nothing else is said', async () => {
    const summary = await dump(server.target('shop'), new MemoryFiles(), { binDirs });
    expect(summary.toolVersion.startsWith(`${major}.`)).toBe(true);
  });

  for (const newer of majors.filter((other) => other > major))
    test(`is moved to a server of ${newer}`, async () => {
      const files = new MemoryFiles();
      const summary = await dump(server.target('shop'), files, { binDirs });
      const other = await startPostgres({ major: newer });
      try {
        const restored = await restore(files, summary, await other.createDatabase('moved'), { binDirs });
        expect(restored.rows).toBe(1000);
      } finally {
        await other.stop();
      }
    });
});

describe('client tools', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-tools-'));
    for (const name of ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql']) {
      writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} (PostgreSQL) 14.9"\n`);
      chmodSync(join(folder, name), 0o755);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('older than the server are refused before a file is opened', async () => {
    // A server newer than every tool that is installed here.
    await expect(findTools(990_000, { binDirs: [folder] })).rejects.toMatchObject({
      code: 'PG_TOOLS_TOO_OLD',
      retryable: false,
    });
    const server = await startPostgres({ major: majors[0] });
    try {
      const sink = new MemoryFiles();
      await expect(dump(server.target(), sink, { binDirs, clientMajor: 99 })).rejects.toMatchObject({
        code: 'PG_TOOLS_TOO_OLD',
      });
      expect(sink.opened).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  test('of another folder are found, and the nearest fitting major is taken', async () => {
    expect((await findTools(140_000, { binDirs: [folder] })).version).toBe('14.9');
    expect((await findTools(150_000, { binDirs: [folder, ...binDirs] })).major).toBe(15);
  });

  test('that restore are as new as those that dumped', async () => {
    const newest = majors[majors.length - 1]!;
    expect((await findRestoreTools(150_000, `${newest}.1`, { binDirs })).major).toBe(newest);
  });
});
