/** `holdfast up`: everything on this machine, in this order: catalogue, Temporal, worker; ended in the reverse one. */
import { readFileSync, rmSync, unwatchFile, watchFile } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../client/create-client';
import type { HoldfastClient } from '../../client/types';
import { describeFaults, parseConfig } from '../../config/load';
import type { HoldfastConfig } from '../../config/schema';
import { cliError } from '../../errors/cli';
import { configError } from '../../errors/config';
import {
  ensureAnyPostgres,
  ensureTool,
  startEmbeddedPostgres,
  startEmbeddedTemporal,
  startProcess,
  stopLeftover,
  Supervisor,
} from '../../provision';
import { identityOf } from '../../provision/process-identity';
import { openKeys, secrets } from '../lazy';
import { effectiveConfig, type Overlay } from './effective-config';
import { keepAlive, type KeptService } from './keep-alive';
import { lockState, replaceFile, statePaths, type StatePaths } from './state';

export interface UpOptions {
  readonly configFile: string;
  readonly stateFolder: string;
  /** Bring an own Temporal server; false = the one that the configuration names. */
  readonly temporal: boolean;
  /** Bring an own catalogue; false = the one that the configuration names. */
  readonly catalog: boolean;
  readonly temporalPort?: number;
  readonly uiPort?: number;
  readonly signal: AbortSignal;
  readonly who: string;
  readonly say: (line: string) => void;
  /** Told once, when everything answers. */
  readonly onReady: (addresses: UpAddresses) => void;
}

export interface UpAddresses {
  readonly temporal: string;
  readonly webUi: string | null;
  /** Host and port; null when it is not embedded. */
  readonly catalog: string | null;
  readonly config: string;
  readonly state: string;
  readonly logs: readonly string[];
  readonly pids: Readonly<Record<string, number>>;
}

/** How long a worker may take until it asks for work. Milliseconds. */
const WORKER_START_MS = 90_000;
/** More than the worker itself allows for handing its work over. Milliseconds. */
const WORKER_STOP_EXTRA_MS = 15_000;

/** What a leftover is given to hand its work over. Milliseconds. */
const LEFTOVER_STOP_MS = 45_000;

/** Runs until `signal` is aborted; resolves when everything has ended. */
export async function runUp(options: UpOptions): Promise<void> {
  const paths = statePaths(options.stateFolder);
  // Faults of the file and of the keys are named before anything is started.
  const first = load(options.configFile, paths, placeholder(options, paths));
  await openKeys(first);
  const release = lockState(paths);
  const supervisor = new Supervisor();
  try {
    await endLeftovers(paths, options.say);
    await serve(options, paths, supervisor, first);
  } finally {
    unwatchFile(options.configFile);
    rmSync(paths.running, { force: true });
    options.say('stopping');
    for (const failure of await supervisor.stopAll()) options.say(failure);
    release();
  }
}

/** What a killed `holdfast up` left running. Ended before ports are chosen, so that addresses stay the same. */
async function endLeftovers(paths: StatePaths, say: UpOptions['say']): Promise<void> {
  const left = [
    { name: 'worker', pidFile: join(paths.worker, 'worker.pid') },
    { name: 'temporal', pidFile: join(paths.temporal, 'temporal.pid') },
  ];
  for (const { name, pidFile } of left) {
    if (await stopLeftover(pidFile, LEFTOVER_STOP_MS)) say(`ended the ${name} that an earlier run left`);
  }
}

async function serve(
  options: UpOptions,
  paths: StatePaths,
  supervisor: Supervisor,
  config: HoldfastConfig,
): Promise<void> {
  const { signal, say } = options;
  let overlay: Overlay = {};
  const kept = new Map<string, KeptService>();
  const keep = async (service: Parameters<typeof keepAlive>[0]) => {
    const started = await keepAlive(service, say);
    supervisor.add(service.name, () => started.stop());
    kept.set(service.name, started);
  };
  // A service that comes back on another port changes what the worker must be told.
  const changed = async () => {
    if (writeConfig(options, paths, overlay)) await kept.get('worker')?.restart();
  };

  let catalogAddress: string | null = null;
  if (options.catalog) {
    const installation = await ensureAnyPostgres({ say, signal });
    const start = async () => {
      const server = await startEmbeddedPostgres({
        installation,
        folder: paths.catalog,
        say,
        signal,
        settings: { shared_buffers: '32MB', max_connections: 50 },
      });
      catalogAddress = `${server.host}:${server.port}`;
      replaceFile(paths.catalogUrl, `${server.url('postgres')}\n`);
      overlay = {
        ...overlay,
        catalog: { connection: { url: `file:${paths.catalogUrl}` } },
        postgresBin: installation.binDir,
      };
      return server.process;
    };
    await keep({ name: 'catalogue', start, onRestarted: changed });
  }
  if (options.temporal) {
    const tool = await ensureTool('temporal', { say, signal });
    const start = async () => {
      const server = await startEmbeddedTemporal({
        program: tool.path,
        folder: paths.temporal,
        say,
        signal,
        ...preferredPorts(options, paths),
      });
      overlay = { ...overlay, temporal: { address: server.address, namespace: server.namespace, webUi: server.webUi } };
      return server.process;
    };
    await keep({ name: 'temporal', start, onRestarted: changed });
  }
  signal.throwIfAborted();
  writeConfig(options, paths, overlay);
  say('starting the worker');
  const startWorker = () =>
    startProcess({
      name: 'worker',
      command: process.execPath,
      args: [...workerProgram(), 'worker', '--config', paths.config],
      cwd: dirname(options.configFile),
      logFile: join(paths.worker, 'worker.log'),
      pidFile: join(paths.worker, 'worker.pid'),
      stopTimeoutMs: config.worker.shutdownGrace + WORKER_STOP_EXTRA_MS,
    });
  await keep({ name: 'worker', start: startWorker });
  const effective = load(options.configFile, paths, overlay);
  await waitForWorker(effective, options, kept.get('worker')!);
  announce(options, paths, overlay);
  options.onReady({
    temporal: effective.temporal.address,
    webUi: effective.temporal.webUi ?? null,
    catalog: catalogAddress,
    config: paths.config,
    state: paths.folder,
    logs: [...kept.values()].map((service) => service.process().logFile),
    pids: Object.fromEntries([...kept.values()].map((service) => [service.name, service.process().pid])),
  });
  watchConfig(
    options,
    paths,
    () => overlay,
    async () => {
      announce(options, paths, overlay);
      await kept.get('worker')!.restart();
    },
  );
  await aborted(signal);
}

