import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import {
  ensureAnyPostgres,
  ensureTool,
  removeClusterFolder,
  startEmbeddedGcs,
  startEmbeddedPostgres,
  startEmbeddedS3,
  startEmbeddedTemporal,
  type EmbeddedPostgres,
  type PostgresInstallation,
} from '../../../src/provision';
import { isAlive } from '../../../src/provision/process-identity';

const PATIENCE = 120_000;

let folder: string;
/** Ended after each test, failed ones included: a child that runs would keep jest from ending. */
let started: { stop(): Promise<unknown> }[] = [];
function keep<T extends { stop(): Promise<unknown> }>(server: T): T {
  started.push(server);
  return server;
}

beforeEach(() => {
  started = [];
  folder = mkdtempSync(join(tmpdir(), 'holdfast-embedded-'));
});
afterEach(async () => {
  for (const server of started) await server.stop();
  removeClusterFolder(folder);
  rmSync(folder, { recursive: true, force: true });
});

async function ask(server: EmbeddedPostgres, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows[0] && Object.values(rows[0])[0];
  } finally {
    await client.end();
  }
}

describe('an embedded PostgreSQL', () => {
  let installation: PostgresInstallation;
  beforeAll(async () => {
    installation = await ensureAnyPostgres();
  });

  it(
    'keeps its rows, its password and its port, and is not open to others',
    async () => {
      const first = keep(await startEmbeddedPostgres({ installation, folder }));
      await ask(first, 'create table kept as select 42 as n');
      expect(statSync(first.socketDir).mode & 0o777).toBe(0o700);
      expect(statSync(join(first.dataDir, '..', 'password')).mode & 0o777).toBe(0o600);
      const wrong = new Client({ connectionString: first.url('postgres').replace(first.password, 'guess') });
      await expect(wrong.connect()).rejects.toThrow(/password authentication failed/);
      await first.stop();
      expect(first.process.exit()).toEqual({ code: 0, signal: null });

      const second = keep(await startEmbeddedPostgres({ installation, folder }));
      expect(second).toMatchObject({ port: first.port, password: first.password });
      await expect(ask(second, 'select n from kept')).resolves.toBe(42);
      await second.stop();
    },
    PATIENCE,
  );

  it(
    'starts again over a server that a killed owner left, and over one that was killed itself',
    async () => {
      const left = keep(await startEmbeddedPostgres({ installation, folder }));
      await ask(left, 'create table kept as select 1 as n');
      const next = keep(await startEmbeddedPostgres({ installation, folder }));
      expect(isAlive(left.process.pid)).toBe(false);
      process.kill(next.process.pid, 'SIGKILL');
      await next.process.exited;
      const last = keep(await startEmbeddedPostgres({ installation, folder }));
      await expect(ask(last, 'select n from kept')).resolves.toBe(1);
      await last.stop();
    },
    PATIENCE,
  );

  it(
    'makes the cluster anew when the first attempt was killed half way',
    async () => {
      const first = keep(await startEmbeddedPostgres({ installation, folder }));
      await first.stop();
      const data = realpathSync(first.dataDir);
      rmSync(data, { recursive: true });
      mkdirSync(`${data}.new`);
      writeFileSync(join(`${data}.new`, 'half'), '');
      const second = keep(await startEmbeddedPostgres({ installation, folder }));
      await expect(ask(second, 'select 1 as n')).resolves.toBe(1);
      await second.stop();
      expect(existsSync(`${data}.new`)).toBe(false);
    },
    PATIENCE,
  );

  it(
    'is not fooled by a pid file that names another process',
    async () => {
      const first = keep(await startEmbeddedPostgres({ installation, folder }));
      await first.stop();
      const pidFile = join(first.dataDir, 'postmaster.pid');
      writeFileSync(pidFile, `${process.pid}\n${first.dataDir}\n0\n${first.port}\n`);
      const second = keep(await startEmbeddedPostgres({ installation, folder }));
      expect(Number(readFileSync(pidFile, 'utf8').split('\n')[0])).toBe(second.process.pid);
      await second.stop();
    },
    PATIENCE,
  );

  it(
    'says what the server said when it does not start',
    async () => {
      const starting = startEmbeddedPostgres({ installation, folder, settings: { shared_buffers: 'nonsense' } });
      await expect(starting).rejects.toMatchObject({
        code: 'PROVISION_SERVER_FAILED',
        message: expect.stringContaining('shared_buffers') as string,
      });
    },
    PATIENCE,
  );
});

