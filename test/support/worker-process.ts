/** A worker in a process of its own, which tests may kill, stop and continue. */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TimingDefaults } from '../../src/activities/deps';
import type { HoldfastConfigInput } from '../../src/config/schema';
import type { QueueKind } from '../../src/workflows/ids';
import { workflowBundle } from './temporal';

export interface WorkerProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  output(): string;
  /** Sends a signal to this process alone. */
  send(signal: NodeJS.Signals): void;
  readonly ended: Promise<number | null>;
  /** SIGTERM, then waits; SIGKILL when it takes longer than 15 s. */
  stop(): Promise<void>;
}

let number = 0;

export async function startWorkerProcess(
  folder: string,
  config: HoldfastConfigInput,
  timing: Partial<TimingDefaults> = {},
  /** @default all */
  queues?: readonly QueueKind[],
): Promise<WorkerProcess> {
  const settings = path.join(folder, `worker-${(number += 1)}.json`);
  const bundlePath = path.join(folder, 'workflow-bundle.js');
  const { code } = await workflowBundle();
  await writeFile(bundlePath, code);
  await writeFile(settings, JSON.stringify({ config, timing, bundlePath, queues }));
  const script = path.join(__dirname, 'worker-process-main.ts');
  const child = spawn(process.execPath, [path.join(__dirname, 'run-ts.cjs'), script, settings], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const collect = (chunk: Buffer) => void (text = (text + chunk.toString()).slice(-20_000));
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the worker did not get ready:\n${text}`)), 60_000);
    child.stdout.on('data', () => {
      if (!text.includes('worker ready')) return;
      clearTimeout(timer);
      resolve();
    });
    void ended.then((code) => {
      clearTimeout(timer);
      reject(new Error(`the worker ended with ${code}:\n${text}`));
    });
  });
  return {
    pid: child.pid!,
    child,
    output: () => text,
    send: (signal) => void child.kill(signal),
    ended,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(timer);
    },
  };
}
