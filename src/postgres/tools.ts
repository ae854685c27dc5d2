/** Which client tools to use: the newest installed major that is not older than the server. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { postgresError } from '../errors/postgres';
import { runChild } from './child-process';

export interface ClientTools {
  readonly pgDump: string;
  readonly pgDumpall: string;
  readonly pgRestore: string;
  readonly psql: string;
  readonly major: number;
  /** "15.18": without the packager's suffix. */
  readonly version: string;
  readonly binDir: string;
}

export interface ToolSearch {
  /** Searched besides PATH and /usr/lib/postgresql. */
  readonly binDirs: readonly string[];
  /** PATH of this process, given by the entry point. @default the usual system folders */
  readonly path?: string;
  readonly signal?: AbortSignal;
}

const NAMES = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql'] as const;
const DEBIAN = '/usr/lib/postgresql';
const USUAL_PATH = '/usr/local/bin:/usr/bin:/bin';

/** First minor of each major without the known holes of pg_restore. */
const FIRST_GOOD_MINOR: Readonly<Record<number, number>> = { 15: 20, 16: 16, 17: 12, 18: 7 };

/** True for client tools with a known hole in pg_restore: fit for tests, not for untrusted archives. */
export function knownBadMinor(version: string): boolean {
  const { major, minor } = parseToolVersion(version) ?? { major: 0, minor: 0 };
  const firstGood = FIRST_GOOD_MINOR[major];
  return firstGood !== undefined ? minor < firstGood : major < 15;
}

/** Reads "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "18.4", "19beta1"; null when it is none. */
export function parseToolVersion(text: string): { major: number; minor: number; version: string } | null {
  const match = /(?:^|\s)(\d{1,2})(?:\.(\d+)|(?:devel|beta\d*|rc\d*))?(?:\s|$)/.exec(text);
  if (!match) return null;
  const minor = Number(match[2] ?? 0);
  return { major: Number(match[1]), minor, version: `${match[1]}.${minor}` };
}

/** Every complete set of client tools, newest first. */
export async function listTools(search: ToolSearch): Promise<ClientTools[]> {
  const found = new Map<string, ClientTools>();
  for (const binDir of candidateDirs(search)) {
    if (found.has(binDir) || !NAMES.every((name) => isExecutable(join(binDir, name)))) continue;
    const version = await versionOf(join(binDir, 'pg_dump'), search.signal);
    if (!version) continue;
    found.set(binDir, {
      pgDump: join(binDir, 'pg_dump'),
      pgDumpall: join(binDir, 'pg_dumpall'),
      pgRestore: join(binDir, 'pg_restore'),
      psql: join(binDir, 'psql'),
      major: version.major,
      version: version.version,
      binDir,
    });
  }
  // A stable sort: of two equal versions, the folder that was named first.
  return [...found.values()].sort((a, b) => compareVersions(b.version, a.version));
}

/**
 * The newest installed tools whose major is the server's or newer.
 * @throws PG_TOOLS_MISSING when there are none, PG_TOOLS_TOO_OLD when all are older than the server
 */
export async function findTools(serverVersionNum: number, search: ToolSearch): Promise<ClientTools> {
  const serverMajor = Math.floor(serverVersionNum / 10_000);
  const all = await listTools(search);
  const newest = all[0];
  if (!newest) throw postgresError('PG_TOOLS_MISSING', '', { context: { server: serverMajor } });
  if (newest.major < serverMajor)
    throw postgresError('PG_TOOLS_TOO_OLD', '', {
      context: { server: serverMajor, newestTools: newest.version, folder: newest.binDir },
    });
  return newest;
}

function candidateDirs({ binDirs, path = USUAL_PATH }: ToolSearch): string[] {
  let debian: string[] = [];
  try {
    debian = readdirSync(DEBIAN).map((major) => join(DEBIAN, major, 'bin'));
  } catch {
    // Not a Debian system.
  }
  // Debian's /usr/bin/pg_dump is a wrapper that picks a version by cluster: the real folders come first.
  return [...binDirs, ...debian, ...path.split(delimiter).filter((dir) => dir !== '')];
}

async function versionOf(pgDump: string, signal?: AbortSignal) {
  try {
    const env = { PATH: USUAL_PATH, LC_ALL: 'C' };
    const { stdout } = await runChild({
      command: pgDump,
      args: ['--version'],
      env,
      signal,
      what: 'asking for a version',
    });
    return parseToolVersion(stdout);
  } catch (error) {
    signal?.throwIfAborted();
    void error; // A tool that cannot even state its version is not there.
    return null;
  }
}

function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
