import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, isSameProcess, type ProcessIdentity } from './process-identity';
import { lastLines } from './run';

export interface ProcessSpec {
  /** For messages: `temporal`, `worker`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** OS user to run as; only root may say so. */
  readonly uid?: number;
  readonly gid?: number;
  /** Standard output and error are appended to it. */
  readonly logFile: string;
  /** Names the process on disk, so that after a kill of this program the next start ends what was left. */
  readonly pidFile?: string;
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** Milliseconds after which a stop becomes SIGKILL; default 10 s. */
  readonly stopTimeoutMs?: number;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<ProcessExit>;
  /** null while it runs. */
  exit(): ProcessExit | null;
  /** Asks it to end, waits, kills it in the end. Safe to call more than once. */
  stop(): Promise<ProcessExit>;
  /** The last lines of its log, for an error message. */
  logTail(lines?: number): string;
}

/**
 * Starts a server as a child. It gets a process group of its own, so that Ctrl-C at the terminal reaches this program
 * alone, which then ends its children in order.
 */
export async function startProcess(spec: ProcessSpec): Promise<ManagedProcess> {
  if (spec.pidFile) await stopLeftover(spec.pidFile, spec.stopTimeoutMs);
  mkdirSync(dirname(spec.logFile), { recursive: true });
  const log = openSync(spec.logFile, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(spec.command, [...spec.args], {
      cwd: spec.cwd,
      env: spec.env ?? process.env,
      uid: spec.uid,
      gid: spec.gid,
      stdio: ['ignore', log, log],
      detached: true,
    });
  } finally {
    closeSync(log);
  }
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return manage(spec, child);
}

function manage(spec: ProcessSpec, child: ChildProcess): ManagedProcess {
  const pid = child.pid!;
  let ended: ProcessExit | null = null;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = { code, signal };
      if (spec.pidFile) rmSync(spec.pidFile, { force: true });
      resolve(ended);
    });
  });
  if (spec.pidFile)
    writeFileSync(spec.pidFile, JSON.stringify(identityOf(pid) ?? { pid, startedAt: '' }), { mode: 0o600 });
  let stopping: Promise<ProcessExit> | null = null;
  const stop = async (): Promise<ProcessExit> => {
    if (ended) return ended;
    child.kill(spec.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), spec.stopTimeoutMs ?? 10_000);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    name: spec.name,
    pid,
    logFile: spec.logFile,
    exited,
    exit: () => ended,
    stop: () => (stopping ??= stop()),
    logTail: (lines = 5) => logTail(spec.logFile, lines),
  };
}

/** The last lines of a log file; empty when there is none. */
export function logTail(file: string, lines = 5): string {
  try {
    return lastLines(readFileSync(file, 'utf8').slice(-8192), lines);
  } catch {
    return '';
  }
}

/** Ends the process that a pid file of an earlier, killed run names, if exactly that process still runs. */
export async function stopLeftover(pidFile: string, timeoutMs = 10_000): Promise<boolean> {
  let identity: ProcessIdentity;
  try {
    identity = JSON.parse(readFileSync(pidFile, 'utf8')) as ProcessIdentity;
  } catch {
    return false;
  }
  const found = isSameProcess(identity);
  if (found) await endProcess(identity, 'SIGTERM', timeoutMs);
  rmSync(pidFile, { force: true });
  return found;
}

/** Ends a process that is not our child, by pid, and waits until it is gone. */
export async function endProcess(identity: ProcessIdentity, signal: NodeJS.Signals, timeoutMs: number): Promise<void> {
  const send = (what: NodeJS.Signals) => {
    try {
      if (isSameProcess(identity)) process.kill(identity.pid, what);
    } catch {
      // It ended between the look and the signal.
    }
  };
  send(signal);
  const deadline = Date.now() + timeoutMs;
  while (isSameProcess(identity)) {
    if (Date.now() > deadline) send('SIGKILL');
    await sleep(50);
  }
}

/** Everything that one program started, ended in the reverse order of its start. */
export class Supervisor {
  readonly #parts: { name: string; stop: () => Promise<unknown> }[] = [];
  #stopping: Promise<readonly string[]> | null = null;

  /** Registers something that has to be ended; parts that depend on others are added after them. */
  add(name: string, stop: () => Promise<unknown>): void {
    this.#parts.push({ name, stop });
  }

  /** Starts a process and registers it. */
  async start(spec: ProcessSpec): Promise<ManagedProcess> {
    if (this.#stopping) throw new Error(`not started, because everything is being stopped [name=${spec.name}]`);
    const started = await startProcess(spec);
    this.add(spec.name, () => started.stop());
    return started;
  }

  /** Ends all parts, the youngest first, each whatever became of the others; returns what went wrong. */
  stopAll(): Promise<readonly string[]> {
    return (this.#stopping ??= (async () => {
      const failures: string[] = [];
      for (let part = this.#parts.pop(); part; part = this.#parts.pop()) {
        await part.stop().catch((error: unknown) => failures.push(`${part!.name}: ${String(error)}`));
      }
      return failures;
    })());
  }
}
