/**
 * Child processes: their whole group ends with us, their errors are kept, and success is exit code 0 and nothing else.
 *
 * No orphans: each child leads its own process group, which is ended (SIGTERM, then SIGKILL) on abort and when this process
 * exits. Should this process be killed, the kernel ends the child where `setpriv --pdeathsig` exists (util-linux); elsewhere
 * a tool that writes to us ends by its broken pipe.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { postgresError } from '../errors/postgres';
import { redact } from '../errors/redact';

const STDERR_KEPT = 64 * 1024;
const SETPRIV = '/usr/bin/setpriv';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Complete environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** @default ignore */
  readonly stdout?: 'pipe' | 'ignore';
  /** Milliseconds between SIGTERM and SIGKILL. @default 5000 */
  readonly graceMs?: number;
  readonly cwd?: string;
  /** Passwords that must not appear in kept output. */
  readonly secrets?: readonly string[];
  /** For errors: the step, "dumping the schema". */
  readonly what: string;
}

export interface RunningChild {
  readonly pid: number;
  /** Standard output; it ends before `done` settles, and its end alone says nothing about success. */
  readonly stdout: Readable | null;
  /**
   * Resolves with what the child wrote to stderr when it exited with 0 and its streams are closed.
   * @throws the signal's reason when aborted; PG_TOOL_FAILED, PG_TOOLS_MISSING otherwise
   */
  readonly done: Promise<{ readonly stderr: string }>;
  /** Ends the whole group: SIGTERM, then SIGKILL after the grace. */
  kill(): void;
}

const running = new Set<number>();
let exitHookInstalled = false;

export function startChild(options: ChildOptions): RunningChild {
  options.signal?.throwIfAborted();
  installExitHook();
  const wrapped = existsSync(SETPRIV);
  const command = wrapped ? SETPRIV : options.command;
  const args = wrapped ? ['--pdeathsig=KILL', options.command, ...options.args] : [...options.args];
  const child = spawn(command, args, {
    env: { ...options.env },
    cwd: options.cwd ?? '/',
    // Its own process group, so that the workers of pg_restore -j are reached too.
    detached: true,
    stdio: ['ignore', options.stdout ?? 'ignore', 'pipe'],
  });
  const pid = child.pid ?? -1;
  if (pid > 0) running.add(pid);

  let stderr = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-STDERR_KEPT);
  });

  let killTimer: NodeJS.Timeout | undefined;
  const kill = () => {
    if (killTimer !== undefined || pid <= 0 || child.exitCode !== null || child.signalCode !== null) return;
    signalGroup(pid, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(pid, 'SIGKILL'), options.graceMs ?? 5_000);
    // Nobody reads any more: a child that blocks on a full pipe could not act on the signal's clean-up.
    child.stdout?.destroy();
  };
  options.signal?.addEventListener('abort', kill, { once: true });

  const done = new Promise<{ stderr: string }>((resolve, reject) => {
    let spawnError: NodeJS.ErrnoException | null = null;
    const settle = (code: number | null, signalName: NodeJS.Signals | null) => {
      clearTimeout(killTimer);
      options.signal?.removeEventListener('abort', kill);
      if (pid > 0) {
        // Workers that outlived their leader.
        signalGroup(pid, 'SIGKILL');
        running.delete(pid);
      }
      const said = redact(stderr, options.secrets ?? []).trim();
      if (options.signal?.aborted) reject(options.signal.reason as Error);
      else if (spawnError) reject(notStarted(options, spawnError));
      else if (code === 0) resolve({ stderr: said });
      else reject(toolFailed(options, code, signalName, said));
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (pid > 0) return;
      spawnError = error;
      settle(null, null);
    });
    child.once('close', settle);
  });
  // Whoever reads stdout first awaits `done` later: a failure in between is no unhandled rejection.
  done.catch(() => undefined);
  return { pid, stdout: child.stdout, done, kill };
}

/** Lists of what an archive holds grow with the schema: a hundred thousand objects take some 20 MiB. */
const STDOUT_KEPT = 256 * 1024 * 1024;

/**
 * Runs a child to its end and gives its standard output. Output beyond 256 MiB is an error (PG_TOOL_FAILED), never cut
 * off silently.
 */
export async function runChild(options: ChildOptions): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const child = startChild({ ...options, stdout: 'pipe' });
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout!.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= STDOUT_KEPT) chunks.push(chunk);
  });
  child.stdout!.on('error', () => undefined);
  const { stderr } = await child.done;
  if (bytes > STDOUT_KEPT) throw toolFailed(options, 0, null, `its output is larger than ${STDOUT_KEPT} bytes`);
  return { stdout: Buffer.concat(chunks).toString('utf8'), stderr };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}

function installExitHook(): void {
  if (exitHookInstalled) return;
  exitHookInstalled = true;
  process.once('exit', () => running.forEach((pid) => signalGroup(pid, 'SIGKILL')));
}

function notStarted(options: ChildOptions, error: NodeJS.ErrnoException): Error {
  const tool = basename(options.command);
  return error.code === 'E2BIG'
    ? postgresError('PG_TOOL_FAILED', `${options.what}: too many arguments for ${tool}`, {
        hint: 'install client tools of PostgreSQL 17 or newer, which take a long list of tables from a file',
        cause: error,
      })
    : postgresError('PG_TOOLS_MISSING', `${options.what}: ${tool} cannot be started`, { cause: error });
}

function toolFailed(options: ChildOptions, code: number | null, signalName: string | null, stderr: string): Error {
  const tool = basename(options.command);
  const end = signalName ? `was ended by ${signalName}` : `ended with code ${code}`;
  const said = lastLines(stderr);
  return postgresError('PG_TOOL_FAILED', `${options.what}: ${tool} ${end}${said ? `: ${said}` : ''}`, {
    context: { tool, exitCode: code ?? undefined, signal: signalName ?? undefined },
    cause: Object.assign(new Error(stderr || 'nothing on stderr'), { stderr }),
  });
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /error|fatal|could not/i.test(line));
  return (errors.length > 0 ? errors.slice(0, 3) : lines.slice(-3)).join(' · ').slice(0, 1_000);
}
