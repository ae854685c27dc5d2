import { createServer, type Socket } from 'node:net';
import { Client } from 'pg';
import { createGovernor } from '../../../src/load/create-governor';
import { waitersBehindUs, watchLocks, type LockReport } from '../../../src/load/lock-watch';
import { createPostgresSampler } from '../../../src/load/samplers/postgres/postgres-sampler';
import { createSamplerSet } from '../../../src/load/samplers/sampler-set';
import { FULL_PACE } from '../../../src/domain/pace';
import { DiscardingSink } from '../../support/folder-sink';
import { dump } from '../../support/logical';
import { startPostgres, type TestPostgres } from '../../support/postgres';
import { startToxiproxy, type Toxiproxy } from '../../support/toxiproxy';

jest.setTimeout(120_000);

let server: TestPostgres;
let toxiproxy: Toxiproxy;
beforeAll(async () => {
  server = await startPostgres();
  toxiproxy = await startToxiproxy();
  await server.sql(`CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 1000) AS g; CREATE TABLE quiet (id int);
    CREATE ROLE app LOGIN; ALTER TABLE orders OWNER TO app; GRANT CREATE ON SCHEMA public TO app`);
});
afterAll(async () => {
  await toxiproxy?.stop();
  await server?.stop();
});

const login = async () => {
  const client = new Client({ host: server.socketDir, port: server.port, user: 'app', database: 'postgres' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

test('a real dump that is paused: DDL behind its lock is told within seconds, then the queries behind the DDL, then the release', async () => {
  const cancel = new AbortController();
  const governor = createGovernor({ pace: { ...FULL_PACE, paused: true, sequence: 1 } });
  const dumping = dump(server.target(), new DiscardingSink(), {}, { governor, signal: cancel.signal });
  const dumped = dumping.then(
    () => 'ended',
    (error: Error) => error.message,
  );
  const [ddl, query] = [await login(), await login()];
  const watched = new AbortController();
  const heard: { report: LockReport; at: number }[] = [];
  let wake = () => undefined as void;
  const watching = watchLocks({ target: () => Promise.resolve(server.target()), intervalMs: 500 }, watched.signal, {
    report: (report) => (heard.push({ report, at: Date.now() }), wake()),
  });
  const told = async (fits: (report: LockReport) => boolean) => {
    for (;;) {
      const found = heard.find(({ report }) => fits(report));
      if (found) return found;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  try {
    const locked = async () =>
      (
        await server.sql(
          `SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = 'orders'::regclass AND application_name = 'holdfast dump'`,
        )
      ).rowCount;
    while (!(await locked())) await new Promise((resolve) => setTimeout(resolve, 50));
    const since = Date.now();
    const altered = ddl.query('ALTER TABLE public.orders ADD COLUMN later int');
    const first = await told(({ behindUs }) => behindUs.length === 1);
    expect(first.report.behindUs[0]).toMatchObject({
      lockType: 'relation',
      mode: 'AccessExclusiveLock',
      relation: 'public.orders',
      direct: true,
    });
    expect(first.report.behindUs[0]!.waitedMs).toBeGreaterThanOrEqual(0);
    // The promise is five seconds; half a second is asked for here, and the machine may be slow.
    expect(first.at - since).toBeLessThan(5_000);
    const counted = query.query('SELECT count(*) FROM public.orders');
    const second = await told(({ behindUs }) => behindUs.length === 2);
    expect(second.report.behindUs.map(({ direct }) => direct).sort()).toEqual([false, true]);
    expect(await waitersBehindUs({ target: () => Promise.resolve(server.target()) }, watched.signal)).toMatchObject({
      waiters: 2,
    });
    // What policy may decide: the dump gives its snapshot up, and everybody goes on.
    cancel.abort(new Error('given up for others'));
    await altered;
    await counted;
    expect(await dumped).toBe('given up for others');
    const last = heard.length;
    while (heard.length === last && heard[last - 1]!.report.behindUs.length > 0)
      await new Promise<void>((resolve) => (wake = resolve));
    expect(heard[heard.length - 1]!.report.behindUs).toEqual([]);
  } finally {
    cancel.abort(new Error('given up for others'));
    watched.abort();
    await watching;
    await Promise.all([ddl.end(), query.end(), dumped]);
  }
});

test('an index that is built concurrently waits for our snapshot, not for a table of ours', async () => {
  const reader = new Client({
    host: server.socketDir,
    port: server.port,
    user: 'postgres',
    database: 'postgres',
    application_name: 'holdfast reader',
  });
  await reader.connect();
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM public.quiet');
  const builder = await login();
  const building = builder.query('CREATE INDEX CONCURRENTLY ON public.orders (id)');
  const ask = () => waitersBehindUs({ target: () => Promise.resolve(server.target()) }, new AbortController().signal);
  // A statement that fails would leave nobody to wait for.
  building.catch(() => undefined);
  let report = await ask();
  while (report.behindUs.length === 0) report = await ask();
  expect(report.behindUs[0]).toMatchObject({ lockType: 'virtualxid', relation: null, direct: true });
  await reader.query('ROLLBACK');
  await building;
  await Promise.all([reader.end(), builder.end()]);
});

test('a dump of another database of the same server is in nobody’s way here, and in somebody’s way there', async () => {
  await server.createDatabase('elsewhere');
  await server.sql('CREATE TABLE there (id int)', 'elsewhere');
  const connected = async (application: string) => {
    const client = new Client({
      host: server.socketDir,
      port: server.port,
      user: 'postgres',
      database: 'elsewhere',
      application_name: application,
    });
    await client.connect();
    return client;
  };
  const [dumping, builder] = [await connected('holdfast dump'), await connected('an app')];
  await dumping.query('BEGIN; LOCK TABLE public.there IN ACCESS SHARE MODE');
  const altering = builder.query('ALTER TABLE public.there ADD COLUMN later int');
  altering.catch(() => undefined);
  const ask = (database: string) =>
    waitersBehindUs({ target: () => Promise.resolve(server.target(database)) }, new AbortController().signal);
  let there = await ask('elsewhere');
  while (there.behindUs.length === 0) there = await ask('elsewhere');
  expect(there.behindUs[0]).toMatchObject({ relation: 'public.there', direct: true });
  expect((await ask('postgres')).behindUs).toEqual([]);
  await dumping.query('ROLLBACK');
  await altering;
  await Promise.all([dumping.end(), builder.end()]);
});

test('a watch that cannot see says so, and sees again when the network is back', async () => {
  const proxy = await toxiproxy.proxy(`127.0.0.1:${server.port}`);
  const target = () => Promise.resolve({ ...server.target(), port: proxy.port });
  const ended = new AbortController();
  const faults: string[] = [];
  const reports: LockReport[] = [];
  const watching = watchLocks({ target, intervalMs: 100, deadlineMs: 1_000 }, ended.signal, {
    report: (report) => reports.push(report),
    failed: (message) => faults.push(message),
  });
  const until = async (fits: () => boolean) => {
    while (!fits()) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const heal = await proxy.add({ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } });
  await until(() => faults.length > 0);
  expect(faults[0]).toMatch(/no answer within 1000 ms|could not|lost|reached/);
  await heal();
  const reader = new Client({
    host: server.socketDir,
    port: server.port,
    user: 'postgres',
    database: 'postgres',
    application_name: 'holdfast dump',
  });
  await reader.connect();
  await reader.query('BEGIN; LOCK TABLE public.orders IN ACCESS SHARE MODE');
  const ddl = await login();
  const altering = ddl.query('ALTER TABLE public.orders ADD COLUMN more int');
  await until(() => reports.some(({ behindUs }) => behindUs.length === 1));
  await reader.query('ROLLBACK');
  await altering;
  ended.abort();
  await watching;
  await Promise.all([reader.end(), ddl.end()]);
  expect(faults.join()).not.toMatch(/127\.0\.0\.1|postgres@/);
});

test('a server that stops answering makes the sampler hang by name, and does not keep the set from closing', async () => {
  const proxy = await toxiproxy.proxy(`127.0.0.1:${server.port}`);
  const sampler = createPostgresSampler({ target: () => Promise.resolve({ ...server.target(), port: proxy.port }) });
  const set = createSamplerSet([sampler], { deadlineMs: 1_500 });
  while ((await set.sample()).samples.length === 0);
  const heal = await proxy.add({ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } });
  expect((await set.sample()).failures[0]).toMatchObject({ source: 'postgres', kind: 'hung' });
  await heal();
  while ((await set.sample()).samples.length === 0);
  await proxy.add({ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } });
  await set.sample();
  await set.close();
});

test('something that accepts and never speaks PostgreSQL is a named failure', async () => {
  const sockets = new Set<Socket>();
  const mute = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as { port: number };
  const sampler = createPostgresSampler({ target: () => Promise.resolve({ ...server.target(), port }) });
  const set = createSamplerSet([sampler], { deadlineMs: 300 });
  const { samples, failures } = await set.sample();
  expect(samples).toEqual([]);
  expect(failures).toEqual([expect.objectContaining({ kind: 'hung', message: 'no answer within 300 ms' })]);
  await set.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => mute.close(resolve));
});
