import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provisionError } from '../errors/provision';
import { provisionContext, type ProvisionContext, type ProvisionOptions } from './context';
import { freePort } from './ports';
import { startProcess, stopLeftover, type ManagedProcess } from './supervisor';
import { waitUntilReady } from './wait-until';

/** Milliseconds that it is given to end by itself. */
const STOP_MS = 10_000;
/** Milliseconds for one request to it. */
const REQUEST_MS = 5_000;
/** Google wants a project of whoever makes a bucket; this server takes any. */
const PROJECT = 'holdfast';
const CONFLICT = 409;

export interface EmbeddedGcsOptions extends ProvisionOptions {
  /** The `fake-gcs-server` program. */
  readonly program: string;
  /** Holds the objects and the log. Kept between starts. */
  readonly folder: string;
  /** Made when they are absent. */
  readonly buckets: readonly string[];
  /** Loopback port; default: the one of the last start when it is free, otherwise any. */
  readonly port?: number;
}

export interface EmbeddedGcs {
  /** It asks for no credentials: a store at it is `anonymous`. */
  readonly endpoint: string;
  readonly process: ManagedProcess;
  stop(): Promise<void>;
}

/**
 * Starts a server that speaks Google Cloud Storage on a folder and waits until it answers. For demos and measurements: it
 * lets everybody in, and keeps an upload in memory until it is whole.
 */
export async function startEmbeddedGcs(options: EmbeddedGcsOptions): Promise<EmbeddedGcs> {
  const context = provisionContext(options);
  const data = join(options.folder, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const pidFile = join(options.folder, 'gcs.pid');
  // First of all: what a killed owner left still holds the port that is to be kept.
  await stopLeftover(pidFile, STOP_MS);
  const portFile = join(options.folder, 'port');
  const port = await freePort(options.port ?? (existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0));
  writeFileSync(portFile, `${port}\n`);
  const endpoint = `http://127.0.0.1:${port}`;
  const server = await startProcess({
    name: 'GCS',
    command: options.program,
    args: [
      ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-external-url', endpoint],
      ...['-backend', 'filesystem', '-filesystem-root', data, '-log-level', 'error'],
    ],
    env: { PATH: context.env.PATH },
    logFile: join(options.folder, 'gcs.log'),
    pidFile,
    stopTimeoutMs: STOP_MS,
  });
  try {
    await waitUntilReady({
      server,
      signal: context.signal,
      ready: async () =>
        (await fetch(`${endpoint}/_internal/healthcheck`, { signal: AbortSignal.timeout(REQUEST_MS) })).ok,
    });
    for (const bucket of options.buckets) await ensureBucket(context, endpoint, bucket);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { endpoint, process: server, stop: async () => void (await server.stop()) };
}

/** A bucket that is there already stays as it is. */
async function ensureBucket({ signal }: ProvisionContext, endpoint: string, name: string): Promise<void> {
  const answer = await fetch(`${endpoint}/storage/v1/b?project=${PROJECT}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
  });
  const said = await answer.text();
  if (!answer.ok && answer.status !== CONFLICT)
    throw provisionError('PROVISION_SERVER_FAILED', `the bucket was not made: ${answer.status} ${said.slice(0, 200)}`, {
      context: { server: 'GCS', bucket: name },
    });
}
