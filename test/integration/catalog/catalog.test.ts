import { createCatalog } from '../../../src/catalog/create-catalog';
import { migrate } from '../../../src/catalog/migrate';
import { MIGRATIONS } from '../../../src/catalog/migrations';
import type { Catalog } from '../../../src/catalog/types';
import type { ProofRecord } from '../../../src/repository/types';
import { startPostgres, type TestPostgres } from '../../support/postgres';

const BACKUP = '20261121T092530Z-full-1a2b3c4d';
const OTHER = '20261122T092530Z-incremental-1a2b3c4e';
const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 9, minute));

const started = (backupId = BACKUP, minute = 0) => ({
  backupId,
  database: 'shop',
  engine: 'logical' as const,
  backupType: 'full' as const,
  basedOn: null,
  startedAt: at(minute),
  workflowId: 'backup/shop',
  runId: 'run-1',
});
const facts = {
  completedAt: at(5),
  fileSize: 5_000_000_000,
  plainBytes: 9_000_000_000,
  uploadedBytes: 1,
  reusedBytes: 2,
  rows: 3,
  segments: 4,
  location: `shop/manifests/${BACKUP}`,
};
const proof = (overrides: Partial<ProofRecord> = {}): ProofRecord => ({
  format: 1,
  backupId: BACKUP,
  database: 'shop',
  store: 'folder',
  grade: 'exact',
  asked: 'exact',
  startedAt: at(6).toISOString(),
  durationMs: 1200,
  restoreMs: 900,
  compared: { objects: 1, sealedBytes: 2, tables: 3, rows: 4, segments: 5, assertions: 1 },
  assertions: [{ name: 'a', ok: true, expected: '1', actual: '1' }],
  failure: null,
  serverVersion: '15.18',
  ...overrides,
});

