import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..', '..');

export interface CliOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The document that --json printed. */
  json<T = Record<string, unknown>>(): T;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly outcome: Promise<CliOutcome>;
  /** What it wrote so far, both streams. */
  output(): string;
}

export interface CliRunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The command line as a child, from its TypeScript source, as `node dist/cli/main.js` would run. */
export function startCli(args: readonly string[], { cwd, env }: CliRunOptions): RunningCli {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'scripts', 'ts.js'), join(ROOT, 'src', 'cli', 'main.ts'), ...args],
    {
      cwd,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', NODE_NO_WARNINGS: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const outcome = new Promise<CliOutcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code, signal, stdout, stderr, json: <T>() => JSON.parse(stdout) as T }),
    );
  });
  return { child, outcome, output: () => stdout + stderr };
}

export function runCli(args: readonly string[], options: CliRunOptions): Promise<CliOutcome> {
  return startCli(args, options).outcome;
}

/** Asks again until it is so. Fails with `what` and the last thing that `explain` says. */
export async function until(
  what: string,
  look: () => boolean | Promise<boolean>,
  timeoutMs: number,
  explain: () => string = () => '',
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}\n${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
