import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provisionContext, type ProvisionOptions } from './context';
import { freePort } from './ports';
import { startProcess, stopLeftover, type ManagedProcess } from './supervisor';
import { waitUntilReady } from './wait-until';

/** Milliseconds that it is given to end by itself. */
const STOP_MS = 20_000;

export interface EmbeddedTemporalOptions extends ProvisionOptions {
  /** The `temporal` program. */
  readonly program: string;
  /** Holds the server's database file and log. Kept between starts, so that runs survive. */
  readonly folder: string;
  /** Loopback ports; default: those of the last start when they are free, otherwise any. */
  readonly port?: number;
  readonly uiPort?: number;
  readonly namespace?: string;
  /** Registered at start: name → type (`Keyword`, `Int`, `Datetime` …). */
  readonly searchAttributes?: Readonly<Record<string, string>>;
}

export interface EmbeddedTemporal {
  /** `127.0.0.1:port` of the gRPC frontend. */
  readonly address: string;
  readonly namespace: string;
  readonly webUi: string;
  readonly process: ManagedProcess;
  stop(): Promise<void>;
}

/** Starts Temporal's development server, with its Web UI, on a file; waits until its namespace answers. */
export async function startEmbeddedTemporal(options: EmbeddedTemporalOptions): Promise<EmbeddedTemporal> {
  const context = provisionContext(options);
  const namespace = options.namespace ?? 'default';
  mkdirSync(options.folder, { recursive: true });
  const pidFile = join(options.folder, 'temporal.pid');
  // First of all: what a killed owner left still holds the ports that are to be kept.
  await stopLeftover(pidFile, STOP_MS);
  const portFile = join(options.folder, 'ports');
  const last = existsSync(portFile) ? readFileSync(portFile, 'utf8').split(' ').map(Number) : [];
  const port = await freePort(options.port ?? last[0]);
  let uiPort = await freePort(options.uiPort ?? last[1]);
  while (uiPort === port) uiPort = await freePort();
  writeFileSync(portFile, `${port} ${uiPort}\n`);
  const attributes = Object.entries(options.searchAttributes ?? {});
  const server = await startProcess({
    name: 'Temporal',
    command: options.program,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
      ...['--db-filename', join(options.folder, 'temporal.db'), '--namespace', namespace, '--log-level', 'warn'],
      ...attributes.flatMap(([key, type]) => ['--search-attribute', `${key}=${type}`]),
    ],
    env: context.env,
    logFile: join(options.folder, 'temporal.log'),
    pidFile,
    stopTimeoutMs: STOP_MS,
  });
  const webUi = `http://127.0.0.1:${uiPort}`;
  try {
    // The UI asks the frontend, so one answer proves that both are up.
    await waitUntilReady({
      server,
      signal: context.signal,
      ready: async () =>
        (await fetch(`${webUi}/api/v1/namespaces/${namespace}`, { signal: AbortSignal.timeout(5_000) })).ok,
    });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    address: `127.0.0.1:${port}`,
    namespace,
    webUi,
    process: server,
    stop: async () => void (await server.stop()),
  };
}
