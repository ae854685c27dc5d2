import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** A test server: an explicit setting, else PATH, else the cache of `holdfast dev`. */
export function findBinary(name: string, setting: string): string {
  const explicit = process.env[setting];
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), path.join(homedir(), '.cache/holdfast/bin')];
  for (const file of explicit ? [explicit] : folders.map((folder) => path.join(folder, name))) {
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not there: the next one.
    }
  }
  throw new Error(`${name} was not found: set ${setting}, or put it on PATH or into ~/.cache/holdfast/bin`);
}

export interface TestProcess {
  readonly child: ChildProcess;
  /** What it wrote last, for error messages. */
  output(): string;
  /** Ends it by its own process id and waits until it is gone. */
  stop(): Promise<void>;
}

/** Starts a server and waits until `ready` resolves true; ends it again when that takes too long. */
export async function startProcess(
  command: string,
  args: readonly string[],
  ready: () => Promise<boolean>,
  options: { env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): Promise<TestProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: options.env ?? process.env });
  let text = '';
  const keep = (chunk: Buffer) => (text = (text + chunk.toString()).slice(-4000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      text += String(error);
      resolve();
    });
  });
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const stop = async () => {
    if (running()) child.kill('SIGKILL');
    await gone;
  };
  const deadline = Date.now() + (options.timeoutMs ?? 15_000);
  for (;;) {
    if (!running()) throw new Error(`${path.basename(command)} ended while it started:\n${text}`);
    if (await ready().catch(() => false)) return { child, output: () => text, stop };
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`${path.basename(command)} was not ready in time:\n${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
