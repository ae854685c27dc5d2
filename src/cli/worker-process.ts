/**
 * A worker runs for months beside a database, so its memory is kept small by what can only be set when a process starts.
 * `holdfast worker` therefore begins once more in its own place (same pid, same files, same parent) with these settings.
 */

/** A small young generation: the buffers of a backup lie outside of V8's heap, what is inside lives long. */
const NODE_FLAGS = ['--max-semi-space-size=1'];
/** Fewer arenas of the C library, and large buffers that go back to the system when they are freed. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '262144', MALLOC_TRIM_THRESHOLD_: '1048576' };
const MARK = 'HOLDFAST_WORKER_TUNED';

export interface WorkerStart {
  readonly file: string;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** How the worker is to begin; null when it has begun so, or the command line is about something else. What the operator set wins. */
export function workerStart(
  { argv, execArgv, env }: Pick<NodeJS.Process, 'argv' | 'execArgv' | 'env'>,
  file: string,
): WorkerStart | null {
  if (argv[2] !== 'worker' || env[MARK] !== undefined) return null;
  return {
    file,
    argv: [file, ...NODE_FLAGS, ...execArgv, ...argv.slice(1)],
    env: { ...ENVIRONMENT, ...env, [MARK]: '1' },
  };
}

/** Does not return when it begins again. Where that cannot be done, the worker goes on with more memory. */
export function beginWorker(): void {
  const start = workerStart(process, process.execPath);
  // Told to this process alone.
  delete process.env[MARK];
  // A channel to a parent would not survive; the wrapper in bin/, which has one, starts the worker with all of this.
  if (start === null || process.platform !== 'linux' || process.channel || !process.execve) return;
  // From its TypeScript source this process has a loader that Node alone would begin without.
  if (process.argv[1]?.endsWith('.ts')) return;
  process.execve(start.file, [...start.argv], start.env);
}