describe('an embedded S3 server', () => {
  it(
    'keeps its credentials and its port, and lets nobody in without them',
    async () => {
      const { path: program } = await ensureTool('versitygw');
      const first = keep(await startEmbeddedS3({ program, folder, buckets: ['one'] }));
      await expect(fetch(`${first.endpoint}/one?list-type=2`).then(({ status }) => status)).resolves.toBe(403);
      await first.stop();
      const second = keep(await startEmbeddedS3({ program, folder, buckets: ['one'] }));
      expect(second).toMatchObject({ endpoint: first.endpoint, accessKeyId: first.accessKeyId, secretAccessKey: first.secretAccessKey }); // prettier-ignore
      expect(readFileSync(`/proc/${second.process.pid}/cmdline`, 'utf8')).not.toContain(second.secretAccessKey);
      await second.stop();
    },
    PATIENCE,
  );
});

describe('an embedded GCS server', () => {
  it(
    'keeps its buckets, its objects and its port, and ends the server that a killed owner left',
    async () => {
      const { path: program } = await ensureTool('fakeGcs');
      const left = keep(await startEmbeddedGcs({ program, folder, buckets: ['one', 'two'] }));
      const sent = await fetch(`${left.endpoint}/upload/storage/v1/b/one/o?uploadType=media&name=a/b`, {
        method: 'POST',
        body: 'kept',
      });
      expect(sent.status).toBe(200);
      const again = keep(await startEmbeddedGcs({ program, folder, buckets: ['one', 'three'] }));
      expect(isAlive(left.process.pid)).toBe(false);
      expect(again.endpoint).toBe(left.endpoint);
      await expect(
        fetch(`${again.endpoint}/storage/v1/b/one/o/a%2Fb?alt=media`).then((answer) => answer.text()),
      ).resolves.toBe('kept');
      const listed = (await (await fetch(`${again.endpoint}/storage/v1/b?project=p`)).json()) as {
        items: { name: string }[];
      };
      expect(listed.items.map(({ name }) => name).sort()).toEqual(['one', 'three', 'two']);
      await again.stop();
      expect(isAlive(again.process.pid)).toBe(false);
    },
    PATIENCE,
  );

  it(
    'is not there, and leaves no process, when a bucket cannot be made',
    async () => {
      const { path: program } = await ensureTool('fakeGcs');
      await expect(startEmbeddedGcs({ program, folder, buckets: [''] })).rejects.toMatchObject({
        code: 'PROVISION_SERVER_FAILED',
      });
      expect(existsSync(join(folder, 'gcs.pid'))).toBe(false);
    },
    PATIENCE,
  );
});

describe('an embedded Temporal server', () => {
  it(
    'answers with its namespace, ends the server that a killed owner left, and keeps its addresses',
    async () => {
      const { path: program } = await ensureTool('temporal');
      const options = { program, folder, namespace: 'kept', searchAttributes: { HoldfastTest: 'Keyword' } };
      const left = keep(await startEmbeddedTemporal(options));
      const again = keep(await startEmbeddedTemporal(options));
      expect(isAlive(left.process.pid)).toBe(false);
      expect(again).toMatchObject({ address: left.address, webUi: left.webUi, namespace: 'kept' });
      const answer = await fetch(`${again.webUi}/api/v1/namespaces/kept/search-attributes`);
      expect(JSON.stringify(await answer.json())).toContain('HoldfastTest');
      await again.stop();
      expect(isAlive(again.process.pid)).toBe(false);
    },
    PATIENCE,
  );
});
