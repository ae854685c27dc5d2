import { Client } from 'pg';
import { awaitCalm } from '../../../src/load/lock-calm';
import { startPostgres, type TestPostgres } from '../../support/postgres';

jest.setTimeout(120_000);

let server: TestPostgres;
let client: Client;
let backend = 0;
beforeAll(async () => {
  server = await startPostgres();
  await server.sql('CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 1000) AS g');
  client = new Client({ host: server.socketDir, port: server.port, user: 'postgres', database: 'postgres' });
  await client.connect();
  backend = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
});
afterEach(async () => void (await client.query('ROLLBACK')));
afterAll(async () => {
  await client?.end();
  await server?.stop();
});

const never = new AbortController().signal;
const calm = (changes: Partial<Parameters<typeof awaitCalm>[0]> = {}, signal = never) =>
  awaitCalm(
    { target: async () => server.target(), backends: [], quietMs: 50, atMostMs: 300, intervalMs: 20, ...changes },
    signal,
  );

test('with nobody at the tables it is calm', async () => {
  expect(await calm()).toBe(true);
});

test('DDL in an open transaction is waited for until it is through', async () => {
  await client.query('BEGIN; ALTER TABLE orders ADD COLUMN later int');
  expect(await calm()).toBe(false);
  const waiting = calm({ atMostMs: 60_000 });
  await client.query('COMMIT');
  expect(await waiting).toBe(true);
});

test('a lock that a dump can have beside it is waited for only where its holder was given way to', async () => {
  await client.query('BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE');
  expect(await calm()).toBe(true);
  expect(await calm({ backends: [backend] })).toBe(false);
});

test('readers, writers, temporary tables and tables of other databases are in nobody’s way', async () => {
  await client.query('BEGIN; CREATE TEMP TABLE scratch (id int); INSERT INTO orders VALUES (0); SELECT * FROM orders');
  expect(await calm({ backends: [backend] })).toBe(true);
  await server.createDatabase('elsewhere');
  await server.sql('CREATE TABLE there (id int)', 'elsewhere');
  const other = new Client({ host: server.socketDir, port: server.port, user: 'postgres', database: 'elsewhere' });
  await other.connect();
  await other.query('BEGIN; LOCK TABLE there IN ACCESS EXCLUSIVE MODE');
  expect(await calm()).toBe(true);
  await other.end();
});

test('whoever is aborted waits no longer, and leaves no session', async () => {
  await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
  const stop = new AbortController();
  const waiting = calm({ atMostMs: 60_000 }, stop.signal);
  const failed = expect(waiting).rejects.toThrow('enough');
  setTimeout(() => stop.abort(new Error('enough')), 100);
  await failed;
  for (;;) {
    const { rowCount } = await server.sql(`SELECT FROM pg_stat_activity WHERE application_name = 'holdfast load'`);
    if (rowCount === 0) break;
  }
});
