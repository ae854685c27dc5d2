/** Fault 22: restores into names that exist, two at once, and kills in the middle. Nothing is ever overwritten. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import type { ConnectionTarget, RestoreProgress } from '../../src/engines/engine';
import { createLogicalEngine } from '../../src/engines/logical';
import { restoreInto, type RestoreIntoRequest } from '../../src/engines/logical/restore-into';
import { removeDeadScratchClusters } from '../../src/postgres/scratch';
import type { BackupReader } from '../../src/repository/types';
import { startPostgres, type TestPostgres } from '../support/postgres';
import { proofWorld, SHOP_SQL, type ProofWorld } from '../support/proof';

jest.setTimeout(120_000);

let server: TestPostgres;
let world: ProofWorld;
let reader: BackupReader;
let scratchDir: string;
beforeAll(async () => {
  server = await startPostgres();
  world = await proofWorld();
  scratchDir = await mkdtemp(join(tmpdir(), 'hf-restore-'));
  const shop = await server.createDatabase('shop');
  await server.sql(SHOP_SQL, 'shop');
  reader = await world.backUp(shop);
});
afterAll(async () => {
  await server?.stop();
  await world?.remove();
  await rm(scratchDir, { recursive: true, force: true });
});
afterEach(async () => expect(await readdir(scratchDir)).toEqual([]));
/** What a killed child leaves: its base folder stands below TMPDIR. */
const leftBy = async () => (await readdir(world.dir)).filter((name) => name.startsWith('holdfast-recover-'));

const request = (database: string, over: Partial<RestoreIntoRequest> = {}): RestoreIntoRequest => ({
  engine: createLogicalEngine(),
  source: reader,
  summary: reader.manifest.body.summary,
  backupId: reader.manifest.inventory.backupId,
  target: server.target(database) as ConnectionTarget,
  options: {
    jobs: 2,
    schemas: [],
    tables: [],
    owners: 'keep',
    acls: 'keep',
    globals: 'roles',
    binDirs: [],
    scratchDir,
  },
  replace: false,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  ...over,
});
const exists = async (name: string) =>
  (await server.sql(`SELECT count(*)::int AS n FROM pg_database WHERE datname = '${name}'`)).rows[0].n === 1;
const commentOf = async (name: string) =>
  (await server.sql(`SELECT shobj_description(oid, 'pg_database') AS c FROM pg_database WHERE datname = '${name}'`))
    .rows[0].c as string | null;
const customers = async (name: string) =>
  (await server.sql('SELECT count(*)::int AS n FROM customers', name)).rows[0].n as number;

