import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

/** A process that can be told apart from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal only for the same process. Empty when the platform does not tell. */
  readonly startedAt: string;
}

/** True when a process with this pid exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return !isZombie(pid);
}

/** Identity of a running process; null when there is none with this pid. */
export function identityOf(pid: number): ProcessIdentity | null {
  if (!isAlive(pid)) return null;
  if (process.platform === 'linux') {
    const stat = statOf(pid);
    return stat === null ? null : { pid, startedAt: startTicks(stat) ?? '' };
  }
  try {
    return { pid, startedAt: execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() };
  } catch {
    return null;
  }
}

/** True when exactly this process still runs. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  const now = identityOf(identity.pid);
  return now !== null && now.startedAt === identity.startedAt;
}

/** Command line of a process, or an empty string. */
export function commandLineOf(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/** Fields of the text of Linux' /proc/PID/stat from the third on; the second, the name, may hold spaces and brackets. Pure. */
export const statFields = (text: string): readonly string[] => text.slice(text.lastIndexOf(')') + 2).split(' ');

/** When the process began, in ticks since the machine did; null where the text does not tell. Pure. */
export const startTicks = (text: string): string | null => statFields(text)[19] ?? null;

function statOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
}

/**
 * True for a zombie with nothing left but its entry. The first thread of a process is one as soon as it has ended; until the
 * others have too, the process holds its ports and files. Pure.
 */
export function hasEnded(text: string): boolean {
  const { 0: state, 17: threads } = statFields(text);
  return state === 'Z' && Number(threads) <= 1;
}

function isZombie(pid: number): boolean {
  return process.platform === 'linux' && hasEnded(statOf(pid) ?? '');
}
