/**
 * The server alone on the first CPU, everything else of the bench on the others, and all files in memory: as where the worker, the stores and
 * Temporal run on other machines than the database. What is left to share is what a backup takes from the server itself.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Bench } from './bench';

const MEMORY = '/dev/shm';
const SERVER_CPU = '0';

/** Folder of a bench whose files are in memory. */
export const APART_FOLDER = `${MEMORY}/holdfast-bench`;

/** Of what stands elsewhere in life: neither its writes nor its flushes wait in the queue of the server's disk. */
export function elsewhereFolder(): string | undefined {
  try {
    accessSync(MEMORY, constants.W_OK);
  } catch {
    // Then it shares the disk too.
    return undefined;
  }
  return `${MEMORY}/holdfast-bench-elsewhere`;
}

/** Moves this process, and so all that it starts from now on, off the server's CPU. @throws Error where the machine cannot be divided */
export function leaveServerAlone(): void {
  if (cpus().length < 2) throw new Error('the section impact-apart needs two CPUs');
  accessSync(MEMORY, constants.W_OK);
  pin(process.pid, `1-${cpus().length - 1}`);
}

/** Gives the CPU back. */
export function shareAgain(): void {
  pin(process.pid, `0-${cpus().length - 1}`);
}

/** The server with all that it has started; new backends follow the first process. */
export function placeServer({ postgres }: Bench): void {
  const first = postgres.process.pid;
  const others = readFileSync(`/proc/${first}/task/${first}/children`, 'utf8').trim().split(/\s+/).filter(Boolean);
  for (const pid of [first, ...others.map(Number)]) pin(pid, SERVER_CPU);
}

/** The users' machines are their own: pgbench waits for nobody on the CPU that it shares with the worker. Needs root. */
export function placeUsers(pid: number): void {
  execFileSync('chrt', ['-a', '-f', '-p', '1', String(pid)], { stdio: 'pipe' });
}

function pin(pid: number, list: string): void {
  execFileSync('taskset', ['-a', '-c', '-p', list, String(pid)], { stdio: 'pipe' });
}
