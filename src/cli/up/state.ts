/** The state folder of `holdfast up`: who runs there, and what was put in place of the operator's values. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cliError } from '../../errors/cli';
import { identityOf, isSameProcess, type ProcessIdentity } from '../../provision/process-identity';
import type { Overlay } from './effective-config';

/** Beside the configuration file, unless --state says otherwise. */
export const STATE_FOLDER = '.holdfast';

export interface StatePaths {
  readonly folder: string;
  readonly lock: string;
  readonly running: string;
  readonly config: string;
  readonly catalog: string;
  readonly catalogUrl: string;
  readonly temporal: string;
  readonly worker: string;
}

export function statePaths(folder: string): StatePaths {
  return {
    folder,
    lock: join(folder, 'up.lock'),
    running: join(folder, 'up.json'),
    config: join(folder, 'holdfast.yaml'),
    catalog: join(folder, 'catalog'),
    catalogUrl: join(folder, 'secrets', 'catalog-url'),
    temporal: join(folder, 'temporal'),
    worker: join(folder, 'worker'),
  };
}

/** Written when everything is up; read by every other command, so that they find the embedded services. */
export interface RunningUp {
  readonly identity: ProcessIdentity;
  /** The operator's file that it was started with. */
  readonly configFile: string;
  readonly overlay: Overlay;
}

/** The `holdfast up` that runs with this configuration file now; null when there is none. */
export function runningUp(configFile: string): RunningUp | null {
  try {
    const { running } = statePaths(join(dirname(configFile), STATE_FOLDER));
    const found = JSON.parse(readFileSync(running, 'utf8')) as RunningUp;
    return found.configFile === configFile && isSameProcess(found.identity) ? found : null;
  } catch {
    return null;
  }
}

/** Takes the folder for this process, or throws CLI_UP_LOCKED. The lock of a process that is gone is taken over. */
export function lockState({ folder, lock }: StatePaths): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const own = JSON.stringify(identityOf(process.pid) ?? { pid: process.pid, startedAt: '' });
  const draft = `${lock}.${process.pid}`;
  writeFileSync(draft, own, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      try {
        // A hard link appears whole or not at all.
        linkSync(draft, lock);
        return () => releaseLock(lock, own);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readLock(lock);
      if (holder !== null && isSameProcess(holder)) {
        throw cliError('CLI_UP_LOCKED', '', { context: { folder, pid: holder.pid } });
      }
      rmSync(lock, { force: true });
    }
    throw cliError('CLI_UP_LOCKED', '', { context: { folder } });
  } finally {
    rmSync(draft, { force: true });
  }
}

function readLock(lock: string): ProcessIdentity | null {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as ProcessIdentity;
  } catch {
    return null;
  }
}

function releaseLock(lock: string, own: string): void {
  try {
    if (readFileSync(lock, 'utf8') === own) rmSync(lock, { force: true });
  } catch {
    // Gone already.
  }
}

/** Replaces a file whole: a kill in the middle leaves the old one. */
export function replaceFile(path: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode });
  renameSync(draft, path);
}
