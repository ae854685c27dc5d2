/** Faults at the source: killed children and backends, a server that goes away, locks, roles, passwords, cancellation. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createGovernor } from '../../src/load/create-governor';
import { FULL_PACE } from '../../src/domain/pace';
import { connect } from '../../src/postgres/connection';
import { childProcesses, until } from '../support/children';
import { MemoryFiles } from '../support/folder-sink';
import { GatedFiles } from '../support/gated-files';
import { dump, pgDumpText, restore } from '../support/logical';
import { freePort, startPostgres, type TestPostgres, type TestTarget } from '../support/postgres';

jest.setTimeout(60_000);
let server: TestPostgres;
let source: TestTarget;

async function fill(target: TestTarget): Promise<void> {
  await server.sql(
    `CREATE TABLE first (id int PRIMARY KEY, t text);
     INSERT INTO first SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 20000) i;
     CREATE TABLE second (id int, t text);
     INSERT INTO second SELECT i, md5(i::text) FROM generate_series(1, 5000) i;
     CREATE SEQUENCE counter;
     SELECT lo_from_bytea(0, decode(repeat('00ff5c27a1b2c3d4', 1000000), 'hex'));`,
    target.database,
  );
}

beforeAll(async () => {
  server = await startPostgres({ major: 15, auth: 'scram' });
});
beforeEach(async () => {
  source = await server.fromTemplate('filled', fill);
});
afterEach(() => server.dropDatabase(source.database));
afterAll(() => server?.stop());

/** Our own sessions, and pg_dump's, at the server. */
async function backends(): Promise<number> {
  const { rows } = await server.sql(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'holdfast %' OR application_name = 'pg_dump'`,
  );
  return (rows[0] as { n: number }).n;
}
const tools = () => childProcesses().filter(({ command }) => /pg_dump|pg_restore|psql/.test(command));
const secretFolders = () => readdirSync(tmpdir()).filter((name) => /^holdfast-(pass|filter)-/.test(name));

async function expectNothingLeft(): Promise<void> {
  await until('every backend of ours is gone', async () => (await backends()) === 0);
  expect(tools()).toEqual([]);
}

async function expectNextRunClean(): Promise<void> {
  const files = new MemoryFiles();
  const summary = await dump(source, files);
  const target = await server.createDatabase(`${source.database}_back`);
  await restore(files, summary, target);
  const password = { ...source, password: undefined, host: server.socketDir };
  expect(pgDumpText(server.binDir, { ...target, host: server.socketDir })).toBe(pgDumpText(server.binDir, password));
  await server.dropDatabase(target.database);
}

test('a killed pg_dump fails the dump with its signal, and the next run is clean', async () => {
  const sink = new GatedFiles((path) => path === 'schema.dump');
  const run = dump(source, sink);
  run.catch(() => undefined);
  await sink.reached;
  const [child] = tools();
  expect(child?.command).toContain('pg_dump');
  process.kill(child!.pid, 'SIGKILL');
  sink.open();
  await expect(run).rejects.toMatchObject({ code: 'PG_TOOL_FAILED', retryable: true });
  expect(sink.files.has('schema.dump')).toBe(false);
  await expectNothingLeft();
  await expectNextRunClean();
});

test('a terminated COPY backend fails the dump, naming the table', async () => {
  const sink = new GatedFiles((path) => path.startsWith('data/'));
  const run = dump(source, sink, { readers: 1, rangeBytes: 1 << 30 });
  run.catch(() => undefined);
  await sink.reached;
  await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast reader'`);
  await until(
    'the reader is gone',
    async () =>
      (await server.sql(`SELECT FROM pg_stat_activity WHERE application_name = 'holdfast reader'`)).rowCount === 0,
  );
  sink.open();
  await expect(run).rejects.toMatchObject({
    code: 'PG_CONNECTION_LOST',
    retryable: true,
    message: expect.stringContaining('public.first') as string,
  });
  await expectNothingLeft();
  await expectNextRunClean();
});

