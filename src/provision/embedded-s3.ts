import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provisionContext, type ProvisionOptions } from './context';
import { freePort } from './ports';
import { startProcess, stopLeftover, type ManagedProcess } from './supervisor';
import { waitUntilReady } from './wait-until';

/** Milliseconds that it is given to end by itself. */
const STOP_MS = 10_000;

export interface EmbeddedS3Options extends ProvisionOptions {
  /** The `versitygw` program. */
  readonly program: string;
  /** Holds the objects, the credentials and the log. Kept between starts. */
  readonly folder: string;
  /** Made when they are absent. */
  readonly buckets: readonly string[];
  /** Loopback port; default: the one of the last start when it is free, otherwise any. */
  readonly port?: number;
}

export interface EmbeddedS3 {
  readonly endpoint: string;
  readonly region: 'us-east-1';
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly process: ManagedProcess;
  stop(): Promise<void>;
}

/** Starts an S3 server on a folder (path style) and waits until it answers. */
export async function startEmbeddedS3(options: EmbeddedS3Options): Promise<EmbeddedS3> {
  const context = provisionContext(options);
  const data = join(options.folder, 'data');
  const sidecar = join(options.folder, 'metadata');
  for (const bucket of options.buckets) mkdirSync(join(data, bucket), { recursive: true });
  mkdirSync(sidecar, { recursive: true });
  const credentials = ensureCredentials(join(options.folder, 'credentials.json'));
  const pidFile = join(options.folder, 's3.pid');
  // First of all: what a killed owner left still holds the ports that are to be kept.
  await stopLeftover(pidFile, STOP_MS);
  const portFile = join(options.folder, 'port');
  const port = await freePort(options.port ?? (existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0));
  writeFileSync(portFile, `${port}\n`);
  const server = await startProcess({
    name: 'S3',
    command: options.program,
    // It closes every connection after its answer unless told otherwise, which no S3 provider does. A sidecar folder for
    // metadata: extended attributes are not to be had on every file system.
    args: [
      ...['--port', `127.0.0.1:${port}`, '--health', '/health', '--quiet', '--keep-alive'],
      ...['posix', '--sidecar', sidecar, data],
    ],
    // Credentials go by the environment: arguments can be read by everybody on the machine.
    env: {
      PATH: context.env.PATH,
      ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
      ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    logFile: join(options.folder, 's3.log'),
    pidFile,
    stopTimeoutMs: STOP_MS,
  });
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await waitUntilReady({
      server,
      signal: context.signal,
      ready: async () => (await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(5_000) })).ok,
    });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    endpoint,
    region: 'us-east-1',
    ...credentials,
    process: server,
    stop: async () => void (await server.stop()),
  };
}

function ensureCredentials(file: string): { accessKeyId: string; secretAccessKey: string } {
  if (!existsSync(file)) {
    const made = { accessKeyId: `holdfast-${randomBytes(4).toString('hex')}`, secretAccessKey: randomBytes(24).toString('base64url') }; // prettier-ignore
    writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, 'utf8')) as { accessKeyId: string; secretAccessKey: string };
}
