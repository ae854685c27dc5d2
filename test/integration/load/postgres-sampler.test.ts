import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { createPostgresSampler } from '../../../src/load/samplers/postgres/postgres-sampler';
import type { Sampler, Signals } from '../../../src/load/samplers/sampler';
import { createSamplerSet } from '../../../src/load/samplers/sampler-set';

import { setTimeout as sleep } from 'node:timers/promises';
import { installedMajors, postgresBinDir, startPostgres, type TestPostgres } from '../../support/postgres';
import { itWhen } from '../../support/when';

jest.setTimeout(120_000);
const patience = new AbortController().signal;

/** True where the server of that version can load the library. */
const hasContrib = (major: 15 | 16 | 18) =>
  existsSync(`${postgresBinDir(major)}/../lib/pg_stat_statements.so`) ||
  existsSync(`${postgresBinDir(major)}/../lib/postgresql/pg_stat_statements.so`);

describe.each(installedMajors())('on PostgreSQL %i', (major) => {
  let server: TestPostgres;
  const clients: Client[] = [];
  const samplers: Sampler[] = [];

  beforeAll(async () => {
    server = await startPostgres({
      major,
      settings: {
        track_io_timing: 'on',
        max_prepared_transactions: '2',
        ...(hasContrib(major) ? { shared_preload_libraries: 'pg_stat_statements' } : {}),
      },
    });
    await server.sql(`CREATE TABLE orders AS SELECT g AS id, repeat('x', 200) AS text FROM generate_series(1, 20000) AS g;
      CREATE ROLE reader LOGIN; CREATE ROLE app LOGIN; CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
      GRANT ALL ON orders TO app, reader, monitor; ALTER TABLE orders OWNER TO app`);
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    await Promise.all(work.busy.values());
    await Promise.all(samplers.splice(0).map((sampler) => sampler.close()));
    await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
  });

  async function login(user: string, application: string): Promise<Client> {
    const client = new Client({
      host: server.socketDir,
      port: server.port,
      user,
      database: 'postgres',
      application_name: application,
    });
    client.on('error', () => undefined);
    clients.push(client);
    await client.connect();
    return client;
  }

  function sampler(user: string, more: Partial<Parameters<typeof createPostgresSampler>[0]> = {}): Sampler {
    const made = createPostgresSampler({
      target: () => Promise.resolve(server.target('postgres', { user })),
      statementTimeoutMs: 20_000,
      ...more,
    });
    samplers.push(made);
    return made;
  }

  /** Keeps clients busy beside the sampling: one statement at a time on each. */
  const work = {
    busy: new Map<Client, Promise<unknown>>(),
    push(client: Client, text: string): void {
      if (this.busy.has(client)) return;
      const done = () => void this.busy.delete(client);
      this.busy.set(client, client.query(text).then(done, done));
    },
  };

  /** Samples until the signals fit: statistics of other sessions arrive when the server sees fit. */
  async function until(from: Sampler, fits: (signals: Signals) => boolean): Promise<Signals> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { signals } = await from.sample(patience);
      if (fits(signals)) return signals;
      if (Date.now() > deadline) throw new Error(`not seen in time: ${JSON.stringify(signals)}`);
      await sleep(250);
    }
  }

  test('the wait of backends for a CPU is measured where their processes can be seen, and only there', async () => {
    const here = () => Promise.resolve(true);
    const app = await login('app', 'shop');
    const busy = 'DO $$ BEGIN FOR i IN 1..200 LOOP PERFORM pg_sleep(0.0005); END LOOP; END $$';
    const seeing = sampler('reader', { cpuWait: { here } });
    const seen = await until(seeing, ({ backendCpuWaitMs }) => {
      work.push(app, busy);
      return backendCpuWaitMs !== undefined;
    });
    expect(seen.backendCpuWaitMs).toBeGreaterThanOrEqual(0);
    // Another machine, and numbers of processes that are of another container.
    const blind = [
      sampler('reader', { cpuWait: { here: () => Promise.resolve(false) } }),
      sampler('reader', { cpuWait: { here, procRoot: '/proc/nowhere' } }),
      sampler('reader'),
    ];
    for (let round = 0; round < 3; round += 1) {
      work.push(app, busy);
      await work.busy.get(app);
      for (const one of blind) expect((await one.sample(patience)).signals).not.toHaveProperty('backendCpuWaitMs');
    }
  });

  test('sessions of the application are counted, ours are not, and the rates come with the second sample', async () => {
    const busy = await login('app', 'shop');
    const idle = await login('app', 'shop');
    await idle.query('BEGIN; SELECT 1 FROM orders LIMIT 1');
    const dump = await login('postgres', 'holdfast dump');
    await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders');
    const running = busy.query('SELECT pg_sleep(60)').catch(() => undefined);
    const watch = sampler('postgres');
    const first = await until(watch, ({ sessionsActive }) => sessionsActive === 1);
    expect(first).toMatchObject({
      sessionsIdleInTransaction: 1,
      sessionsWaiting: 1,
      lockWaiters: 0,
      waitersBehindUs: 0,
    });
    expect(first.longestTransactionMs).toBeGreaterThan(0);
    expect(first.oldestXminAgeMs).toBeGreaterThan(0);
    // Four sessions and this one, of sixty.
    expect(first.poolUse).toBeGreaterThanOrEqual(4 / 60);
    expect(first.probeLatencyMs).toBeGreaterThan(0);
    expect(first.slotBytes).toBe(0);
    expect(first.replicationLagBytes).toBeUndefined();
    expect(first.checkpointWriteMs ?? 0).toBe(0);

    await until(watch, ({ commitsPerSecond }) => commitsPerSecond !== undefined);
    const worker = await login('app', 'shop');
    const rates = await until(watch, ({ rollbacksPerSecond, rowsPerSecond, cacheHit }) => {
      work.push(worker, 'BEGIN; SELECT count(*) FROM orders; ROLLBACK');
      return (rollbacksPerSecond ?? 0) > 0 && (rowsPerSecond ?? 0) > 1_000 && cacheHit !== undefined;
    });
    expect(rates.cacheHit).toBeLessThanOrEqual(1);
    await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)'`);
    await running;
  });

  test('temporary files and checkpoints of the server are seen', async () => {
    const watch = sampler('postgres');
    await watch.sample(patience);
    const worker = await login('app', 'shop');
    await until(watch, ({ tempBytesPerSecond }) => {
      work.push(
        worker,
        `SET work_mem = '64kB'; SELECT count(*) FROM (SELECT text FROM orders ORDER BY md5(text || id)) AS s`,
      );
      return (tempBytesPerSecond ?? 0) > 0;
    });
    await server.sql('UPDATE orders SET id = id + 1; CHECKPOINT');
    let writeMs: number | undefined;
    let checkpointMs = 0;
    await until(watch, (signals) => {
      writeMs ??= signals.ioWriteMs;
      checkpointMs ||= signals.checkpointWriteMs ?? 0;
      // Before 16 no view tells how long one write takes.
      return checkpointMs > 0 && (major < 16 || writeMs !== undefined);
    });
    expect(checkpointMs).toBeLessThanOrEqual(1_000);
    if (major >= 16) expect(writeMs).toBeGreaterThan(0);
    else expect(writeMs).toBeUndefined();
  });

  test('DDL that waits for the dump, and the queries behind it, are told apart from other waiters', async () => {
    const dump = await login('reader', 'holdfast dump');
    await dump.query('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
    await server.sql('CREATE TABLE IF NOT EXISTS other (id int); ALTER TABLE other OWNER TO app');
    const [holder, stranger, ddl, query] = await Promise.all(
      ['app', 'app', 'app', 'app'].map((user) => login(user, 'shop')),
    );
    await holder!.query('BEGIN; LOCK TABLE other IN ACCESS EXCLUSIVE MODE');
    const waiting = [
      stranger!.query('SELECT count(*) FROM other'),
      ddl!.query('ALTER TABLE orders ADD COLUMN later int'),
    ];
    const watch = sampler('reader');
    await until(watch, ({ waitersBehindUs }) => waitersBehindUs === 1);
    waiting.push(query!.query('SELECT count(*) FROM orders'));
    // The role has no rights at all: locks are seen all the same.
    const seen = await until(watch, ({ waitersBehindUs }) => waitersBehindUs === 2);
    expect(seen.lockWaiters).toBe(3);
    await dump.query('ROLLBACK');
    await holder!.query('ROLLBACK');
    await Promise.all(waiting);
    const monitor = sampler('monitor', { backupUser: 'reader' });
    expect((await monitor.sample(patience)).signals).toMatchObject({ lockWaiters: 0, waitersBehindUs: 0 });
    await server.sql('ALTER TABLE orders DROP COLUMN later; DROP TABLE other');
  });

  test('whoever calls itself holdfast with another role does not make a backup give way', async () => {
    const pretender = await login('app', 'holdfast dump');
    await pretender.query('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
    const ddl = await login('app', 'shop');
    const waiting = ddl.query('ALTER TABLE orders ADD COLUMN later int');
    const watch = sampler('monitor', { backupUser: 'reader' });
    const seen = await until(watch, ({ lockWaiters }) => lockWaiters === 1);
    expect(seen.waitersBehindUs).toBe(0);
    expect(seen.sessionsIdleInTransaction).toBe(1);
    await pretender.query('ROLLBACK');
    await waiting;
    await server.sql('ALTER TABLE orders DROP COLUMN later');
  });

  test('a role without rights gives what it may see, and the gap is named without text of others', async () => {
    const secret = await login('app', 'shop');
    const running = secret.query(`SELECT pg_sleep(60), 'a secret of the application'`).catch(() => undefined);
    const set = createSamplerSet([sampler('reader')], { deadlineMs: 60_000 });
    let reading = await set.sample();
    const deadline = Date.now() + 60_000;
    while (!reading.failures.some(({ kind }) => kind === 'denied') && Date.now() < deadline)
      reading = await set.sample();
    const [sample] = reading.samples;
    expect(sample!.signals).toMatchObject({ lockWaiters: 0, waitersBehindUs: 0, oldestXminAgeMs: 0, slotBytes: 0 });
    expect(sample!.signals.sessionsActive).toBeUndefined();
    expect(sample!.signals.longestTransactionMs).toBeUndefined();
    expect(reading.failures).toEqual([
      expect.objectContaining({
        source: 'postgres',
        kind: 'denied',
        message: expect.stringMatching(/pg_monitor/) as string,
      }),
    ]);
    expect(JSON.stringify(reading)).not.toMatch(/secret|shop|app\b|reader/);
    const all = await until(sampler('monitor'), ({ sessionsActive }) => sessionsActive === 1);
    expect(all.longestTransactionMs).toBeGreaterThan(0);
    await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`);
    await running;
    await set.close();
  });

  test('a reset of the statistics and a restart of the server give no rates that cannot be true', async () => {
    const watch = sampler('postgres');
    await until(watch, ({ commitsPerSecond }) => commitsPerSecond !== undefined);
    await server.sql('SELECT pg_stat_reset()');
    const after = await watch.sample(patience);
    expect(after.signals.commitsPerSecond).toBeUndefined();
    expect(after.problems).toEqual([]);
    await until(watch, ({ commitsPerSecond }) => commitsPerSecond !== undefined);

    await server.stopServer('immediate');
    await expect(watch.sample(patience)).rejects.toMatchObject({ code: 'SAMPLER_FAILED' });
    await expect(watch.sample(patience)).rejects.not.toThrow(/holdfast-pg|127\.0\.0\.1/);
    await server.startServer();
    const again = await watch.sample(patience);
    expect(again.signals.commitsPerSecond).toBeUndefined();
    expect(again.signals.poolUse).toBeGreaterThan(0);
    // The cache is empty now: blocks are read, and each takes its time.
    await server.sql('SELECT count(*) FROM orders');
    const cold = await until(watch, ({ ioReadMs }) => ioReadMs !== undefined);
    expect(cold.ioReadMs).toBeGreaterThan(0);
    expect(cold.ioReadMs).toBeLessThan(1_000);
    await until(watch, ({ commitsPerSecond }) => commitsPerSecond !== undefined);
  });

  test('a probe of the operator is measured, and one that writes or names nothing is refused and left alone', async () => {
    const slow = sampler('postgres', { probeSql: 'SELECT pg_sleep(0.2)' });
    expect((await slow.sample(patience)).signals.probeLatencyMs).toBeGreaterThanOrEqual(195);
    const writing = sampler('postgres', { probeSql: 'DELETE FROM public.orders' });
    const { signals, problems } = await writing.sample(patience);
    expect(signals.probeLatencyMs).toBeUndefined();
    expect(signals.poolUse).toBeGreaterThan(0);
    expect(problems).toEqual([{ kind: 'failed', message: 'probe: a statement failed [sqlstate=25006]' }]);
    const missing = sampler('postgres', { probeSql: 'SELECT * FROM nowhere' });
    await missing.sample(patience);
    expect((await missing.sample(patience)).problems[0]!.message).toBe('probe: a statement failed [sqlstate=42P01]');
    expect(Number((await server.sql('SELECT count(*) AS n FROM orders')).rows[0].n)).toBe(20_000);
  });

  test('a probe that runs into its limit counts with the time it took, and the rest is still measured', async () => {
    const watch = sampler('postgres', { probeSql: 'SELECT pg_sleep(60)', statementTimeoutMs: 500 });
    const { signals, problems } = await watch.sample(patience);
    expect(signals.probeLatencyMs).toBeGreaterThanOrEqual(450);
    expect(signals.poolUse).toBeGreaterThan(0);
    expect(problems.filter(({ message }) => message.startsWith('probe'))).toEqual([]);
  });

  test('on a server that is too slow for all of it, what was measured is kept and the rest is named', async () => {
    const watch = sampler('postgres', {
      probeSql: 'SELECT pg_sleep(60)',
      statementTimeoutMs: 500,
      budgetMs: 700,
    });
    await watch.sample(patience);
    const { signals, problems } = await watch.sample(patience);
    expect(Object.keys(signals)).toEqual(['probeLatencyMs']);
    expect(signals.probeLatencyMs).toBeGreaterThanOrEqual(450);
    expect(problems.map(({ kind }) => kind)).toEqual(Array(7).fill('hung'));
    expect(problems[0]!.message).toBe('sessions: left out, the server answers too slowly');
  });

  test('an abort ends the statement at the server, and the next sample connects anew', async () => {
    const watch = sampler('postgres', { probeSql: 'SELECT pg_sleep(600)', statementTimeoutMs: 600_000 });
    const cancel = new AbortController();
    const sampling = watch.sample(cancel.signal);
    const ended = expect(sampling).rejects.toThrow('enough');
    const running = () =>
      server.sql(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'`,
      );
    while ((await running()).rows[0].n !== 1) await sleep(50);
    cancel.abort(new Error('enough'));
    await ended;
    while ((await running()).rows[0].n !== 0) await sleep(50);
    await watch.close();
    while (
      (await server.sql(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'holdfast load'`))
        .rows[0].n !== 0
    )
      await sleep(50);
  });

  test('a slot that holds WAL back is seen', async () => {
    const watch = sampler('postgres');
    await server.sql(`SELECT pg_create_physical_replication_slot('kept', true)`);
    await server.sql('CREATE TABLE wal_maker AS SELECT * FROM orders; DROP TABLE wal_maker');
    const { signals } = await watch.sample(patience);
    expect(signals.slotBytes).toBeGreaterThan(1_000_000);
    await server.sql(`SELECT pg_drop_replication_slot('kept')`);
  });

  itWhen(hasContrib(major), 'pg_stat_statements is not installed here')(
    'the mean time of a statement is that of the application, without our own long ones',
    async () => {
      await server.sql('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
      const app = await login('app', 'shop');
      const dump = await login('reader', 'holdfast dump');
      const watch = sampler('reader');
      const seen = await until(watch, ({ statementMeanMs }) => {
        work.push(app, 'SELECT pg_sleep(0.02)');
        work.push(dump, 'SELECT pg_sleep(0.5)');
        return statementMeanMs !== undefined;
      });
      expect(seen.statementMeanMs).toBeGreaterThanOrEqual(15);
      expect(seen.statementMeanMs).toBeLessThan(450);
      await server.sql('DROP EXTENSION pg_stat_statements');
    },
    120_000,
  );
});
