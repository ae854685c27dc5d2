import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Receives one line for a person: what is being looked for, installed or started. */
export type Say = (line: string) => void;

/** What every function here may be told; all of it has defaults. */
export interface ProvisionOptions {
  /** Default: nothing is said. */
  readonly say?: Say;
  /** Default: the process's own environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** False: only look, install nothing. Default true. */
  readonly install?: boolean;
}

/** The same, with the defaults filled in. */
export interface ProvisionContext {
  readonly say: Say;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly install: boolean;
}

export function provisionContext(options: ProvisionOptions = {}): ProvisionContext {
  return {
    say: options.say ?? (() => undefined),
    env: options.env ?? process.env,
    signal: options.signal ?? new AbortController().signal,
    install: options.install ?? true,
  };
}

/** The folder that downloads and builds are kept in: HOLDFAST_CACHE, XDG_CACHE_HOME/holdfast or ~/.cache/holdfast. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.HOLDFAST_CACHE) return env.HOLDFAST_CACHE;
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'holdfast');
  return join(env.HOME || homedir(), '.cache', 'holdfast');
}

/** A folder in the cache, made when it is absent. */
export function cacheFolder(env: NodeJS.ProcessEnv, ...parts: string[]): string {
  const folder = join(cacheDir(env), ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Runs `work` and, once it takes longer than two seconds, says every fifteen seconds that it still goes on. */
export async function sayWhile<T>(say: Say, what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  let told = false;
  const tell = () => {
    told = true;
    say(`${what} … (${seconds()} s)`);
  };
  const first = setTimeout(tell, 2_000);
  const again = setInterval(tell, 15_000);
  try {
    const result = await work();
    if (told) say(`${what}: done in ${seconds()} s`);
    return result;
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
}