describe('the catalogue on PostgreSQL', () => {
  let server: TestPostgres;
  let catalog: Catalog;
  let databases = 0;
  let target: Awaited<ReturnType<TestPostgres['createDatabase']>>;

  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    target = await server.fromTemplate('migrated', async (template) => {
      await migrate(template, 'hold-fast');
    });
    catalog = createCatalog({ target, schema: 'hold-fast', applicationName: 'test' });
  });
  afterEach(async () => {
    await catalog.close();
    await server.dropDatabase(target.database);
  });
  const fresh = () => server.createDatabase(`fresh_${(databases += 1)}`);

  describe('migrations', () => {
    it('run once when several migrators start together, and then find nothing to do', async () => {
      const empty = await fresh();
      const results = await Promise.all(Array.from({ length: 5 }, () => migrate(empty, 'holdfast')));
      expect(results.flatMap(({ applied }) => applied)).toEqual(MIGRATIONS.map(({ name }) => name));
      await expect(migrate(empty, 'holdfast')).resolves.toEqual({ applied: [] });
      const indexes = await server.sql(
        `SELECT indexdef FROM pg_indexes WHERE schemaname = 'holdfast' AND tablename = 'backup_jobs'`,
        empty.database,
      );
      const definitions = indexes.rows.map((row: { indexdef: string }) => row.indexdef).join('\n');
      expect(definitions).toContain('(status, started_at)');
      expect(definitions).toContain('(database, started_at)');
    });

    it('need no CREATE privilege on the database where the schema exists and belongs to the role', async () => {
      const empty = await fresh();
      await server.sql(`CREATE ROLE keeper LOGIN; CREATE SCHEMA holdfast AUTHORIZATION keeper`, empty.database);
      const login = server.target(empty.database, { user: 'keeper' });
      await expect(migrate(login, 'holdfast')).resolves.toEqual({ applied: MIGRATIONS.map(({ name }) => name) });
    });

    it('leave nothing behind when one fails', async () => {
      const empty = await fresh();
      await server.sql(`CREATE SCHEMA holdfast; CREATE TABLE holdfast.audit_log (x int)`, empty.database);
      await expect(migrate(empty, 'holdfast')).rejects.toMatchObject({ code: 'CATALOG_FAILED' });
      const tables = await server.sql(
        `SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'holdfast' AND tablename = 'backup_jobs'`,
        empty.database,
      );
      expect(tables.rows[0].n).toBe(0);
    });

    it('are told by ping', async () => {
      await expect(catalog.ping()).resolves.toEqual({
        serverVersion: expect.stringMatching(/^15/),
        migration: MIGRATIONS.at(-1)!.name,
      });
      const bare = createCatalog({ target: await fresh(), schema: 'holdfast', applicationName: 'test' });
      await expect(bare.ping()).resolves.toMatchObject({ migration: null });
      await expect(bare.jobs({})).rejects.toMatchObject({ code: 'CATALOG_NOT_MIGRATED', retryable: false });
      await bare.close();
    });
  });

  describe('jobs', () => {
    it('are inserted once for a backup id, whoever asks again', async () => {
      const [first, second] = await Promise.all([catalog.startJob(started()), catalog.startJob(started())]);
      expect(second).toEqual(first);
      const again = await catalog.startJob({ ...started(), runId: 'run-2' });
      expect(again).toEqual(first);
      expect(first).toMatchObject({ status: 'running', startedAt: at(0), completedAt: null, runId: 'run-1' });
      expect(first.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    });

    it('keep the first completion, beat a failure by it, and are not failed after it', async () => {
      await catalog.startJob(started());
      await catalog.failJob(BACKUP, { completedAt: at(2), errorCode: 'X', errorMessage: 'gone' });
      await catalog.failJob(BACKUP, { completedAt: at(3), errorCode: 'Y', errorMessage: 'again' });
      expect(await catalog.job(BACKUP)).toMatchObject({ status: 'failed', errorCode: 'X', completedAt: at(2) });
      await catalog.completeJob(BACKUP, facts);
      await catalog.completeJob(BACKUP, { ...facts, uploadedBytes: 0 });
      await catalog.failJob(BACKUP, { completedAt: at(7), errorCode: 'Z', errorMessage: 'late' });
      expect(await catalog.job(BACKUP)).toMatchObject({
        status: 'completed',
        ...facts,
        errorCode: null,
        errorMessage: null,
      });
    });

    it('never store a secret or a zero byte in an error message', async () => {
      await catalog.startJob(started());
      await catalog.failJob(BACKUP, {
        completedAt: at(2),
        errorCode: 'X',
        errorMessage: 'cannot open postgres://u:hunter2@h/d\0 \ud800',
      });
      const job = await catalog.job(BACKUP);
      expect(job?.errorMessage).toBe('cannot open postgres://u:***@h/d \ufffd');
    });

    it('are listed newest first, by database and status, deleted ones only when asked', async () => {
      await catalog.startJob(started());
      await catalog.completeJob(BACKUP, facts);
      await catalog.startJob(started(OTHER, 10));
      await catalog.startJob({ ...started('20261123T092530Z-full-1a2b3c4f', 20), database: 'other' });
      const ids = async (filter: Parameters<Catalog['jobs']>[0]) => (await catalog.jobs(filter)).map((j) => j.backupId);
      expect(await ids({ database: 'shop' })).toEqual([OTHER, BACKUP]);
      expect(await ids({ status: 'completed' })).toEqual([BACKUP]);
      expect(await ids({ limit: 1 })).toEqual(['20261123T092530Z-full-1a2b3c4f']);
      await catalog.tombstone(BACKUP, 'too old', at(30));
      await catalog.markDeleted(BACKUP, at(31));
      await catalog.markDeleted(BACKUP, at(32));
      expect(await ids({ database: 'shop' })).toEqual([OTHER]);
      expect((await catalog.jobs({ status: 'completed', includeDeleted: true }))[0]).toMatchObject({
        deletedAt: at(31),
      });
    });

    it('say so when the backup is unknown', async () => {
      await expect(catalog.completeJob(BACKUP, facts)).rejects.toMatchObject({ code: 'CATALOG_JOB_UNKNOWN' });
      await expect(catalog.restoreTombstoned(BACKUP)).rejects.toMatchObject({ code: 'CATALOG_JOB_UNKNOWN' });
      await expect(catalog.job(BACKUP)).resolves.toBeNull();
    });

    it('keep their first tombstone until it is undone, and cannot be restored once deleted', async () => {
      await catalog.startJob(started());
      await catalog.tombstone(BACKUP, 'too old', at(1));
      await catalog.tombstone(BACKUP, 'older', at(2));
      expect(await catalog.job(BACKUP)).toMatchObject({ tombstonedAt: at(1), tombstoneReason: 'too old' });
      await expect(catalog.restoreTombstoned(BACKUP)).resolves.toBe(true);
      await expect(catalog.restoreTombstoned(BACKUP)).resolves.toBe(false);
      await catalog.tombstone(BACKUP, 'old', at(3));
      await catalog.markDeleted(BACKUP, at(4));
      await expect(catalog.restoreTombstoned(BACKUP)).resolves.toBe(false);
    });
  });

  describe('copies', () => {
    const copy = { backupId: BACKUP, database: 'shop', store: 'folder' };

    it('stay proved when a transfer says it again, and lose their grade when damaged', async () => {
      await catalog.setCopy({ ...copy, state: 'complete', at: at(1) });
      await catalog.setCopy({ ...copy, state: 'proved', grade: 'exact', at: at(2) });
      await catalog.setCopy({ ...copy, state: 'proved', grade: 'exact', at: at(2) });
      expect(await catalog.copies({ store: 'folder' })).toEqual([
        { ...copy, state: 'proved', grade: 'exact', provedAt: at(2), updatedAt: at(2), detail: null },
      ]);
      await catalog.setCopy({ ...copy, state: 'complete', at: at(3) });
      expect((await catalog.copies({}))[0]).toMatchObject({ state: 'proved', grade: 'exact', provedAt: at(2) });
      await catalog.setCopy({ ...copy, state: 'damaged', detail: '3 objects', at: at(4) });
      expect((await catalog.copies({ backupId: BACKUP }))[0]).toMatchObject({
        state: 'damaged',
        grade: null,
        provedAt: null,
        detail: '3 objects',
      });
    });
  });

  describe('compliance', () => {
    const place = (name: string, provider: string, role: 'primary' | 'offsite') => ({
      name,
      role,
      provider,
      account: null,
      credentials: null,
      region: null,
      endpoint: null,
      bucket: null,
      disk: null,
    });
    let policy: { copies: number; media: number; offsite: number } | null = { copies: 2, media: 2, offsite: 1 };
    const judge = () => ({ policy, stores: [place('disk', 'disk', 'primary'), place('cloud', 'aws', 'offsite')] });
    const copy = (store: string) => ({ backupId: BACKUP, database: 'shop', store });
    let judged: Catalog;
    beforeEach(() => {
      policy = { copies: 2, media: 2, offsite: 1 };
      judged = createCatalog({ target, schema: 'hold-fast', applicationName: 'test', judge });
    });
    afterEach(() => judged.close());
    const history = async () =>
      (await judged.complianceHistory({ database: 'shop' })).map(({ state, proved, compliant }) => [
        state,
        proved,
        compliant,
      ]);

    it('has one row for each change, written with the copy that made it', async () => {
      await judged.setCopies([
        { ...copy('disk'), state: 'complete', at: at(1) },
        { ...copy('cloud'), state: 'pending', at: at(1) },
      ]);
      await judged.setCopy({ ...copy('cloud'), state: 'copying', at: at(2) });
      await judged.setCopy({ ...copy('cloud'), state: 'complete', at: at(3) });
      await judged.setCopy({ ...copy('cloud'), state: 'complete', at: at(4) });
      await judged.setCopy({ ...copy('cloud'), state: 'proved', grade: 'exact', at: at(5) });
      await judged.setCopy({ ...copy('disk'), state: 'damaged', at: at(6) });
      expect(await history()).toEqual([
        ['1/2', 0, false],
        ['2/2', 0, true],
        ['2/2', 1, true],
        ['1/2', 1, false],
      ]);
      expect(await judged.compliance({ database: 'shop' })).toMatchObject([
        {
          backupId: BACKUP,
          at: at(6),
          state: '1/2',
          missing: [{ clause: 'copies', have: 1, want: 2 }, { clause: 'media' }],
        },
      ]);
    });

    it('comes out the same whichever of many words on both copies is written first', async () => {
      const words = Array.from({ length: 6 }, (_, index) => index).flatMap((minute) =>
        ['disk', 'cloud'].map((store) =>
          judged.setCopy({ ...copy(store), state: minute % 2 ? 'complete' : 'copying', at: at(minute) }),
        ),
      );
      await Promise.all(words);
      expect(await judged.copies({ backupId: BACKUP })).toMatchObject([{ state: 'complete' }, { state: 'complete' }]);
      expect((await history()).at(-1)).toEqual(['2/2', 0, true]);
      const rows = await judged.complianceHistory({ database: 'shop' });
      expect(rows.map((row) => row.at.getTime())).toEqual(rows.map((row) => row.at.getTime()).sort((a, b) => a - b));
    });

    it('is judged anew when the policy changes, and not where there is none', async () => {
      await judged.startJob(started());
      await judged.completeJob(BACKUP, facts);
      await judged.setCopy({ ...copy('disk'), state: 'complete', at: at(6) });
      policy = { copies: 1, media: 1, offsite: 0 };
      await judged.judgeAll('shop', at(7));
      await judged.judgeAll('shop', at(8));
      policy = null;
      await judged.judgeAll('shop', at(9));
      expect(await history()).toEqual([
        ['1/2', 0, false],
        ['1/1', 0, true],
      ]);
    });

    it('counts no copy of a retired store, whatever is said of it later', async () => {
      await judged.setCopy({ ...copy('disk'), state: 'complete', at: at(1) });
      await judged.setCopy({ ...copy('cloud'), state: 'proved', grade: 'exact', at: at(1) });
      const who = { since: at(2), who: 'ana@laptop', reason: 'too dear' };
      expect(await judged.retireStore({ ...who, store: 'cloud', refuse: async () => true })).toEqual({
        retired: false,
        copies: 0,
      });
      expect((await judged.copies({ store: 'cloud' }))[0]?.state).toBe('proved');
      expect(await judged.retireStore({ ...who, store: 'cloud', refuse: async () => false })).toEqual({
        retired: true,
        copies: 1,
      });
      await judged.setCopy({ ...copy('cloud'), state: 'complete', at: at(3) });
      await judged.setCopy({ ...copy('cloud'), backupId: OTHER, state: 'complete', at: at(3) });
      expect((await judged.copies({ store: 'cloud' })).map(({ state }) => state)).toEqual(['retired', 'retired']);
      expect(await judged.storeLives()).toEqual([{ store: 'cloud', state: 'retired', ...who }]);
      expect((await judged.compliance({ backupId: BACKUP }))[0]?.state).toBe('1/2');
      await judged.setStoreLife({ store: 'cloud', state: 'active', since: at(4), who: 'ana@laptop', reason: null });
      await judged.setCopy({ ...copy('cloud'), state: 'complete', at: at(5) });
      expect((await judged.compliance({ backupId: BACKUP }))[0]?.state).toBe('2/2');
    });

    it('waits while a store is being retired, so that no word slips in between', async () => {
      await judged.setCopy({ ...copy('cloud'), state: 'complete', at: at(1) });
      let late: Promise<void> = Promise.resolve();
      const who = { since: at(2), who: 'ana@laptop', reason: null };
      await judged.retireStore({
        ...who,
        store: 'cloud',
        refuse: async () => {
          late = judged.setCopy({ ...copy('cloud'), state: 'proved', grade: 'exact', at: at(3) });
          await judged.copies({});
          return false;
        },
      });
      await late;
      expect((await judged.copies({ store: 'cloud' }))[0]).toMatchObject({ state: 'retired', grade: null });
    });
  });

  describe('proofs', () => {
    it('come back as they were saved, newest first, once each', async () => {
      const failed = proof({
        startedAt: at(8).toISOString(),
        grade: null,
        failure: { class: 'data', code: 'X', message: 'row\0 differs', hint: 'heal' },
      });
      await catalog.saveProof(proof());
      await catalog.saveProof(proof());
      await catalog.saveProof(failed);
      expect(await catalog.proofs({ backupId: BACKUP })).toEqual([
        { ...failed, failure: { ...failed.failure, message: 'row differs' } },
        proof(),
      ]);
      expect(await catalog.proofs({ store: 'elsewhere' })).toEqual([]);
      expect(await catalog.proofs({ database: 'shop', limit: 1 })).toHaveLength(1);
    });
  });

  describe('the journal', () => {
    const entry = (id: string, stores: string[], object = `o${id}`) => ({
      id,
      object,
      plainBytes: 10,
      sealedBytes: 5,
      stores,
    });

    it('joins the stores of one object, and forgets those of an older object of the same segment', async () => {
      await catalog.journalAppend(BACKUP, [entry('a', ['s1']), entry('a', ['s2']), entry('b', ['s1'])]);
      await catalog.journalAppend(BACKUP, [entry('a', ['s3', 's1'])]);
      await catalog.journalAppend(BACKUP, [entry('b', ['s2'], 'new')]);
      expect(await catalog.journalLoad(BACKUP)).toEqual([entry('a', ['s1', 's2', 's3']), entry('b', ['s2'], 'new')]);
      await catalog.journalClear(BACKUP);
      await catalog.journalClear(BACKUP);
      expect(await catalog.journalLoad(BACKUP)).toEqual([]);
    });

    it('takes thousands of entries from several writers at once', async () => {
      const many = Array.from({ length: 2_500 }, (_, index) => entry(index.toString(16).padStart(64, '0'), ['s1']));
      await Promise.all([catalog.journalAppend(BACKUP, many), catalog.journalAppend(BACKUP, [...many].reverse())]);
      expect(await catalog.journalLoad(BACKUP)).toEqual(many);
    });
  });

  describe('holds', () => {
    const hold = { backupId: BACKUP, database: 'shop', holder: 'ana', reason: 'audit' };

    it('are placed once however often asked, and released together', async () => {
      const first = await catalog.addHold({ ...hold, at: at(1) });
      expect(await catalog.addHold({ ...hold, at: at(2) })).toEqual(first);
      await catalog.addHold({ ...hold, reason: 'court', at: at(3) });
      await catalog.addHold({ ...hold, holder: 'bob', at: at(4) });
      expect(await catalog.holds({ backupId: BACKUP })).toHaveLength(3);
      await expect(catalog.releaseHold(BACKUP, 'ana', at(5))).resolves.toBe(2);
      await expect(catalog.releaseHold(BACKUP, 'ana', at(6))).resolves.toBe(0);
      expect((await catalog.holds({ database: 'shop' })).map(({ holder }) => holder)).toEqual(['bob']);
      expect(await catalog.holds({ all: true })).toHaveLength(3);
      const again = await catalog.addHold({ ...hold, at: at(7) });
      expect(again.id).not.toBe(first.id);
    });
  });

  describe('the audit log', () => {
    it('is one unbroken chain when many append at once, and takes an entry once', async () => {
      await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          catalog.audit({
            actor: 'ana',
            action: `a${index % 6}`,
            at: at(1),
            details: { z: 1, a: [undefined, 'x\0'], n: 1e21 },
          }),
        ),
      );
      const log = await catalog.auditLog({});
      expect(log.map(({ seq }) => seq)).toEqual([6, 5, 4, 3, 2, 1]);
      await expect(catalog.auditVerify()).resolves.toBeNull();
    });

    it('shows the first entry that was changed or taken out, and refuses such changes', async () => {
      for (let index = 0; index < 5; index += 1) {
        await catalog.audit({ actor: 'ana', action: 'hold', database: 'shop', details: { index }, at: at(index) });
      }
      const change = (sql: string) =>
        server.sql(
          `ALTER TABLE "hold-fast".audit_log DISABLE TRIGGER USER; ${sql}; ALTER TABLE "hold-fast".audit_log ENABLE TRIGGER USER`,
          target.database,
        );
      await expect(server.sql(`DELETE FROM "hold-fast".audit_log`, target.database)).rejects.toThrow('append-only');
      await change(`UPDATE "hold-fast".audit_log SET actor = 'eve' WHERE seq = 4`);
      await expect(catalog.auditVerify()).resolves.toBe(4);
      await change(`DELETE FROM "hold-fast".audit_log WHERE seq = 2`);
      await expect(catalog.auditVerify()).resolves.toBe(3);
    });

    /** Past the trigger, as the owner of the tables can. */
    const tamper = (table: string, sql: string) =>
      server.sql(
        `ALTER TABLE "hold-fast".${table} DISABLE TRIGGER USER; ${sql}; ALTER TABLE "hold-fast".${table} ENABLE TRIGGER USER`,
        target.database,
      );
    const append = async (from: number, count: number) => {
      for (let index = from; index < from + count; index += 1)
        await catalog.audit({ actor: 'ana', action: 'hold', details: { index }, at: at(index) });
    };

    it('shows that its last entries, or all, were taken away', async () => {
      await expect(catalog.auditHead()).resolves.toBeNull();
      await append(0, 5);
      const log = await catalog.auditLog({});
      await expect(catalog.auditHead()).resolves.toEqual({ seq: 5, hash: log[0]!.hash });
      await tamper('audit_log', `DELETE FROM "hold-fast".audit_log WHERE seq > 3`);
      await expect(catalog.auditVerify()).resolves.toBe(4);
      await tamper('audit_log', `DELETE FROM "hold-fast".audit_log`);
      await expect(catalog.auditVerify()).resolves.toBe(1);
    });

    it('refuses to set its head back, to take it away, or to empty it', async () => {
      await append(0, 3);
      for (const sql of [
        `UPDATE "hold-fast".audit_head SET seq = 2`,
        `DELETE FROM "hold-fast".audit_head`,
        `TRUNCATE "hold-fast".audit_head`,
      ])
        await expect(server.sql(sql, target.database)).rejects.toThrow('append-only');
      await expect(catalog.auditVerify()).resolves.toBeNull();
    });

    it('shows entries that were taken away together with the head, to whom noted the head elsewhere', async () => {
      await append(0, 5);
      const noted = (await catalog.auditHead())!;
      await append(5, 2);
      await expect(catalog.auditVerify(noted)).resolves.toBeNull();
      await tamper('audit_log', `DELETE FROM "hold-fast".audit_log WHERE seq > 3`);
      await tamper(
        'audit_head',
        `UPDATE "hold-fast".audit_head h SET seq = l.seq, hash = l.hash FROM "hold-fast".audit_log l WHERE l.seq = 3`,
      );
      await expect(catalog.auditVerify()).resolves.toBeNull();
      await expect(catalog.auditVerify(noted)).resolves.toBe(4);
      // Others in their place make a whole chain again, but not that one.
      await append(10, 4);
      await expect(catalog.auditVerify()).resolves.toBeNull();
      await expect(catalog.auditVerify(noted)).resolves.toBe(5);
    });
  });

  describe('faults', () => {
    it('of the connection are named and classed', async () => {
      const make = (changes: object) =>
        createCatalog({ target: { ...target, ...changes }, schema: 'x', applicationName: 't' });
      const failure = async (changes: object) => {
        const broken = make(changes);
        const error: unknown = await broken.ping().catch((reason: unknown) => reason);
        await broken.close();
        return error;
      };
      expect(await failure({ port: 1 })).toMatchObject({ code: 'CATALOG_UNREACHABLE', retryable: true });
      expect(await failure({ database: 'none' })).toMatchObject({ code: 'CATALOG_DATABASE_MISSING', retryable: false });
      expect(await failure({ user: 'nobody-here' })).toMatchObject({ code: 'CATALOG_ACCESS_DENIED', retryable: false });
      expect(await failure({ sslmode: 'require' })).toMatchObject({ retryable: false });
      await expect(failure({ sslmode: 'prefer' })).resolves.toMatchObject({ serverVersion: expect.any(String) });
      await expect(migrate({ ...target, port: 1 }, 'x')).rejects.toMatchObject({ code: 'CATALOG_UNREACHABLE' });
    });

    it('do not show when the server restarts between two calls', async () => {
      await catalog.startJob(started());
      await server.stopServer('fast');
      await expect(catalog.job(BACKUP)).rejects.toMatchObject({ code: 'CATALOG_UNREACHABLE' });
      await server.startServer();
      await expect(catalog.job(BACKUP)).resolves.toMatchObject({ status: 'running' });
      await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'`);
      await expect(catalog.job(BACKUP)).resolves.toMatchObject({ status: 'running' });
    });
  });
});
