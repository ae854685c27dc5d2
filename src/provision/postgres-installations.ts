import { readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { provisionError } from '../errors/provision';
import { cacheDir } from './context';
import { findOnPath, isExecutable } from './find';
import { isReachableByOthers } from './reach';
import { run } from './run';

export type PostgresSource = 'setting' | 'path' | 'system' | 'cache' | 'wheel' | 'apt';

/** One folder with a PostgreSQL server and all client tools of the same version. */
export interface PostgresInstallation {
  readonly major: number;
  /** As the server says it: `16.14`. */
  readonly version: string;
  /** Resolved: no symbolic link on the way, so that another OS user can run what is in it. */
  readonly binDir: string;
  readonly source: PostgresSource;
}

/** What Holdfast runs of PostgreSQL; a folder that lacks one of these is passed over. */
export const POSTGRES_PROGRAMS = [
  'postgres',
  'initdb',
  'pg_ctl',
  'pg_dump',
  'pg_dumpall',
  'pg_restore',
  'psql',
] as const;

/** Reads what is in a folder; null when it is not complete. */
export async function inspectBinDir(binDir: string, source: PostgresSource): Promise<PostgresInstallation | null> {
  if (!POSTGRES_PROGRAMS.every((program) => isExecutable(join(binDir, program)))) return null;
  const resolved = dirname(realpathSync(join(binDir, 'postgres')));
  // Root's servers run as another OS user, who has to reach the programs.
  if (process.getuid?.() === 0 && !isReachableByOthers(resolved)) return null;
  const { code, stdout } = await run(join(resolved, 'postgres'), ['--version'], { timeoutMs: 30_000 });
  const match = /PostgreSQL\) (\d+)(\.\S+)?/.exec(stdout);
  if (code !== 0 || !match) return null;
  return { major: Number(match[1]), version: `${match[1]}${match[2] ?? ''}`, binDir: resolved, source };
}

/** Every complete installation on this machine, best first: setting, PATH, the system's folders, cache. One a folder. */
export async function findPostgres(env: NodeJS.ProcessEnv = process.env): Promise<readonly PostgresInstallation[]> {
  const found: PostgresInstallation[] = [];
  for (const [binDir, source] of candidates(env)) {
    const installation = await inspectBinDir(binDir, source);
    if (!installation && source === 'setting')
      throw provisionError('PROVISION_SETTING_WRONG', 'the folder lacks PostgreSQL programs', {
        context: { setting: 'HOLDFAST_POSTGRES_BIN', folder: binDir, needed: POSTGRES_PROGRAMS.join(' ') },
      });
    if (installation && !found.some((other) => other.binDir === installation.binDir)) found.push(installation);
  }
  return found;
}

function* candidates(env: NodeJS.ProcessEnv): Generator<[string, PostgresSource]> {
  for (const folder of (env.HOLDFAST_POSTGRES_BIN ?? '').split(delimiter)) if (folder) yield [folder, 'setting'];
  const onPath = findOnPath('postgres', env);
  if (onPath) yield [dirname(onPath), 'path'];
  for (const parent of ['/usr/lib/postgresql', '/usr/local/opt', '/opt/homebrew/opt', '/Library/PostgreSQL'])
    for (const entry of majorsFirst(parent)) yield [join(parent, entry, 'bin'), 'system'];
  for (const entry of majorsFirst('/usr').filter((name) => name.startsWith('pgsql-')))
    yield [join('/usr', entry, 'bin'), 'system'];
  const cached = join(cacheDir(env), 'postgres');
  for (const entry of majorsFirst(cached)) yield [join(cached, entry, 'bin'), 'cache'];
}

/** Folders named after a major (`16`, `postgresql@16`, `pgsql-16`), the newest first. */
function majorsFirst(parent: string): string[] {
  try {
    const major = (name: string) => Number(/^(?:postgresql@|pgsql-)?(\d+)$/.exec(name)?.[1] ?? -1);
    return readdirSync(parent)
      .filter((name) => major(name) > 0)
      .sort((one, other) => major(other) - major(one));
  } catch {
    return [];
  }
}
