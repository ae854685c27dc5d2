/**
 * A private PostgreSQL cluster for one piece of work: own data directory, unprivileged operating system user, one socket
 * in a folder that nobody else may enter, no network. It is removed afterwards whatever happens; what a killed process
 * left behind is removed by the watchdog beside the server and by the next sweep.
 */
import { randomBytes } from 'node:crypto';
import { appendFile, chown, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { isHoldfastError } from '../errors/holdfast-error';
import { verifyError } from '../errors/verify';
import { createDatabaseSql, type DatabaseFacts } from './create-database';
import {
  checkFreeSpace,
  freeBytes,
  makeScratchFolder,
  removeDeadScratchClusters,
  removeScratchFolder,
  type ScratchFolder,
} from './scratch-folder';
import { runAs, startServer, type ScratchServer } from './scratch-server';
import { hbaConf, initdbArguments, postgresqlConf } from './scratch-settings';
import { chooseOsUser, findServerBin, ownOsName, type OsUser, type ServerBin } from './scratch-tools';

export { removeDeadScratchClusters } from './scratch-folder';

const DISK_WATCH_MS = 1_000;
/** What a cluster takes before anything is in it: catalogues and the first pieces of WAL. */
const EMPTY_CLUSTER_BYTES = 96 * 2 ** 20;

export interface ScratchOptions {
  /** Parent folder of private clusters. */
  readonly baseDir: string;
  /** Folders searched first for server programs. */
  readonly binDirs: readonly string[];
  /** Bytes that must stay free; checked before, and watched while the cluster runs. */
  readonly minFreeBytes: number;
  /** Bytes that the work will need beside that and the empty cluster; 0 when unknown. */
  readonly expectedBytes: number;
  /** Runs the server when this process is root; null = `postgres`, else `nobody`. */
  readonly osUser: string | null;
  /** Major version of the source server: the scratch server is the same, or the next newer one installed. */
  readonly major: number;
  /** Connections that work at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Extra lines of postgresql.conf; for tests. */
  readonly settings?: readonly string[];
}

/** How to reach a database of the cluster; assignable to the engines' `ConnectionTarget`. */
export interface ScratchConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly sslmode: 'disable';
  readonly name: string;
}

export interface ScratchCluster {
  readonly major: number;
  /** As the server program says of itself. */
  readonly version: string;
  /** Where its programs are: its own pg_dump and pg_restore, when they are installed, fit best. */
  readonly binDir: string;
  readonly dataDir: string;
  /** For temporary files of the work; removed with the cluster. */
  readonly filesDir: string;
  /** Aborts when the caller's signal does, when the server ends by itself, and when the disk runs full. */
  readonly signal: AbortSignal;
  connection(database: string): ScratchConnection;
  createDatabase(name: string, facts: DatabaseFacts): Promise<ScratchConnection>;
}

/** Makes a cluster, lets `work` use it, and removes it; rejects with what ended it when it did not end by itself. */
export async function withScratchCluster<T>(
  options: ScratchOptions,
  work: (cluster: ScratchCluster) => Promise<T>,
): Promise<T> {
  options.signal.throwIfAborted();
  await removeDeadScratchClusters(options.baseDir);
  const osUser = await chooseOsUser(options.osUser);
  const bin = await findServerBin(options.major, options.binDirs, osUser);
  const folder = await makeScratchFolder(options.baseDir, osUser);
  let server: ScratchServer | null = null;
  const trouble = new AbortController();
  const signal = AbortSignal.any([options.signal, trouble.signal]);
  let diskWatch: NodeJS.Timeout | undefined;
  try {
    await checkFreeSpace(options.baseDir, options.minFreeBytes + EMPTY_CLUSTER_BYTES + options.expectedBytes);
    const superuser = `hf_${randomBytes(6).toString('hex')}`;
    server = await bringUp({ ...options, signal }, folder, bin, osUser, superuser);
    let closing = false;
    void server.ended.then((output) => {
      if (!closing) trouble.abort(verifyError('SCRATCH_SERVER_DIED', `the scratch server ended: ${output}`));
    });
    diskWatch = setInterval(() => void watchDisk(options, trouble), DISK_WATCH_MS);
    diskWatch.unref();
    try {
      return await work(clusterOf(folder, bin, superuser, signal));
    } catch (error) {
      // A server that ended shows first as a lost connection: its end is the better explanation.
      options.signal.throwIfAborted();
      await Promise.race([server.ended, new Promise((resolve) => setTimeout(resolve, looksLost(error) ? 500 : 0))]);
      throw trouble.signal.aborted ? trouble.signal.reason : error;
    } finally {
      closing = true;
    }
  } finally {
    clearInterval(diskWatch);
    await server?.stop();
    await removeScratchFolder(folder);
  }
}

