/**
 * Folders of scratch clusters: made so that nobody else can look in, owned by a live process, and swept when that
 * process is gone. `<base>/scratch-<8 hex>/` holds `owner.json`, `data/`, `s/` (the socket) and `files/`.
 */
import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyError } from '../errors/verify';
import { startTicks } from '../provision/process-identity';
import type { OsUser } from './scratch-tools';

const run = promisify(execFile);
const NAME = /^(?:scratch|work)-[0-9a-f]{8}$/;
/** Linux takes 107 bytes for the path of a socket, macOS 103. */
const SOCKET_PATH_MAX = 103;
/** A folder without `owner.json` is being made just now, unless it is older than this. */
const UNOWNED_GRACE_MS = 60_000;
/** What a machine of another name left on a shared disk is dead after this long. */
const FOREIGN_GRACE_MS = 7 * 86_400_000;

/** Who made a scratch folder; enough to tell a live owner from a later process with the same number. */
interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Start of the process in clock ticks since boot; null where the system does not tell. */
  readonly startTicks: string | null;
  readonly bootId: string | null;
  /** A socket folder elsewhere, when the path here would be too long. */
  readonly socketDir: string;
}

export interface ScratchFolder {
  readonly root: string;
  readonly dataDir: string;
  readonly socketDir: string;
  /** For temporary files of the work (archives, lists); goes with the cluster. */
  readonly filesDir: string;
}

export async function makeScratchFolder(baseDir: string, osUser: OsUser | null): Promise<ScratchFolder> {
  await prepareBase(baseDir, osUser);
  const root = join(baseDir, `scratch-${randomBytes(4).toString('hex')}`);
  let socketDir = join(root, 's');
  try {
    await mkdir(root, { mode: 0o700 });
    if (Buffer.byteLength(join(socketDir, '.s.PGSQL.65535')) > SOCKET_PATH_MAX) socketDir = await mkdtemp('/tmp/hf-');
    const folder = { root, socketDir, dataDir: join(root, 'data'), filesDir: join(root, 'files') };
    await writeFile(join(root, 'owner.json'), JSON.stringify({ ...(await thisProcess()), socketDir } satisfies Owner), {
      mode: 0o600,
    });
    for (const dir of [folder.dataDir, folder.socketDir, folder.filesDir]) {
      await mkdir(dir, { mode: 0o700, recursive: true });
      await chmod(dir, 0o700);
      if (osUser && dir !== folder.filesDir) await chown(dir, osUser.uid, osUser.gid);
    }
    if (osUser) await chown(root, osUser.uid, osUser.gid);
    return folder;
  } catch (error) {
    await rm(root, { recursive: true, force: true }).catch(() => undefined);
    if (!socketDir.startsWith(root)) await rm(socketDir, { recursive: true, force: true }).catch(() => undefined);
    throw unfit(baseDir, error);
  }
}

/** A predictable name below /tmp may have been made by somebody else first: then it is not used. */
async function prepareBase(baseDir: string, osUser: OsUser | null): Promise<void> {
  try {
    await mkdir(baseDir, { recursive: true, mode: 0o711 });
    const facts = await lstat(baseDir);
    const uid = process.getuid?.();
    if (!facts.isDirectory() || (uid !== undefined && facts.uid !== uid && facts.uid !== 0))
      throw new Error('it is a link, or belongs to somebody else');
    // The server's user must pass through to its own folder, without being able to look around.
    if (osUser && (facts.mode & 0o001) === 0) await chmod(baseDir, (facts.mode & 0o777) | 0o011);
  } catch (error) {
    throw unfit(baseDir, error);
  }
}

function unfit(baseDir: string, cause: unknown): Error {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return verifyError('SCRATCH_NO_SPACE', '', { context: { baseDir }, cause });
  return verifyError('SCRATCH_DIR_UNFIT', `the scratch folder cannot be used: ${(cause as Error).message}`, {
    context: { baseDir },
    cause,
  });
}

/**
 * A folder for the temporary files of one piece of work; removed afterwards, and by the next sweep when this process was
 * killed: what lies in it may be plain data.
 */