describe('a restore into a name', () => {
  it('that is free makes the database, and takes the mark away at the end', async () => {
    let marked: string | null = null;
    const looks: Promise<void>[] = [];
    const result = await restoreInto(
      request('free "name"; --', {
        onProgress: (progress: RestoreProgress) => {
          if (progress.step === 'post-data' && looks.length === 0)
            looks.push(commentOf('free "name"; --').then((text) => void (marked = text)));
        },
      }),
    );
    await Promise.all(looks);
    expect(result).toMatchObject({ created: true, databaseName: 'free "name"; --' });
    expect(result.restore.rows).toBe(7000);
    expect(marked).toContain('half-made');
    expect(await commentOf('free "name"; --')).toBeNull();
    expect(await customers('free "name"; --')).toBe(3000);
  });

  it('of an empty database fills it and keeps its comment', async () => {
    await server.sql('CREATE DATABASE empty');
    await server.sql(`COMMENT ON DATABASE empty IS 'Ann''s own'`);
    expect(await restoreInto(request('empty'))).toMatchObject({ created: false });
    expect(await customers('empty')).toBe(3000);
    expect(await commentOf('empty')).toBe(`Ann's own`);
  });

  it.each([
    ['a table', 'CREATE TABLE precious (x int)', 'relation public.precious'],
    ['a function', `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`, 'function public.f'],
    ['a schema', 'CREATE SCHEMA mine', 'schema mine'],
    ['a type', `CREATE TYPE mood AS ENUM ('x')`, 'type public.'],
    ['a large object', 'SELECT lo_create(77)', 'large object 77'],
  ])('of a database that holds %s is refused, and nothing is changed', async (_what, sql, found) => {
    await server.sql('DROP DATABASE IF EXISTS mine');
    await server.sql('CREATE DATABASE mine');
    await server.sql(sql, 'mine');
    await expect(restoreInto(request('mine'))).rejects.toMatchObject({
      code: 'PG_TARGET_NOT_EMPTY',
      message: expect.stringContaining(found),
    });
    expect(await commentOf('mine')).toBeNull();
  });

  it('of a full database replaces it only when told to', async () => {
    await server.sql('CREATE DATABASE old');
    await server.sql('CREATE TABLE precious (x int)', 'old');
    expect(await restoreInto(request('old', { replace: true }))).toMatchObject({ created: true });
    expect(await customers('old')).toBe(3000);
  });

  it.each(['template0', 'template1'])('of the template %s is refused', async (name) => {
    await expect(restoreInto(request(name))).rejects.toMatchObject({ code: 'RESTORE_TARGET_NAME' });
  });

  it('on a server that is older, or with another encoding, is refused before anything is made', async () => {
    const { summary } = reader.manifest.body;
    await expect(
      restoreInto(request('older', { summary: { ...summary, serverVersionNum: 990000 } })),
    ).rejects.toMatchObject({ code: 'RESTORE_TARGET_UNFIT' });
    await expect(
      restoreInto(request('elsewhere', { summary: { ...summary, collate: 'xx_XX.utf8', ctype: 'xx_XX.utf8' } })),
    ).rejects.toMatchObject({ code: 'PG_LOCALE_MISSING' });
    await server.sql(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`);
    await expect(restoreInto(request('latin'))).rejects.toMatchObject({ code: 'RESTORE_TARGET_UNFIT' });
    expect(await exists('older')).toBe(false);
    expect(await exists('elsewhere')).toBe(false);
  });
});

describe('two restores at once into one name', () => {
  it('end with one database and one refusal', async () => {
    const outcomes = await Promise.allSettled([restoreInto(request('twins')), restoreInto(request('twins'))]);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect((refused[0] as PromiseRejectedResult).reason.code).toMatch(/PG_RESTORE_RUNNING|PG_DATABASE_EXISTS/);
    expect(await customers('twins')).toBe(3000);
    expect(await commentOf('twins')).toBeNull();
  });
});

describe('a half-made database', () => {
  it('in which somebody still works is left alone', async () => {
    await server.sql('CREATE DATABASE zombie');
    await server.sql(`COMMENT ON DATABASE zombie IS 'holdfast: half-made restore, not to be used {}'`);
    const alive = new Client({ ...server.target('zombie'), ssl: false });
    await alive.connect();
    await expect(restoreInto(request('zombie'))).rejects.toMatchObject({ code: 'PG_RESTORE_RUNNING' });
    expect((await alive.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await alive.end();
    expect(await restoreInto(request('zombie'))).toMatchObject({ created: true });
  });
});

describe('a restore that does not end well', () => {
  it('because it is cancelled, removes what it made', async () => {
    const controller = new AbortController();
    const running = restoreInto(
      request('cancelled', {
        signal: controller.signal,
        onProgress: ({ step }) => step === 'rows' && controller.abort(new Error('enough')),
      }),
    );
    await expect(running).rejects.toThrow('enough');
    expect(await exists('cancelled')).toBe(false);
  });

  it('because rows are missing, removes what it made', async () => {
    const lying: RestoreIntoRequest['engine'] = {
      restore: async (asked) => {
        const done = await createLogicalEngine().restore(asked);
        return { ...done, tables: done.tables.map((table) => ({ ...table, rows: table.rows + 1 })) };
      },
    };
    await expect(restoreInto(request('short', { engine: lying }))).rejects.toMatchObject({ code: 'PG_ROWS_DIFFER' });
    expect(await exists('short')).toBe(false);
  });

  it('because the copy is damaged, removes what it made and says which object', async () => {
    const { source } = request('x');
    const broken = {
      readFile: (path: string, options?: { signal?: AbortSignal }) => {
        if (!path.startsWith('data/')) return source.readFile(path, options);
        return (async function* () {
          yield Buffer.from('1\t');
          throw Object.assign(new Error('the object ab12 is damaged'), { code: 'REPO_SEGMENT_DAMAGED' });
        })();
      },
    };
    await expect(restoreInto(request('broken', { source: broken }))).rejects.toThrow('ab12');
    expect(await exists('broken')).toBe(false);
  });

  it('in a database that was there before, leaves that one, marked', async () => {
    await server.sql('CREATE DATABASE given');
    const controller = new AbortController();
    await expect(
      restoreInto(
        request('given', {
          signal: controller.signal,
          onProgress: ({ step }) => step === 'rows' && controller.abort(new Error('enough')),
        }),
      ),
    ).rejects.toThrow('enough');
    expect(await commentOf('given')).toContain('half-made');
    const again = await restoreInto(request('given'));
    expect(again.notices.join()).toContain('half-made database of an earlier restore');
    expect(await customers('given')).toBe(3000);
  });

  it.each(['rows', 'post-data'])(
    'because it is killed at "%s", leaves a mark; the next one clears and restores',
    async (step) => {
      const name = `killed ${step}`;
      const child = spawn(
        process.execPath,
        [
          'test/support/run-ts.cjs',
          'test/integration/recovery/recover-child.ts',
          JSON.stringify({
            storeUrl: `file://${world.storeDir}`,
            identityPath: join(world.keyDir, 'identity.txt'),
            to: server.target(name),
            settle: step,
          }),
        ],
        { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: world.dir } },
      );
      await once(createInterface(child.stdout), 'line');
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await exists(name)).toBe(true);
      expect(await commentOf(name)).toContain('half-made');
      const [base] = await leftBy();
      expect(await removeDeadScratchClusters(join(world.dir, base!))).toHaveLength(1);
      expect(await readdir(join(world.dir, base!))).toEqual([]);
      // The lock goes with the dead process's connection.
      const free = async () =>
        (await server.sql(`SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'`)).rows[0].n;
      for (const end = Date.now() + 10_000; (await free()) > 0 && Date.now() < end;)
        await new Promise((resolve) => setTimeout(resolve, 20));
      const again = await restoreInto(request(name));
      expect(again).toMatchObject({ created: true });
      expect(await customers(name)).toBe(3000);
      expect(await commentOf(name)).toBeNull();
    },
  );
});
