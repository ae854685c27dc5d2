import { join } from 'node:path';
import { findOnPath, isExecutable } from './find';
import { findPostgres, type PostgresInstallation } from './postgres-installations';
import { run } from './run';

export interface FoundPgbench {
  readonly path: string;
  /** As it says it: `16.14`. */
  readonly version: string;
}

/** A pgbench for a server of that installation: its own, else the nearest of the same or a newer major; null when there is none. */
export async function findPgbench(
  server: Pick<PostgresInstallation, 'major' | 'binDir'>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<FoundPgbench | null> {
  const others = (await findPostgres(env))
    .filter(({ major, binDir }) => major >= server.major && binDir !== server.binDir)
    .sort((one, other) => one.major - other.major);
  // A package of client programs alone has no server beside it, so it is none of the installations.
  const onPath = findOnPath('pgbench', env);
  const places = [server, ...others].map(({ binDir }) => join(binDir, 'pgbench'));
  for (const path of [...places, ...(onPath === null ? [] : [onPath])]) {
    if (!isExecutable(path)) continue;
    const version = await versionOf(path);
    if (version !== null && Number.parseInt(version, 10) >= server.major) return { path, version };
  }
  return null;
}

async function versionOf(path: string): Promise<string | null> {
  const { code, stdout } = await run(path, ['--version'], { timeoutMs: 30_000 });
  return code === 0 ? (/PostgreSQL\) (\d+(?:\.\d+)*)/.exec(stdout)?.[1] ?? null) : null;
}
