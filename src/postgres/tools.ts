/** Which client tools to use: of the server's major, or the nearest newer one; an older one is refused. */
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
  /** Tools of at least this major, for a backup that is to move to a newer server. */
  readonly major?: number;
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
 * The tools for a server: of its own major where installed, else of the nearest newer one; of one major the newest minor. (What
 * a newer pg_dump writes need not be understood by the older server that it came from.)
 * @throws PG_TOOLS_MISSING when there are none, PG_TOOLS_TOO_OLD when all are older than the server
 */
export async function findTools(serverVersionNum: number, search: ToolSearch): Promise<ClientTools> {
  return choose(await listTools(search), Math.floor(serverVersionNum / 10_000), search);
}

/**
 * Tools to restore with: not older than those that wrote the archive, nor than the target server.
 * @throws PG_TOOLS_MISSING, PG_TOOLS_TOO_OLD
 */
export async function findRestoreTools(
  targetVersionNum: number,
  writtenBy: string,
  search: ToolSearch,
): Promise<ClientTools> {
  const writer = parseToolVersion(writtenBy)?.major ?? 0;
  return choose(await listTools(search), Math.max(Math.floor(targetVersionNum / 10_000), writer), search);
}

function choose(all: readonly ClientTools[], needed: number, search: ToolSearch): ClientTools {
  const newest = all[0];
  if (!newest) throw postgresError('PG_TOOLS_MISSING', '', { context: { needed } });
  const fitting = all.filter(({ major }) => major >= Math.max(needed, search.major ?? 0));
  if (fitting.length === 0)
    throw postgresError('PG_TOOLS_TOO_OLD', '', {
      context: { needed: Math.max(needed, search.major ?? 0), newestTools: newest.version, folder: newest.binDir },
    });
  const nearest = Math.min(...fitting.map(({ major }) => major));
  return fitting.find(({ major }) => major === nearest)!;
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
