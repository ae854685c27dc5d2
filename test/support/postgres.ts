/** Throw-away PostgreSQL servers: own data folder, own socket folder, loopback port, fsync off, unprivileged OS user. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, type QueryResult } from 'pg';

export type PostgresMajor = 15 | 16 | 18;

/** The shape of the engines' `ConnectionTarget`. */
export interface TestTarget {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly sslmode: 'disable' | 'prefer';
}

export interface TestPostgresOptions {
  readonly major?: PostgresMajor;
  /** Added to postgresql.conf as they are. */
  readonly settings?: Readonly<Record<string, string>>;
  /** `scram`: TCP logins need a password (superuser `postgres`, password `secret-of-postgres`). Default `trust`. */
  readonly auth?: 'trust' | 'scram';
  /** Default UTF8. */
  readonly encoding?: string;
}

export interface TestPostgres {
  readonly major: PostgresMajor;
  readonly port: number;
  readonly host: string;
  readonly socketDir: string;
  readonly dataDir: string;
  /** Folder of this server's binaries; readable by every OS user. */
  readonly binDir: string;
  readonly pid: number;
  target(database?: string, login?: { user: string; password?: string }): TestTarget;
  /** Runs SQL (several statements allowed) as the superuser and gives the last result. */
  sql(text: string, database?: string): Promise<QueryResult>;
  createDatabase(name: string, options?: { readonly template?: string; readonly extra?: string }): Promise<TestTarget>;
  dropDatabase(name: string): Promise<void>;
  /** Makes the template once, then a copy of it for each call: each test starts clean in milliseconds. */
  fromTemplate(template: string, fill: (target: TestTarget) => Promise<void>): Promise<TestTarget>;
  /** SIGINT (`fast`) or SIGQUIT (`immediate`); the data stays. */
  stopServer(mode: 'fast' | 'immediate'): Promise<void>;
  startServer(): Promise<void>;
  /** Stops the server and removes its folder. */
  stop(): Promise<void>;
}

const PASSWORD = 'secret-of-postgres';

/** Folder with the binaries of that major version, or null: Debian's own, then the cache that provisioning fills. */
export function postgresBinDir(major: PostgresMajor): string | null {
  const places = [`/usr/lib/postgresql/${major}/bin`, join(homedir(), '.cache/holdfast/postgres', `${major}`, 'bin')];
  return places.find((place) => existsSync(join(place, 'postgres'))) ?? null;
}

/** Majors that can be started here. */
export function installedMajors(): PostgresMajor[] {
  return ([15, 16, 18] as const).filter((major) => postgresBinDir(major) !== null);
}

interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root; null when this process is no root anyway. */
export function serverUser(): OsUser | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }).trim());
    try {
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // try the next name
    }
  }
  throw new Error('neither the OS user postgres nor nobody exists');
}

/** A cache below root's home cannot be entered by another OS user: such binaries are copied to the temp folder, once. */
function readableBinDir(binDir: string, user: OsUser | null): string {
  if (!user) return binDir;
  const probe = spawnSync(join(binDir, 'postgres'), ['--version'], { uid: user.uid, gid: user.gid, cwd: '/' });
  if (probe.status === 0) return binDir;
  const major = dirname(binDir);
  const cache = dirname(dirname(major));
  const stamp = Math.round(statSync(join(binDir, 'postgres')).mtimeMs).toString(36);
  const copy = join(tmpdir(), `holdfast-test-postgres-${stamp}-${major.split('/').pop()}`);
  if (!existsSync(copy)) {
    const partial = mkdtempSync(`${copy}-partial-`);
    execFileSync('chmod', ['755', partial]);
    cpSync(major, join(partial, 'postgres', 'x'), { recursive: true, verbatimSymlinks: true });
    for (const libs of readdirSync(cache).filter((name) => name.endsWith('.libs')))
      cpSync(join(cache, libs), join(partial, libs), { recursive: true, verbatimSymlinks: true });
    execFileSync('chmod', ['-R', 'a+rX', partial]);
    try {
      renameSync(partial, copy);
    } catch {
      rmSync(partial, { recursive: true, force: true });
    }
  }
  return join(copy, 'postgres', 'x', 'bin');
}