/** One fixed port number: the socket's folder is private, so it cannot clash. */
const PORT = 5432;

async function bringUp(
  options: ScratchOptions,
  folder: ScratchFolder,
  bin: ServerBin,
  osUser: OsUser | null,
  superuser: string,
): Promise<ScratchServer> {
  const { root, dataDir, socketDir } = folder;
  try {
    await runAs(join(bin.dir, 'initdb'), initdbArguments(dataDir, superuser, bin.major), {
      osUser,
      cwd: root,
      signal: options.signal,
    });
    const conf = postgresqlConf({
      socketDir,
      port: PORT,
      jobs: options.jobs,
      memoryBytes: memoryBytes(),
      major: bin.major,
      extra: options.settings ?? [],
    });
    const access = hbaConf(ownOsName(), superuser);
    await appendFile(join(dataDir, 'postgresql.conf'), conf);
    await writeFile(join(dataDir, 'pg_hba.conf'), access.hba);
    await writeFile(join(dataDir, 'pg_ident.conf'), access.ident);
    if (osUser)
      for (const file of ['pg_hba.conf', 'pg_ident.conf']) await chown(join(dataDir, file), osUser.uid, osUser.gid);
  } catch (error) {
    options.signal.throwIfAborted();
    if (isHoldfastError(error)) throw error;
    throw verifyError('SCRATCH_START_FAILED', `the scratch cluster could not be made: ${(error as Error).message}`, {
      context: { server: bin.version },
      cause: error,
    });
  }
  return startServer({
    binDir: bin.dir,
    dataDir,
    socketDir,
    port: PORT,
    osUser,
    signal: options.signal,
    isReady: async () => {
      const client = new Client({ host: socketDir, port: PORT, user: superuser, database: 'postgres', ssl: false });
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.end();
        return true;
      } catch (error) {
        // 57P03: "the database system is starting up". Anything else will not mend itself.
        const code = (error as { code?: string }).code;
        if (code === '57P03' || code === 'ECONNREFUSED' || code === 'ENOENT') return false;
        throw error;
      }
    },
  });
}

function clusterOf(folder: ScratchFolder, bin: ServerBin, user: string, signal: AbortSignal): ScratchCluster {
  const connection = (database: string): ScratchConnection => ({
    host: folder.socketDir,
    port: PORT,
    database,
    user,
    sslmode: 'disable',
    name: 'scratch cluster',
  });
  return {
    major: bin.major,
    version: bin.version,
    binDir: bin.dir,
    dataDir: folder.dataDir,
    filesDir: folder.filesDir,
    signal,
    connection,
    async createDatabase(name, facts) {
      const client = new Client({ ...connection('postgres'), ssl: false });
      client.on('error', () => undefined);
      await client.connect();
      try {
        await client.query(createDatabaseSql(name, facts, bin.major));
      } finally {
        await client.end();
      }
      return connection(name);
    },
  };
}

/** Memory of the container where there is a limit, else of the machine. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

async function watchDisk(options: ScratchOptions, trouble: AbortController): Promise<void> {
  const free = await freeBytes(options.baseDir).catch(() => null);
  // Half of the margin: a work that was let in just above the margin may go on.
  if (free === null || free >= options.minFreeBytes / 2 || trouble.signal.aborted) return;
  trouble.abort(
    verifyError(
      'SCRATCH_NO_SPACE',
      `the disk of the scratch folder is running full: ${Math.round(free / 2 ** 20)} MiB left`,
      {
        context: { baseDir: options.baseDir },
      },
    ),
  );
}

/** A connection that the server ended, rather than a statement that failed. */
function looksLost(error: unknown): boolean {
  const text = `${(error as { code?: string }).code ?? ''} ${(error as Error).message ?? ''}`;
  return /57P0[123]|08\d{3}|ECONN|EPIPE|terminat|closed|lost|reset/i.test(text);
}
