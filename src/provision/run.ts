import { spawn } from 'node:child_process';

/** End of a short command: its exit code (null when it was killed or could not start) and what it wrote. */
export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  /** Standard error, at most the last 8 KiB. */
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly signal?: AbortSignal;
  /** Milliseconds; default 10 minutes. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end without a shell. Never rejects for a failed command: the code tells. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs = 600_000, signal, ...spawnOptions } = options;
  return new Promise((resolve) => {
    let stdout = '';
    let stderr = '';
    const child = spawn(command, [...args], {
      ...spawnOptions,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-8192)));
    child.once('error', (error) => resolve({ code: null, stdout, stderr: stderr || error.message }));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** The last few lines of a text, for an error message. */
export function lastLines(text: string, count = 5): string {
  return text.trim().split('\n').slice(-count).join(' | ');
}