/** A TCP port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function startPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const major = options.major ?? 15;
  const installed = postgresBinDir(major);
  if (!installed) throw new Error(`PostgreSQL ${major} is not installed`);
  const user = serverUser();
  const binDir = readableBinDir(installed, user);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-pg-'));
  const dataDir = join(folder, 'data');
  if (user) chownSync(folder, user.uid, user.gid);
  const asUser = { ...(user ?? {}), cwd: folder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' } };
  execFileSync(
    join(binDir, 'initdb'),
    ['-D', dataDir, '-U', 'postgres', '-A', 'trust', '-N', '-E', options.encoding ?? 'UTF8', '--locale=C'],
    { ...asUser, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const port = await freePort();
  const settings: Record<string, string> = {
    listen_addresses: "'127.0.0.1'",
    port: String(port),
    unix_socket_directories: `'${folder}'`,
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    shared_buffers: "'64MB'",
    max_connections: '60',
    autovacuum: 'off',
    logging_collector: 'off',
    log_statement: 'none',
    ...options.settings,
  };
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value.replace(/^'(.*)'$/, '$1')}`]);

  let child: ChildProcess | null = null;
  let stderr = '';
  const superuser = (database: string) =>
    new Client({ host: folder, port, user: 'postgres', database, application_name: 'holdfast-test', ssl: false });

  const startServer = async (): Promise<void> => {
    // The kernel ends the server when the test process dies without warning.
    const wrapper = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig=QUIT'] : [];
    const [command, ...rest] = [...wrapper, join(binDir, 'postgres'), '-D', dataDir, ...args];
    const started = spawn(command!, rest, { ...asUser, stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    stderr = '';
    started.stderr!.on('data', (text: Buffer) => (stderr = (stderr + text.toString()).slice(-20_000)));
    const deadline = Date.now() + 30_000;
    for (;;) {
      if (started.exitCode !== null || Date.now() > deadline)
        throw new Error(`PostgreSQL ${major} did not start: ${stderr}`);
      const client = superuser('postgres');
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.end();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    }
  };

  const stopServer = async (mode: 'fast' | 'immediate'): Promise<void> => {
    const running = child;
    child = null;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await gone;
  };

  const sql = async (text: string, database = 'postgres'): Promise<QueryResult> => {
    const client = superuser(database);
    client.on('error', () => undefined);
    await client.connect();
    try {
      const result = (await client.query(text)) as QueryResult | QueryResult[];
      return Array.isArray(result) ? result[result.length - 1]! : result;
    } finally {
      await client.end().catch(() => undefined);
    }
  };

  const target = (database = 'postgres', login?: { user: string; password?: string }): TestTarget => ({
    name: `test-${major}`,
    host: '127.0.0.1',
    port,
    database,
    user: login?.user ?? 'postgres',
    ...(login
      ? login.password === undefined
        ? {}
        : { password: login.password }
      : options.auth === 'scram'
        ? { password: PASSWORD }
        : {}),
    sslmode: 'disable',
  });

  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  let copies = 0;
  const templates = new Map<string, Promise<void>>();

  const server: TestPostgres = {
    major,
    port,
    host: '127.0.0.1',
    socketDir: folder,
    dataDir,
    binDir,
    get pid() {
      return child?.pid ?? -1;
    },
    target,
    sql,
    async createDatabase(name, { template = 'template0', extra = '' } = {}) {
      await sql(`CREATE DATABASE ${quote(name)} TEMPLATE ${quote(template)} ${extra}`);
      return target(name);
    },
    async dropDatabase(name) {
      await sql(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`);
    },
    async fromTemplate(template, fill) {
      if (!templates.has(template)) templates.set(template, server.createDatabase(template).then(fill));
      await templates.get(template);
      copies += 1;
      return server.createDatabase(`${template}_${copies}`, { template });
    },
    stopServer,
    startServer,
    async stop() {
      await stopServer('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };

  try {
    await startServer();
    if (options.auth === 'scram') {
      await sql(`ALTER ROLE postgres PASSWORD '${PASSWORD}'`);
      const { writeFileSync } = await import('node:fs');
      writeFileSync(
        join(dataDir, 'pg_hba.conf'),
        'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n',
      );
      await sql('SELECT pg_reload_conf()');
    }
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}
