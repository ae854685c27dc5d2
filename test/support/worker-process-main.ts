/** Run by `run-ts.cjs`: serves every queue of the settings file until SIGTERM. */
import { readFileSync } from 'node:fs';
import { configSchema } from '../../src/config/schema';
import { resolveSecret } from '../../src/config/secrets';
import { runWorker } from '../../src/workers/run-worker';
import type { QueueKind } from '../../src/workflows/ids';

const { config, timing, bundlePath, queues } = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as {
  config: unknown;
  timing: object;
  bundlePath: string;
  queues?: readonly QueueKind[];
};
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

runWorker({
  config: configSchema.parse(config),
  secrets: (reference) => resolveSecret(reference),
  timing,
  ...(queues ? { queues } : {}),
  signal: stop.signal,
  workflowBundle: { codePath: bundlePath },
  log: { level: 'warn' },
  onReady: () => process.stdout.write('worker ready\n'),
}).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${String((error as Error).stack)}\n`);
    process.exit(1);
  },
);
