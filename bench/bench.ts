import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import {
  endEmbeddedPostgres,
  ensureAnyPostgres,
  ensurePostgres,
  ensureTool,
  removeClusterFolder,
  startEmbeddedPostgres,
  startEmbeddedS3,
  stopLeftover,
  type EmbeddedPostgres,
  type EmbeddedS3,
  type Supervisor,
} from '../src/provision';
import { initKeys } from '../src/repository/keys';
import { folderStore, s3Store, type ServedStore, type StoreInput } from './holdfast';
import type { BenchOptions } from './options';

const BUCKET = 'bench';
/** The worker remembers that it made the repository in its store, so nobody empties that one under it. */
export const WORKER_BUCKET = 'worker';
const DATABASE = 'bench';

/** Everything that the sections measure with. */
export interface Bench {
  /** Ends everything that was started, on an interruption too. */
  readonly supervisor: Supervisor;
  readonly options: BenchOptions;
  readonly say: (line: string) => void;
  readonly postgres: EmbeddedPostgres;
  readonly binDir: string;
  readonly database: string;
  readonly s3: readonly [EmbeddedS3, EmbeddedS3];
  readonly keysDir: string;
  /** Folder for what a lane writes; emptied by `clean`. */
  readonly out: string;
  readonly scratchDir: string;
  readonly ageRecipient: string;
  readonly stores: { readonly folder: StoreInput; readonly one: ServedStore; readonly two: ServedStore };
  /** Those of the stores that are reached over TCP. */
  readonly servers: readonly ServedStore[];
  /** Environment with the credentials of all stores. */
  readonly env: NodeJS.ProcessEnv;
  /** Of a database, over the Unix socket, as pg_dump and friends take it too. */
  url(database?: string): string;
  /** Environment in which pg_dump and friends need no further words, for this database. */
  pgEnv(database?: string): NodeJS.ProcessEnv;
  /** Folder for what stands on machines of its own in life: it need not be on the disk of the server that is measured. */
  readonly elsewhere: string;
  /** Empties `out` and the stores. */
  clean(): void;
  /** Where the S3 server keeps the objects of its bucket. */
  bucketFolder(server: 'one' | 'two'): string;
  emptyBucket(server: 'one' | 'two'): void;
  sql(text: string, database?: string): Promise<void>;
}

export async function openBench(
  options: BenchOptions,
  supervisor: Supervisor,
  say: (line: string) => void,
  settings: Readonly<Record<string, string>> = {},
): Promise<Bench> {
  const { folder, elsewhere = folder } = options;
  for (const one of new Set([folder, elsewhere])) await clearFolder(one);
  installPeers(say);
  // 15 where there is one: it is what the published figures were measured with.
  const [installation] = await ensurePostgres([15], { say, install: false }).catch(async () => [
    await ensureAnyPostgres({ say }),
  ]);
  const versitygw = await ensureTool('versitygw', { say });
  const postgres = await startEmbeddedPostgres({
    installation: installation!,
    folder: join(folder, 'postgres'),
    settings: {
      shared_buffers: '256MB',
      max_wal_size: '8GB',
      wal_level: 'minimal',
      max_wal_senders: 0,
      autovacuum: 'off',
      max_connections: 50,
      ...settings,
    },
  });
  supervisor.add('PostgreSQL', () => postgres.stop());
  const s3 = await Promise.all(
    ['s3-one', 's3-two'].map(async (name) => {
      const server = await startEmbeddedS3({
        program: versitygw.path,
        folder: join(elsewhere, name),
        buckets: [BUCKET, WORKER_BUCKET],
      });
      supervisor.add(name, () => server.stop());
      return server;
    }),
  );
  const one = s3Store('one', s3[0]!, BUCKET);
  const two = s3Store('two', s3[1]!, BUCKET);
  const out = join(folder, 'out');
  const storePath = join(folder, 'store');
  const description = await initKeys(join(folder, 'keys'));
  const url = (database = DATABASE) => socketUrl(postgres, database);
  const pgEnv = (database = DATABASE): NodeJS.ProcessEnv => ({
    ...process.env,
    PATH: `${installation!.binDir}:${process.env.PATH}`,
    PGHOST: postgres.socketDir,
    PGPORT: String(postgres.port),
    PGUSER: postgres.user,
    PGDATABASE: database,
  });
  let emptied = 0;
  /**
   * Removed at the end of the bench: ext4 passes over inodes that were freed in the last minutes, one by one, so removing
   * hundreds of objects before each lane would slow the next one's writes, which no installation does to itself.
   */
  const setAside = (path: string) => {
    if (!existsSync(path)) return;
    const aside = join(path.startsWith(elsewhere) ? elsewhere : folder, 'emptied');
    mkdirSync(aside, { recursive: true });
    renameSync(path, join(aside, String((emptied += 1))));
  };
  const bench: Bench = {
    supervisor,
    options,
    say,
    postgres,
    binDir: installation!.binDir,
    database: DATABASE,
    s3: [s3[0]!, s3[1]!],
    keysDir: join(folder, 'keys'),
    out,
    elsewhere,
    scratchDir: join(realpathSync(join(folder, 'postgres', 'cluster')), 'scratch'),
    ageRecipient: description.recipients[0]!.recipient,
    stores: { folder: folderStore('folder', storePath), one: one.store, two: two.store },
    servers: [one.store, two.store],
    env: { ...one.env, ...two.env },
    url,
    pgEnv,
    clean() {
      for (const path of [out, storePath]) {
        setAside(path);
        mkdirSync(path, { recursive: true });
      }
      bench.emptyBucket('one');
      bench.emptyBucket('two');
    },
    bucketFolder: (server) => join(elsewhere, `s3-${server}`, 'data', BUCKET),
    emptyBucket(server) {
      for (const part of ['data', 'metadata']) {
        const path = join(elsewhere, `s3-${server}`, part, BUCKET);
        setAside(path);
        mkdirSync(path, { recursive: true });
      }
    },
    sql: (text, database = 'postgres') => sqlOf(postgres, text, database),
  };
  bench.clean();
  await bench.sql(`create database ${DATABASE}`);
  return bench;
}

