import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { cliError } from '../errors/cli';

export const DEFAULT_CONFIG = 'holdfast.yaml';

/** `-c FILE`, else ./holdfast.yaml, else $HOLDFAST_CONFIG. Absolute. */
export function findConfig(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
  cwd: string = process.cwd(),
): string {
  const candidates = given === undefined ? [DEFAULT_CONFIG, env.HOLDFAST_CONFIG] : [given];
  const paths = candidates.filter((path): path is string => Boolean(path)).map((path) => resolve(cwd, path));
  const found = paths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw cliError('CLI_CONFIG_NOT_FOUND', '', { context: { looked: paths.join(', ') } });
}
