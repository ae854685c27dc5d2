/** Finds the server programs of a scratch cluster and the operating system user that they run as. */
import { execFile } from 'node:child_process';
import { readdir, realpath, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { verifyError } from '../errors/verify';

const run = promisify(execFile);

/** A clean environment: what is set around Holdfast (PGHOST, LC_*, LD_*) must not reach a scratch server. */
export const SCRATCH_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/** Where distributions put server programs, a folder a major version. */
const PACKAGE_DIRS: readonly { readonly parent: string; readonly bin: string }[] = [
  { parent: '/usr/lib/postgresql', bin: 'bin' },
  { parent: '/usr/local/lib/postgresql', bin: 'bin' },
  { parent: '/usr', bin: 'bin' },
  { parent: '/opt/homebrew/opt', bin: 'bin' },
  { parent: '/usr/local/opt', bin: 'bin' },
];

/** Who the server runs as; null = as this process. */
export interface OsUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface ServerBin {
  readonly dir: string;
  readonly major: number;
  /** As printed: `postgres (PostgreSQL) 15.18 (Debian …)`. */
  readonly version: string;
}

/** PostgreSQL refuses to run as root: then `wanted`, or else `postgres`, or else `nobody`. */
export async function chooseOsUser(wanted: string | null): Promise<OsUser | null> {
  if (process.getuid?.() !== 0) return null;
  for (const name of wanted === null ? ['postgres', 'nobody'] : [wanted]) {
    const user = await lookUpUser(name);
    if (user !== null && user.uid !== 0) return user;
  }
  throw verifyError('SCRATCH_USER_UNKNOWN', '', { context: { user: wanted ?? 'postgres, nobody' } });
}

async function lookUpUser(name: string): Promise<OsUser | null> {
  try {
    const ids = await Promise.all([run('id', ['-u', '--', name]), run('id', ['-g', '--', name])]);
    return { name, uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) };
  } catch (error) {
    // A number is the exit code of a program that ran; anything else says that this machine could not run it.
    if (typeof (error as { code?: unknown }).code === 'number') return null;
    throw verifyError('SCRATCH_START_FAILED', `the user ${name} cannot be looked up: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Name of the user of this process as the server's peer check will see it; null when it has none (some containers). */
export function ownOsName(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

/**
 * The programs to use: the source's own major version, else the next newer. Only what the server's user may run counts.
 * @param major of the source server; a scratch server may be newer, never older
 */
export async function findServerBin(
  major: number,
  binDirs: readonly string[],
  osUser: OsUser | null,
): Promise<ServerBin> {
  const seen = new Set<string>();
  const found: ServerBin[] = [];
  const passedOver: string[] = [];
  for (const dir of [...binDirs, ...(await dirOnPath()), ...(await packagedDirs())]) {
    const real = await realpath(dir).catch(() => null);
    if (real === null || seen.has(real) || !(await hasServer(real))) continue;
    seen.add(real);
    const bin = await askVersion(real, osUser);
    if (typeof bin === 'string') passedOver.push(`${real}: ${bin}`);
    else if (bin.major < major) passedOver.push(`${real}: version ${bin.major}`);
    else if (bin.major === major) return bin;
    else found.push(bin);
  }
  const [best] = found.sort((a, b) => a.major - b.major);
  if (best) return best;
  const why = passedOver.length > 0 ? `; passed over ${passedOver.join(', ')}` : '';
  throw verifyError('SCRATCH_NO_SERVER', `no PostgreSQL server of version ${major} or newer can be run here${why}`, {
    context: { wanted: major },
  });
}

async function hasServer(dir: string): Promise<boolean> {
  const files = await Promise.all(['postgres', 'initdb'].map((name) => stat(join(dir, name)).catch(() => null)));
  return files.every((file) => file !== null && file.isFile());
}

async function askVersion(dir: string, osUser: OsUser | null): Promise<ServerBin | string> {
  try {
    const { stdout } = await run(join(dir, 'postgres'), ['--version'], {
      env: SCRATCH_ENV,
      cwd: '/',
      timeout: 10_000,
      ...(osUser && { uid: osUser.uid, gid: osUser.gid }),
    });
    const major = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1];
    return major === undefined ? 'not PostgreSQL' : { dir, major: Number(major), version: stdout.trim() };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'EACCES' && osUser ? `the user ${osUser.name} may not run it` : 'does not run';
  }
}

async function packagedDirs(): Promise<string[]> {
  const lists = await Promise.all(
    PACKAGE_DIRS.map(async ({ parent, bin }) => {
      const names = await readdir(parent).catch(() => [] as string[]);
      return names.filter((name) => /^(pgsql-|postgresql@)?\d+$/.test(name)).map((name) => join(parent, name, bin));
    }),
  );
  return lists.flat();
}

/** The folder of the `postgres` that a shell finds. The shell looks: this module does not read the environment. */
async function dirOnPath(): Promise<string[]> {
  try {
    const { stdout } = await run('/bin/sh', ['-c', 'command -v postgres'], { timeout: 5_000 });
    return [dirname(await realpath(stdout.trim()))];
  } catch {
    return [];
  }
}