/** Over the Unix socket, as pg_dump and friends take it too. */
export function socketUrl(postgres: EmbeddedPostgres, database: string): string {
  const socket = new URL(postgres.url(database));
  socket.searchParams.set('host', postgres.socketDir);
  socket.searchParams.set('port', String(postgres.port));
  return socket.href.replace(/@[^/]*\//, '@/');
}

/** Runs statements in a session of its own. */
export async function sqlOf(postgres: EmbeddedPostgres, text: string, database: string): Promise<void> {
  const client = new Client({ connectionString: postgres.url(database) });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** Removes what the bench made. */
export async function clearFolder(folder: string): Promise<void> {
  const mark = join(folder, 'this-is-a-holdfast-bench');
  if (existsSync(folder) && !existsSync(mark)) throw new Error(`${folder} exists, and no bench made it`);
  for (const name of ['s3-one', 's3-two']) await stopLeftover(join(folder, name, 's3.pid'));
  await stopLeftover(join(folder, 'gcs', 'gcs.pid'));
  for (const cluster of ['postgres', 'catalog']) {
    await endEmbeddedPostgres(join(folder, cluster));
    removeClusterFolder(join(folder, cluster));
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(mark, '');
}

/** The peers come from the system's packages. */
function installPeers(say: (line: string) => void): void {
  const missing = ['zstd', 'age', 'restic', 'rclone'].filter((name) => !firstLine('sh', ['-c', `command -v ${name}`]));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw new Error(`install ${missing.join(', ')} first: the bench measures beside them`);
  say(`installing ${missing.join(', ')}`);
  execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
  execFileSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { stdio: 'ignore' });
}

/** Machine and versions, for the head of the results. */
export function describeMachine(bench: Bench): Readonly<Record<string, string>> {
  const uname = firstLine('uname', ['-sr']);
  return {
    machine: `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${uname}`,
    system: /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown',
    node: process.version,
    PostgreSQL: bench.postgres.installation.version,
    restic: firstLine('restic', ['version']),
    rclone: firstLine('rclone', ['version']),
    age: firstLine('age', ['--version']),
    zstd: firstLine('zstd', ['--version']),
    S3: firstLine('sh', ['-c', 'command -v versitygw >/dev/null && versitygw --version || echo "versitygw 1.8.0"']),
  };
}

function firstLine(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')[0]!
      .trim();
  } catch {
    return '';
  }
}
