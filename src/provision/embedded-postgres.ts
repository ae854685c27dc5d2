import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { provisionError } from '../errors/provision';
import { prepareClusterFolder, type ClusterFolder } from './cluster-folder';
import { provisionContext, sayWhile, type ProvisionContext, type ProvisionOptions } from './context';
import type { PostgresInstallation } from './postgres-installations';
import { freePort } from './ports';
import { commandLineOf, identityOf } from './process-identity';
import { lastLines, run } from './run';
import { serverUser, type OsUser } from './server-user';
import { endProcess, startProcess, type ManagedProcess } from './supervisor';
import { waitUntilReady } from './wait-until';

export interface EmbeddedPostgresOptions extends ProvisionOptions {
  readonly installation: PostgresInstallation;
  /** Holds the cluster, its password and its log. Kept between starts. */
  readonly folder: string;
  /** Loopback port; default: the one of the last start when it is free, otherwise any. */
  readonly port?: number;
  /** Settings of postgresql.conf, given at start. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** OS user for the server when this process is root; default `postgres`, else `nobody`. */
  readonly osUser?: string;
}

export interface EmbeddedPostgres {
  readonly installation: PostgresInstallation;
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Superuser, with a random password that only the folder's owner can read. */
  readonly user: string;
  readonly password: string;
  /** Folder of its Unix socket: no password is asked there, and no other OS user may enter it. */
  readonly socketDir: string;
  readonly dataDir: string;
  readonly process: ManagedProcess;
  /** postgresql:// URL of a database, with the password. */
  url(database: string): string;
  /** Ends sessions and shuts down cleanly. */
  stop(): Promise<void>;
}

const SUPERUSER = 'holdfast';

/** Makes the cluster on the first start, starts it, and waits until it accepts connections. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const context = provisionContext(options);
  const user = serverUser(options.osUser);
  const folders = prepareClusterFolder(options.folder, user);
  const password = ensurePassword(folders, user);
  if (!existsSync(join(folders.dataDir, 'PG_VERSION'))) await initialize(context, options, folders, user);
  else refuseOtherMajor(folders, options.installation);
  await endForgottenServer(folders.dataDir);
  const portFile = join(options.folder, 'port');
  const port = await freePort(options.port ?? (existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0));
  if (options.port && port !== options.port)
    throw provisionError('PROVISION_SERVER_FAILED', 'the port is in use', { context: { server: 'PostgreSQL', port: options.port } }); // prettier-ignore
  writeFileSync(portFile, `${port}\n`);
  const server = await launch(options, folders, user, port);
  try {
    await waitUntilReady({ server, signal: context.signal, timeoutMs: 120_000, ready: () => acceptsConnections(folders.dataDir, server.pid) }); // prettier-ignore
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    installation: options.installation,
    host: '127.0.0.1',
    port,
    user: SUPERUSER,
    password,
    socketDir: folders.socketDir,
    dataDir: folders.dataDir,
    process: server,
    url: (database) => `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    stop: async () => void (await server.stop()),
  };
}

function launch(options: EmbeddedPostgresOptions, folders: ClusterFolder, user: OsUser | null, port: number) {
  const settings: Record<string, string | number | boolean> = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: folders.socketDir,
    unix_socket_permissions: '0700',
    logging_collector: 'off',
    ...options.settings,
  };
  return startProcess({
    name: 'PostgreSQL',
    command: join(options.installation.binDir, 'postgres'),
    args: ['-D', folders.dataDir, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    cwd: folders.root,
    env: serverEnvironment(options),
    uid: user?.uid,
    gid: user?.gid,
    logFile: join(options.folder, 'postgres.log'),
    // Fast shutdown: sessions are ended, the checkpoint is written.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 60_000,
  });
}

/** A kill in the middle leaves `data.new`, never half a cluster under its final name. */
async function initialize(
  context: ProvisionContext,
  options: EmbeddedPostgresOptions,
  folders: ClusterFolder,
  user: OsUser | null,
): Promise<void> {
  const fresh = `${folders.dataDir}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const made = await sayWhile(context.say, `PostgreSQL ${options.installation.version}: making a cluster`, () =>
    run(
      join(options.installation.binDir, 'initdb'),
      ['-D', fresh, '-U', SUPERUSER, '-E', 'UTF8', '--locale=C', '--data-checksums', '--auth-local=trust',
        '--auth-host=scram-sha-256', `--pwfile=${join(folders.root, 'password')}`, '--no-instructions'], // prettier-ignore
      { cwd: folders.root, env: serverEnvironment(options), uid: user?.uid, gid: user?.gid, signal: context.signal },
    ),
  );
  if (made.code !== 0)
    throw provisionError('PROVISION_SERVER_FAILED', `initdb failed: ${lastLines(made.stderr)}`, {
      context: { server: 'PostgreSQL', folder: folders.root },
    });
  renameSync(fresh, folders.dataDir);
}

/** The server needs none of our environment, which may hold credentials and PG* variables that would mislead it. */
function serverEnvironment(options: ProvisionOptions): NodeJS.ProcessEnv {
  const { env } = provisionContext(options);
  return { PATH: env.PATH, LANG: 'C', LC_ALL: 'C', TZ: 'UTC' };
}

function ensurePassword(folders: ClusterFolder, user: OsUser | null): string {
  const file = join(folders.root, 'password');
  if (!existsSync(file)) {
    const draft = `${file}.new`;
    writeFileSync(draft, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
    chmodSync(draft, 0o600);
    if (user) chownSync(draft, user.uid, user.gid);
    renameSync(draft, file);
  }
  return readFileSync(file, 'utf8').trim();
}

function refuseOtherMajor(folders: ClusterFolder, installation: PostgresInstallation): void {
  const major = Number(readFileSync(join(folders.dataDir, 'PG_VERSION'), 'utf8'));
  if (major !== installation.major)
    throw provisionError('PROVISION_SERVER_FAILED', 'the cluster was made by another major version', {
      context: { server: 'PostgreSQL', folder: folders.dataDir, cluster: major, installed: installation.major },
      hint: 'Name the bin folder of the cluster’s own major in HOLDFAST_POSTGRES_BIN, or move the folder away.',
    });
}

/** Ends the server of an embedded cluster that an earlier, killed program left running. */
export async function endEmbeddedPostgres(folder: string): Promise<void> {
  const dataDir = join(folder, 'cluster', 'data');
  if (existsSync(dataDir)) await endForgottenServer(realpathSync(dataDir));
}

/**
 * After a SIGKILL of this program the server it started may still run, or its postmaster.pid may name a pid that
 * something else has now, which would keep a new server from starting.
 */
async function endForgottenServer(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const identity = identityOf(Number(readFileSync(file, 'utf8').split('\n')[0]));
  if (identity && commandLineOf(identity.pid).includes(dataDir)) await endProcess(identity, 'SIGINT', 60_000);
  else if (identity) rmSync(file, { force: true });
}

/** The eighth line of postmaster.pid says `ready` once connections are accepted. */
async function acceptsConnections(dataDir: string, pid: number): Promise<boolean> {
  const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}