/** The configuration with the overlay; throws CONFIG_INVALID that names the operator's file. */
function load(configFile: string, paths: StatePaths, overlay: Overlay): HoldfastConfig {
  const text = effectiveConfig(readFileSync(configFile, 'utf8'), dirname(configFile), overlay);
  const result = parseConfig(text, paths.config);
  if (result.ok) return result.config;
  // Lines are those of the operator's file where it is at fault by itself.
  const own = parseConfig(readFileSync(configFile, 'utf8'), configFile);
  const embedded = /^(catalog|temporal)\b/;
  const faults = own.ok
    ? result.faults
    : own.faults.filter((fault) => !embedded.test(fault.path) || !(fault.path.split('.')[0]! in overlay));
  throw configError('CONFIG_INVALID', describeFaults(faults.length > 0 ? faults : result.faults, configFile), {
    context: { file: configFile },
  });
}

/** Valid values for the first look at the file, before the services have addresses. */
function placeholder(options: UpOptions, paths: StatePaths): Overlay {
  return {
    ...(options.catalog ? { catalog: { connection: { url: `file:${paths.catalogUrl}` } } } : {}),
    ...(options.temporal
      ? { temporal: { address: '127.0.0.1:7233', namespace: 'default', webUi: 'http://127.0.0.1:8233' } }
      : {}),
  };
}

/** True when the file that the worker reads was changed. */
function writeConfig({ configFile }: UpOptions, paths: StatePaths, overlay: Overlay): boolean {
  const header = `# Written by holdfast up from ${configFile}; change that file instead.\n`;
  const text = header + effectiveConfig(readFileSync(configFile, 'utf8'), dirname(configFile), overlay);
  let before: string | null = null;
  try {
    before = readFileSync(paths.config, 'utf8');
  } catch {
    // The first time.
  }
  if (before === text) return false;
  replaceFile(paths.config, text);
  return true;
}

function announce({ configFile }: UpOptions, paths: StatePaths, overlay: Overlay): void {
  replaceFile(paths.running, JSON.stringify({ identity: identityOf(process.pid), configFile, overlay }, null, 2));
}

/** Well-known ports on the first start; afterwards those of the last one, which the server remembers. */
function preferredPorts(options: UpOptions, paths: StatePaths): { port?: number; uiPort?: number } {
  let known = true;
  try {
    readFileSync(join(paths.temporal, 'ports'));
  } catch {
    known = false;
  }
  return {
    port: options.temporalPort ?? (known ? undefined : 7233),
    uiPort: options.uiPort ?? (known ? undefined : 8233),
  };
}

/** The same program as this one: dist/cli/main.js, or the TypeScript source when run from it. */
function workerProgram(): readonly string[] {
  const main = process.argv[1]!;
  return main.endsWith('.ts') ? [join(__dirname, '..', '..', '..', 'scripts', 'ts.js'), main] : [main];
}

async function waitForWorker(config: HoldfastConfig, { signal, who }: UpOptions, worker: KeptService): Promise<void> {
  const client: HoldfastClient = await createClient(config, { secrets, identity: who });
  try {
    const deadline = Date.now() + WORKER_START_MS;
    for (;;) {
      signal.throwIfAborted();
      const queues = Object.values((await client.checkServer()).pollers);
      if (queues.length > 0 && queues.every((count) => count > 0)) return;
      if (Date.now() > deadline) {
        throw cliError('CLI_UP_CHILD_FAILED', `the worker does not ask for work: ${worker.process().logTail(3)}`, {
          context: { log: worker.process().logFile },
        });
      }
      await sleep(250, undefined, { signal });
    }
  } finally {
    await client.close();
  }
}

/** A changed holdfast.yaml is taken over when it is valid; the worker hands its work over and starts with it. */
function watchConfig(
  options: UpOptions,
  paths: StatePaths,
  overlay: () => Overlay,
  onChange: () => Promise<void>,
): void {
  watchFile(options.configFile, { interval: 2_000 }, () => {
    try {
      load(options.configFile, paths, overlay());
      if (!writeConfig(options, paths, overlay())) return;
    } catch (error) {
      options.say(`the changed configuration is not used: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    options.say('the configuration was changed; the worker starts again with it');
    void onChange();
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
