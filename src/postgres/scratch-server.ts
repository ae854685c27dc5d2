/** Runs the server of a scratch cluster so that it cannot outlive this process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyError } from '../errors/verify';
import { killServer } from './scratch-folder';
import { SCRATCH_ENV, type OsUser } from './scratch-tools';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const OUTPUT_KEPT = 4_000;

/**
 * The shell holds the read end of a pipe whose write end is held by this process alone. When this process ends, even by
 * SIGKILL, the pipe closes: the server is told to stop at once and its data are removed (the folder around them is
 * left to the next sweep). $1 = data folder, the rest = the server and its arguments.
 */
const WATCHDOG = `
folder=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(
  cat <&3 >/dev/null
  kill -QUIT "$server" 2>/dev/null
  while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
  rm -rf -- "$folder" 2>/dev/null
) &
wait "$server"
`;

export interface ScratchServer {
  /** Resolves with what the server last printed, when it ended; never rejects. */
  readonly ended: Promise<string>;
  /** Immediate shutdown; kills what does not obey. Safe to call twice. */
  stop(): Promise<void>;
}

/** Runs a program to its end as `osUser`; rejects with what it printed. */
export async function runAs(
  program: string,
  args: readonly string[],
  options: { readonly osUser: OsUser | null; readonly cwd: string; readonly signal: AbortSignal },
): Promise<void> {
  options.signal.throwIfAborted();
  const child = spawn(program, [...args], { ...identity(options), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const output = collect(child);
  const abort = () => killGroup(child, 'SIGKILL');
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    const status = await exitOf(child);
    options.signal.throwIfAborted();
    if (status !== 'exit 0') throw new Error(`${program.split('/').at(-1)}: ${status}: ${output()}`);
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}

/** Starts the server and resolves when it accepts connections on its socket. */
export async function startServer(options: {
  readonly binDir: string;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly port: number;
  readonly osUser: OsUser | null;
  readonly signal: AbortSignal;
  /** Asks the server whether it is ready: a connection attempt. */
  readonly isReady: () => Promise<boolean>;
}): Promise<ScratchServer> {
  options.signal.throwIfAborted();
  const postgres = [join(options.binDir, 'postgres'), '-D', options.dataDir];
  const child = spawn('/bin/sh', ['-c', WATCHDOG, 'holdfast-scratch', options.dataDir, ...postgres], {
    ...identity({ osUser: options.osUser, cwd: options.dataDir }),
    stdio: ['pipe', 'pipe', 'pipe'],
    // Its own group: the watchdog and the server are ended together, and a terminal's Ctrl-C does not reach them first.
    detached: true,
  });
  child.stdin?.on('error', () => undefined);
  const output = collect(child);
  let over = false;
  const ended = exitOf(child).then((status) => {
    over = true;
    return `${status}: ${output()}`.trim();
  });
  const stop = async () => {
    await killServer(options.dataDir);
    const gone = await Promise.race([ended.then(() => true), sleep(STOP_TIMEOUT_MS, false, { ref: false })]);
    // What is left of the group: the watchdog's own shell, or a server that hung before it wrote its pid file.
    killGroup(child, 'SIGKILL');
    child.stdin?.destroy();
    if (!gone) await ended;
  };
  try {
    const socket = join(options.socketDir, `.s.PGSQL.${options.port}`);
    for (const end = Date.now() + START_TIMEOUT_MS; ; await sleep(20, undefined, { signal: options.signal })) {
      if (over) throw new Error(await ended);
      if ((await stat(socket).catch(() => null)) !== null && (await options.isReady())) return { ended, stop };
      if (Date.now() > end) throw new Error(`not ready after ${START_TIMEOUT_MS / 1000} s: ${output()}`);
    }
  } catch (error) {
    await stop();
    options.signal.throwIfAborted();
    throw verifyError('SCRATCH_START_FAILED', `the scratch server did not start: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function identity(options: { readonly osUser: OsUser | null; readonly cwd: string }) {
  return {
    cwd: options.cwd,
    env: { ...SCRATCH_ENV },
    ...(options.osUser && { uid: options.osUser.uid, gid: options.osUser.gid }),
  };
}

/** Keeps the end of what a child prints. */
function collect(child: ChildProcess): () => string {
  let text = '';
  const take = (chunk: string) => {
    text = (text + chunk).slice(-OUTPUT_KEPT);
  };
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  return () => text.trim();
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`not started: ${error.message}`));
    // `exit`, not `close`: a grandchild that holds the pipe must not keep us waiting.
    child.once('exit', (code, signal) => resolve(signal === null ? `exit ${code}` : `ended by ${signal}`));
  });
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Gone already.
  }
}
