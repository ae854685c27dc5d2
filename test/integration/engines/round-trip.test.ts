/** What goes in comes out: pg_dump says the same of source and restored database, and every table gives the same bytes. */
import type { DumpSummary } from '../../../src/engines/engine';
import { readBackQuery } from '../../../src/engines/logical';
import { withSession } from '../../../src/postgres/connection';
import { copyOut } from '../../../src/postgres/copy-out';
import { loadFixture } from '../../support/fixture';
import { MemoryFiles } from '../../support/folder-sink';
import { dump, pgDumpText, restore } from '../../support/logical';
import {
  installedMajors,
  postgresBinDir,
  startPostgres,
  type TestPostgres,
  type TestTarget,
} from '../../support/postgres';

jest.setTimeout(120_000);

async function readBack(target: TestTarget, statement: string, encoding: string): Promise<Buffer> {
  return withSession(target, { encoding }, async (session) => {
    const copy = copyOut(session.client, statement);
    const chunks: Buffer[] = [];
    for (let chunk = await copy.next(); chunk; chunk = await copy.next()) chunks.push(chunk);
    return Buffer.concat(chunks);
  });
}

async function expectExact(files: MemoryFiles, summary: DumpSummary, target: TestTarget): Promise<void> {
  for (const table of summary.tables) {
    const dumped = Buffer.concat(table.files.map((path) => files.files.get(path)!));
    const restored = await readBack(target, readBackQuery(table), summary.encoding);
    if (!restored.equals(dumped)) throw new Error(`${table.schema}.${table.name} reads back differently`);
  }
}

describe.each(installedMajors())('PostgreSQL %i', (major) => {
  let server: TestPostgres;
  let source: TestTarget;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: { wal_level: 'logical' } });
    source = await server.createDatabase('everything');
    loadFixture(server.binDir, source, 'everything.sql');
  });
  afterAll(() => server?.stop());

  test.each([...new Set([major, 18 as const])].filter((client) => client >= major && postgresBinDir(client)))(
    'with client tools %i everything comes back, byte for byte',
    async (clientMajor) => {
      const options = { binDirs: [postgresBinDir(clientMajor)!], clientMajor };
      // What pg_dump 16 and newer says of a subscription is not understood by a server before 16.
      const from = clientMajor > 15 && major === 15 ? await withoutSubscription(server) : source;
      const files = new MemoryFiles();
      const summary = await dump(from, files, options);
      expect(summary.toolVersion.startsWith(`${clientMajor}.`)).toBe(true);
      expect(summary.tables.find(({ name }) => name === 'big')!.files.length).toBeGreaterThan(3);
      const target = await server.createDatabase(`back_${clientMajor}`);
      const restored = await restore(files, summary, target, options);
      expect(restored.rows).toBe(summary.rows);
      await expectExact(files, summary, target);
      expect(pgDumpText(server.binDir, target)).toBe(pgDumpText(server.binDir, from));
    },
  );
});

async function withoutSubscription(server: TestPostgres): Promise<TestTarget> {
  const target = await server.createDatabase('no_subscription', { template: 'everything' });
  loadFixture(server.binDir, target, 'drop-subscription.sql');
  return target;
}