test('a cancelled COPY fails the dump', async () => {
  const sink = new GatedFiles((path) => path.startsWith('data/'));
  const run = dump(source, sink, { readers: 1, rangeBytes: 1 << 30 });
  run.catch(() => undefined);
  await sink.reached;
  await server.sql(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast reader'`);
  sink.open();
  await expect(run).rejects.toMatchObject({ code: 'PG_QUERY_CANCELLED', retryable: true });
  await expectNothingLeft();
});

test('a lost coordinator ends the dump even while the readers could go on', async () => {
  const sink = new GatedFiles((path) => path.startsWith('data/'));
  const run = dump(source, sink);
  run.catch(() => undefined);
  await sink.reached;
  await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast dump'`);
  await until('the coordinator is gone', async () => {
    const { rowCount } = await server.sql(`SELECT FROM pg_stat_activity WHERE application_name = 'holdfast dump'`);
    return rowCount === 0;
  });
  sink.open();
  await expect(run).rejects.toMatchObject({ code: 'PG_CONNECTION_LOST', retryable: true });
  await expectNothingLeft();
});

test('a server stopped at once fails the dump, which comes out right when the server is back', async () => {
  const sink = new GatedFiles((path) => path.startsWith('data/'));
  const run = dump(source, sink);
  run.catch(() => undefined);
  await sink.reached;
  await server.stopServer('immediate');
  sink.open();
  const failure = await run.then(
    () => null,
    (error: unknown) => error,
  );
  // With its message, so that a failure of this test says what was taken for permanent.
  expect(failure).toMatchObject({ retryable: true, message: (failure as Error).message });
  expect(tools()).toEqual([]);
  await expect(dump(source, new MemoryFiles())).rejects.toMatchObject({ code: 'PG_UNREACHABLE', retryable: true });
  await server.startServer();
  await expectNextRunClean();
});

test('a cancellation in mid-dump leaves no child, no backend and no password file', async () => {
  const before = secretFolders();
  const sink = new GatedFiles(() => true);
  const cancel = new AbortController();
  const run = dump(source, sink, {}, { signal: cancel.signal });
  run.catch(() => undefined);
  await sink.reached;
  await until('pg_dump runs', () => tools().length > 0);
  cancel.abort(new Error('cancelled by a person'));
  sink.open();
  await expect(run).rejects.toThrow('cancelled by a person');
  expect(tools()).toEqual([]);
  await expectNothingLeft();
  expect(secretFolders().filter((name) => !before.includes(name))).toEqual([]);
});

test('a cancellation while a lock is awaited leaves no backend', async () => {
  const blocker = await connect(source);
  await blocker.query('locking', 'BEGIN; LOCK TABLE public.first IN ACCESS EXCLUSIVE MODE');
  const cancel = new AbortController();
  const run = dump(source, new MemoryFiles(), { lockTimeoutMs: 0 }, { signal: cancel.signal });
  run.catch(() => undefined);
  await until('the dump waits', async () => {
    const { rowCount } = await server.sql(`SELECT FROM pg_locks WHERE NOT granted`);
    return (rowCount ?? 0) > 0;
  });
  cancel.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
  await until(
    'the waiting backend is gone',
    async () =>
      (await server.sql(`SELECT FROM pg_stat_activity WHERE application_name = 'holdfast dump'`)).rowCount === 0,
  );
  await blocker.close();
});

test('a locked table fails the dump in time, naming the table and who locks it', async () => {
  const blocker = await connect(source, { applicationName: 'migration' });
  await blocker.query('locking', 'BEGIN; LOCK TABLE public.second IN ACCESS EXCLUSIVE MODE');
  await expect(dump(source, new MemoryFiles(), { lockTimeoutMs: 300 })).rejects.toMatchObject({
    code: 'PG_LOCK_TIMEOUT',
    retryable: true,
    context: { table: 'public.second', blocker: blocker.pid },
    message: expect.stringContaining('migration') as string,
  });
  await blocker.close();
  await expectNothingLeft();
});

test('a table that is emptied between snapshot and lock is seen, and a new snapshot is taken', async () => {
  const blocker = await connect(source);
  await blocker.query('truncating', 'BEGIN; TRUNCATE public.second');
  const files = new MemoryFiles();
  const run = dump(source, files);
  await until('the dump waits', async () => {
    const { rowCount } = await server.sql(`SELECT FROM pg_locks WHERE NOT granted`);
    return (rowCount ?? 0) > 0;
  });
  await blocker.query('filling', `INSERT INTO public.second VALUES (1, 'after'); COMMIT`);
  const summary = await run;
  expect(summary.tables.find(({ name }) => name === 'second')!.rows).toBe(1);
  await blocker.close();
});

test('a pause beyond its budget releases the snapshot', async () => {
  const governor = createGovernor();
  const sink = new GatedFiles((path) => path.startsWith('data/'));
  const run = dump(source, sink, { pauseBudgetMs: 300 }, { governor });
  run.catch(() => undefined);
  await sink.reached;
  governor.apply({ ...FULL_PACE, paused: true, sequence: 1, reason: 'test' });
  sink.open();
  await expect(run).rejects.toMatchObject({ code: 'PG_PAUSE_BUDGET_SPENT', retryable: true });
  await expectNothingLeft();
});

test('a pause within its budget goes on where it was', async () => {
  const governor = createGovernor();
  const sink = new GatedFiles((path) => path.startsWith('data/'));
  const run = dump(source, sink, {}, { governor });
  await sink.reached;
  governor.apply({ ...FULL_PACE, paused: true, sequence: 1, reason: 'test' });
  sink.open();
  await until('the pause is in force', () => governor.pausedForMs() > 200);
  expect(await backends()).toBeGreaterThan(0);
  governor.apply({ ...FULL_PACE, sequence: 2 });
  expect((await run).rows).toBe(25_000);
});

test('a sink that fails ends the dump with its own error', async () => {
  const sink = new MemoryFiles();
  const open = sink.openFile.bind(sink);
  sink.openFile = (path) => {
    const handle = open(path);
    if (!path.startsWith('data/')) return handle;
    return { ...handle, write: () => Promise.reject(new Error('the store is full')) };
  };
  await expect(dump(source, sink)).rejects.toThrow('the store is full');
  await expectNothingLeft();
});

describe('refused before anything is read', () => {
  const refused = async (target: TestTarget, expected: object) => {
    const sink = new MemoryFiles();
    await expect(dump(target, sink, { lockTimeoutMs: 1_000 })).rejects.toMatchObject(expected);
    expect(sink.opened).toEqual([]);
  };

  test('a server that does not answer', async () => {
    const port = await freePort();
    await refused({ ...source, port }, { code: 'PG_UNREACHABLE', context: { database: source.name, port } });
  });

  test('a wrong password', () =>
    refused({ ...source, password: 'wrong-password' }, { code: 'PG_AUTH_FAILED', retryable: false }));

  test('a missing password', () => refused({ ...source, password: undefined }, { code: 'PG_AUTH_FAILED' }));

  test('an unknown database', () => refused({ ...source, database: 'nowhere' }, { code: 'PG_DATABASE_UNKNOWN' }));

  test('TLS that the server does not have', () =>
    refused({ ...source, sslmode: 'require' as 'prefer' }, { code: 'PG_TLS' }));

  test('a role that may not read a table: the table and the grant are named', async () => {
    await server.sql(
      `DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN PASSWORD 'limited-pw';
       GRANT SELECT ON public.first TO limited`,
      source.database,
    );
    const target = { ...source, user: 'limited', password: 'limited-pw' };
    await refused(target, {
      code: 'PG_TABLE_UNREADABLE',
      message: expect.stringContaining('public.second') as string,
      hint: expect.stringContaining('GRANT SELECT ON TABLE "public"."second" TO "limited"') as string,
    });
    await server.sql(
      `GRANT SELECT ON ALL TABLES IN SCHEMA public TO limited; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO limited; DO $$ DECLARE l oid; BEGIN FOR l IN SELECT oid FROM pg_largeobject_metadata LOOP EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO limited', l); END LOOP; END $$`,
      source.database,
    );
    const summary = await dump(target, new MemoryFiles());
    expect(summary.globalsWithoutPasswords).toBe(true);
    expect(summary.rows).toBe(25_000);
    await server.sql('DROP OWNED BY limited', source.database);
  });

  test('row security that would hide rows', async () => {
    await server.sql(
      `DROP ROLE IF EXISTS hidden; CREATE ROLE hidden LOGIN PASSWORD 'hidden-pw' IN ROLE pg_read_all_data;
       ALTER TABLE public.second ENABLE ROW LEVEL SECURITY; SELECT lo_unlink(oid) FROM pg_largeobject_metadata`,
      source.database,
    );
    await refused(
      { ...source, user: 'hidden', password: 'hidden-pw' },
      { code: 'PG_ROW_SECURITY', message: expect.stringContaining('public.second') as string },
    );
  });
});
