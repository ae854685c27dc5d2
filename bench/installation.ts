/** A Temporal server, a catalogue, and real workers beside them, as an installation runs them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { stringify } from 'yaml';
import { createClient } from '../src/client/create-client';
import type { HoldfastClient } from '../src/client/types';
import { loadConfig } from '../src/config/load';
import { resolveSecret } from '../src/config/secrets';
import { ensureTool, startEmbeddedTemporal, startProcess, Supervisor, type ManagedProcess } from '../src/provision';
import { WORKER_BUCKET, type Bench } from './bench';

/** All of them are the bench's one database, under names of their own. */
export interface InstalledDatabase {
  readonly name: string;
  /** As written in holdfast.yaml, under `databases[].load`. @default not watched: nothing but the machine sets the pace */
  readonly load?: Readonly<Record<string, unknown>>;
  /** @default that of the configuration */
  readonly readers?: number;
}

export interface InstallationOptions {
  /** Of its folder and its catalogue's database. */
  readonly name: string;
  readonly databases: readonly InstalledDatabase[];
  /** Further sections of holdfast.yaml. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** Of the catalogue. @default the bench's own */
  readonly catalogServer?: CatalogServer;
  /** Told of the processes when they have started: where they compute. */
  readonly place?: { readonly temporal?: (pid: number) => void; readonly worker?: (pid: number) => void };
}

/** Where the catalogue's database is made. */
export interface CatalogServer {
  sql(text: string): Promise<void>;
  url(database: string): string;
}

export interface Installation {
  readonly client: HoldfastClient;
  readonly temporal: TemporalClient;
  /** Resolves when it takes work. The installation's end stops it too. */
  startWorker(): Promise<ManagedProcess>;
  close(): Promise<void>;
}

/** Backups have a role of their own, as the documentation asks for: the watch tells their sessions from the application's by it. */
const ROLE = 'holdfast';

const asRole = (address: string): string => {
  const url = new URL(address.replace(/^(postgres(?:ql)?:\/\/)[^/]*\//, '$1localhost/'));
  return url.href.replace('//localhost/', `//${ROLE}@/`);
};

export async function openInstallation(bench: Bench, options: InstallationOptions): Promise<Installation> {
  const supervisor = new Supervisor();
  bench.supervisor.add(options.name, () => supervisor.stopAll());
  const folder = join(bench.options.folder, options.name);
  mkdirSync(folder, { recursive: true });
  try {
    const { path } = await ensureTool('temporal', { say: bench.say });
    const temporal = await startEmbeddedTemporal({
      program: path,
      folder: join(bench.elsewhere, options.name, 'temporal'),
    });
    supervisor.add('Temporal', () => temporal.stop());
    options.place?.temporal?.(temporal.process.pid);
    const catalogServer = options.catalogServer ?? bench;
    const role = `do $$ begin create role ${ROLE} superuser login; exception when duplicate_object then null; end $$`;
    for (const server of new Set([bench, catalogServer])) await server.sql(role);
    const catalog = `catalog_${options.name}`;
    await catalogServer.sql(`drop database if exists ${catalog} with (force)`);
    await catalogServer.sql(`create database ${catalog}`);
    const secret = (name: string, value: string) => {
      writeFileSync(join(folder, name), value, { mode: 0o600 });
      return `file:${name}`;
    };
    const keys = bench.keysDir;
    const configFile = join(folder, 'holdfast.yaml');
    const source = secret('source.url', asRole(bench.url()));
    const config = {
      version: 1,
      databases: options.databases.map(({ name, load, readers }) => ({
        name,
        connection: { url: source },
        retention: { enforce: false },
        verification: { grade: 'stored' },
        load: load ?? { watch: false },
        ...(readers === undefined ? {} : { readers }),
      })),
      stores: [
        {
          ...bench.stores.one,
          bucket: WORKER_BUCKET,
          accessKeyId: 'env:BENCH_ONE_ID',
          secretAccessKey: 'env:BENCH_ONE_SECRET',
        },
      ],
      keys: {
        repository: keys,
        idKey: `file:${keys}/id.key`,
        signingKey: `file:${keys}/signing.key`,
        identities: [`file:${keys}/identity.txt`],
      },
      catalog: { connection: { url: secret('catalog.url', asRole(catalogServer.url(catalog))) } },
      temporal: { address: temporal.address, namespace: temporal.namespace },
      tools: { postgresBin: [bench.binDir] },
      scratch: { dir: bench.scratchDir },
      ...options.sections,
    };
    writeFileSync(configFile, stringify(config));
    const env = { ...process.env, ...bench.env };
    const secrets = (reference: string) => resolveSecret(reference, { env });
    const loaded = await loadConfig(configFile);
    const client = await createClient(loaded, { secrets, identity: 'bench' });
    supervisor.add('client', () => client.close());
    const connection = await Connection.connect({ address: temporal.address });
    supervisor.add('connection', () => connection.close());
    let workers = 0;
    return {
      client,
      temporal: new TemporalClient({ connection, namespace: temporal.namespace }),
      async startWorker() {
        workers += 1;
        const worker = await startProcess({
          name: `worker ${workers}`,
          command: process.execPath,
          args: [join(__dirname, '..', '..', '..', 'dist', 'cli', 'main.js'), 'worker', '--config', configFile],
          env,
          logFile: join(folder, `worker-${workers}.log`),
        });
        supervisor.add(`worker ${workers}`, () => worker.stop());
        // Temporal lists the pollers of a worker that has ended for a while, so the worker itself is heard.
        while (!readFileSync(worker.logFile, 'utf8').includes('working for')) {
          if (worker.exit()) throw new Error(`the worker ended: ${worker.logTail()}`);
          await sleep(100);
        }
        options.place?.worker?.(worker.pid);
        return worker;
      },
      close: async () => void (await supervisor.stopAll()),
    };
  } catch (error) {
    await supervisor.stopAll();
    throw error;
  }
}

/** From the start of the dump's activity to its completion, as the history has them. Milliseconds. */
export async function dumpActivityMs(client: TemporalClient, workflowId: string, runId: string): Promise<number> {
  const events = (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
  const at = (event: (typeof events)[number] | undefined) =>
    Number(event?.eventTime?.seconds ?? 0) * 1000 + Number(event?.eventTime?.nanos ?? 0) / 1e6;
  for (const scheduled of events) {
    if (scheduled.activityTaskScheduledEventAttributes?.activityType?.name !== 'dump') continue;
    const belongs = (id: unknown) => Number(id) === Number(scheduled.eventId);
    const started = events.find((event) => belongs(event.activityTaskStartedEventAttributes?.scheduledEventId));
    const completed = events.find((event) => belongs(event.activityTaskCompletedEventAttributes?.scheduledEventId));
    if (started && completed) return at(completed) - at(started);
  }
  throw new Error('the history has no completed dump activity');
}