export async function withWorkFolder<T>(baseDir: string, work: (folder: string) => Promise<T>): Promise<T> {
  await prepareBase(baseDir, null);
  await removeDeadScratchClusters(baseDir);
  const root = join(baseDir, `work-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(root, { mode: 0o700 });
    const owner: Owner = { ...(await thisProcess()), socketDir: join(root, 's') };
    await writeFile(join(root, 'owner.json'), JSON.stringify(owner), { mode: 0o600 });
    return await work(root);
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** Refuses when less than `needed` bytes are free for a user without privileges. */
export async function checkFreeSpace(dir: string, needed: number): Promise<void> {
  const free = await freeBytes(dir);
  if (free >= needed) return;
  throw verifyError('SCRATCH_NO_SPACE', `the scratch folder has ${mib(free)} MiB free, ${mib(needed)} MiB are needed`, {
    context: { dir },
  });
}

export async function freeBytes(dir: string): Promise<number> {
  const facts = await statfs(dir);
  return facts.bavail * facts.bsize;
}

const mib = (bytes: number) => Math.round(bytes / 2 ** 20);

/**
 * Stops and removes the clusters, and removes the work folders, whose owner is gone. Called before each new one.
 * @returns the folders that were removed
 */
export async function removeDeadScratchClusters(baseDir: string): Promise<readonly string[]> {
  const names = await readdir(baseDir).catch(() => [] as string[]);
  const removed: string[] = [];
  for (const name of names.filter((candidate) => NAME.test(candidate))) {
    const root = join(baseDir, name);
    const owner = await readOwner(root);
    if (!(await isDead(root, owner))) continue;
    await killServer(join(root, 'data'), owner?.host ?? hostname());
    await removeScratchFolder({ root, socketDir: owner?.socketDir ?? join(root, 's') });
    removed.push(root);
  }
  return removed;
}

/** Safe to call twice and on what is half gone. */
export async function removeScratchFolder(folder: Pick<ScratchFolder, 'root' | 'socketDir'>): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 };
  await rm(folder.root, options);
  if (/^\/tmp\/hf-[A-Za-z0-9]+$/.test(folder.socketDir)) await rm(folder.socketDir, options);
}

async function readOwner(root: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(join(root, 'owner.json'), 'utf8')) as Owner;
  } catch {
    return null;
  }
}

async function isDead(root: string, owner: Owner | null): Promise<boolean> {
  const facts = await stat(root).catch(() => null);
  if (facts === null) return false;
  const age = Date.now() - facts.mtimeMs;
  if (owner === null) return age > UNOWNED_GRACE_MS;
  if (owner.host !== hostname()) return age > FOREIGN_GRACE_MS;
  if (owner.bootId !== (await bootId())) return true;
  if (owner.pid === process.pid) return owner.startTicks !== (await ticksOf(process.pid));
  return !isAlive(owner.pid) || owner.startTicks !== (await ticksOf(owner.pid));
}

/** Ends the server that runs on this data directory, if its process is truly that server. */
export async function killServer(dataDir: string, host = hostname()): Promise<void> {
  if (host !== hostname()) return;
  const first = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n', 1)[0];
  const pid = Number(first);
  if (!Number.isInteger(pid) || pid <= 1 || !(await commandOf(pid)).includes(dataDir)) return;
  // SIGQUIT is an immediate shutdown: children end and shared memory is given back.
  for (const [signal, waitMs] of [['SIGQUIT', 5_000] as const, ['SIGKILL', 5_000] as const]) {
    if (!send(pid, signal)) return;
    for (const end = Date.now() + waitMs; Date.now() < end; await sleep(25)) if (!isAlive(pid)) return;
  }
}

async function commandOf(pid: number): Promise<string> {
  const linux = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  if (linux !== null) return linux.replaceAll('\0', ' ');
  return run('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function thisProcess(): Promise<Omit<Owner, 'socketDir'>> {
  return { host: hostname(), pid: process.pid, startTicks: await ticksOf(process.pid), bootId: await bootId() };
}

async function ticksOf(pid: number): Promise<string | null> {
  return startTicks(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
}

async function bootId(): Promise<string | null> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}
