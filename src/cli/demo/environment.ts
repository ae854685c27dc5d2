import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { createClient } from '../../client/create-client';
import type { Catalog } from '../../catalog/types';
import type { HoldfastClient } from '../../client/types';
import { loadConfig } from '../../config/load';
import type { HoldfastConfig } from '../../config/schema';
import { resolveSecret } from '../../config/secrets';
import { demoError } from '../../errors/demo';
import {
  ensureAnyPostgres,
  ensureTool,
  freePort,
  startEmbeddedPostgres,
  startEmbeddedTemporal,
  type EmbeddedPostgres,
  type EmbeddedTemporal,
  type ManagedProcess,
  type Say,
  type Supervisor,
} from '../../provision';
import { initKeys } from '../../repository/keys';
import { openCatalog } from '../lazy';
import { DEMO_DATABASE, DEMO_FILES, demoConfig } from './config-text';
import { PARTS } from './folder';
import { UNWATCHED, type DemoLoadRules } from './load/rules';
import { startStoreServers, storePrograms, type StoreServers } from './store-servers';

export interface DemoSetup {
  readonly folder: string;
  readonly say: Say;
  readonly signal: AbortSignal;
  readonly supervisor: Supervisor;
}

/** The servers of the demo, up and answering. */
export interface DemoServers {
  readonly postgres: EmbeddedPostgres;
  readonly temporal: EmbeddedTemporal;
  readonly stores: StoreServers;
  readonly configFile: string;
  /** Writes holdfast.yaml anew, with another way to decide the pace. */
  configure(load: DemoLoadRules): void;
}

/** Finds or installs the programs, starts PostgreSQL, the stores' servers and Temporal, and writes keys and holdfast.yaml. */
export async function startServers(setup: DemoSetup): Promise<DemoServers> {
  const { folder, say, signal, supervisor } = setup;
  const installation = await ensureAnyPostgres({ say, signal });
  const programs = await storePrograms(setup);
  const temporalProgram = await ensureTool('temporal', { say, signal });

  say('starting PostgreSQL, an S3 server, a GCS server and Temporal');
  const postgres = await startEmbeddedPostgres({
    installation,
    folder: join(folder, PARTS.postgres),
    say,
    signal,
    settings: {
      wal_level: 'minimal',
      max_wal_senders: 0,
      max_wal_size: '2GB',
      shared_buffers: '256MB',
      max_connections: 250,
    },
  });
  supervisor.add('PostgreSQL', () => postgres.stop());
  const stores = await startStoreServers(setup, programs);
  const temporal = await startEmbeddedTemporal({
    program: temporalProgram.path,
    folder: join(folder, PARTS.temporal),
    say,
    signal,
  });
  supervisor.add('Temporal', () => temporal.stop());

  await withClient(postgres.url('postgres'), async (client) => {
    await client.query(`create database ${DEMO_DATABASE}`);
    await client.query('create database catalog');
  });
  const secret = (path: string, value: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, path), `${value}\n`, { mode: 0o600 });
  };
  secret(DEMO_FILES.shopUrl, postgres.url(DEMO_DATABASE));
  secret(DEMO_FILES.catalogUrl, postgres.url('catalog'));
  secret(DEMO_FILES.s3AccessKeyId, stores.s3.accessKeyId);
  secret(DEMO_FILES.s3SecretAccessKey, stores.s3.secretAccessKey);
  await initKeys(join(folder, DEMO_FILES.keys));
  const configFile = join(folder, 'holdfast.yaml');
  const facts = {
    postgresBin: installation.binDir,
    s3: { endpoint: stores.s3.endpoint, bucket: stores.s3.bucket },
    gcs: { endpoint: stores.gcs.endpoint, bucket: stores.gcs.bucket },
    temporal: { address: temporal.address, namespace: temporal.namespace, webUi: temporal.webUi },
    // Beside the cluster, because there the server's OS user may enter.
    scratchDir: join(realpathSync(join(folder, PARTS.postgres, 'cluster')), 'scratch'),
    metrics: `127.0.0.1:${await freePort()}`,
    now: new Date(),
  };
  const configure = (load: DemoLoadRules) => writeFileSync(configFile, demoConfig({ ...facts, load }), { mode: 0o600 });
  configure(UNWATCHED);
  return { postgres, temporal, stores, configFile, configure };
}

/** Holdfast at work, and the ways to it that a person has too. */
export interface Holdfast {
  readonly config: HoldfastConfig;
  readonly client: HoldfastClient;
  readonly catalog: Catalog;
}

/** Starts `holdfast worker` as a process of its own and waits until it polls; returns what it is steered and watched with. */
export async function startWorker(
  { folder, say, signal, supervisor }: DemoSetup,
  configFile: string,
): Promise<Holdfast> {
  say('starting a Holdfast worker');
  const worker = await supervisor.start({
    name: 'worker',
    command: process.execPath,
    args: [join(__dirname, '..', 'main.js'), 'worker', '--config', configFile],
    logFile: join(folder, PARTS.worker, 'worker.log'),
    pidFile: join(folder, PARTS.worker, 'worker.pid'),
    stopTimeoutMs: 40_000,
  });
  const config = await loadConfig(configFile);
  const client = await createClient(config, { secrets: (reference) => resolveSecret(reference), identity: 'demo' });
  supervisor.add('client', () => client.close());
  const catalog = await openCatalog(config);
  supervisor.add('catalogue', () => catalog.close());
  const deadline = Date.now() + 90_000;
  for (;;) {
    signal.throwIfAborted();
    if (worker.exit()) throw workerFailed(worker, 'the worker ended');
    const { pollers } = await client.checkServer();
    const queues = Object.values(pollers);
    if (queues.length > 0 && queues.every((count) => count > 0)) return { config, client, catalog };
    if (Date.now() > deadline) throw workerFailed(worker, 'the worker does not poll its queues');
    await sleep(200, undefined, { signal });
  }
}

function workerFailed(worker: ManagedProcess, fact: string) {
  return demoError('DEMO_WORKER_FAILED', `${fact}: ${worker.logTail(3)}`, { context: { log: worker.logFile } });
}

/** A connection for one piece of work. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'holdfast demo' });
  // Its end is reported by the query that it cuts off; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query("set timezone to 'UTC'");
    return await work(client);
  } finally {
    await client.end();
  }
}
