/** Everything real in one place: PostgreSQL, Temporal, folder stores, keys, and a config over them. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { WorkflowNotFoundError } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { TimingDefaults } from '../../src/activities/deps';
import { createCatalog } from '../../src/catalog/create-catalog';
import { migrate } from '../../src/catalog/migrate';
import type { Catalog } from '../../src/catalog/types';
import { createClient } from '../../src/client/create-client';
import type { HoldfastClient } from '../../src/client/types';
import { configSchema, type HoldfastConfig, type HoldfastConfigInput } from '../../src/config/schema';
import { resolveSecret } from '../../src/config/secrets';
import { initKeys } from '../../src/repository/keys';
import { createWorkers } from '../../src/workers/create-workers';
import { startPostgres, type TestPostgres } from './postgres';
import { tempFolder } from './temp';
import { startTemporal, workflowBundle } from './temporal';

export const secrets = (reference: string) => resolveSecret(reference);

export interface StackOptions {
  /** Names of folder stores. @default disk, other */
  readonly stores?: readonly string[];
  readonly database?: Partial<HoldfastConfigInput['databases'][number]>;
  readonly worker?: HoldfastConfigInput['worker'];
  readonly repository?: HoldfastConfigInput['repository'];
  /** @default nobody watches the load */
  readonly load?: HoldfastConfigInput['load'];
  /** A Temporal server that the test runs itself. */
  readonly temporalAddress?: string;
  /** @default stores are not watched: runs find out for themselves */
  readonly health?: HoldfastConfigInput['health'];
  /** More stores, as the config writes them. */
  readonly moreStores?: HoldfastConfigInput['stores'];
}

export interface Stack {
  readonly env: TestWorkflowEnvironment;
  readonly postgres: TestPostgres;
  readonly folder: string;
  readonly config: HoldfastConfig;
  readonly input: HoldfastConfigInput;
  readonly client: HoldfastClient;
  readonly catalog: Catalog;
  storePath(store: string): string;
  /** Workers for every queue in this process; returns what stops them. */
  startWorkers(timing?: Partial<TimingDefaults>): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** The source database is `shop`, in a server that also keeps the catalogue. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const temp = await tempFolder('stack');
  const { temporalAddress } = options;
  const [postgres, env] = await Promise.all([
    startPostgres(),
    temporalAddress === undefined
      ? startTemporal()
      : TestWorkflowEnvironment.createFromExistingServer({ address: temporalAddress }),
  ]);
  await postgres.createDatabase('shop');
  await postgres.createDatabase('catalog');
  const keys = path.join(temp.path, 'keys');
  await initKeys(keys);
  const connection = (database: string) => {
    const { host, port, user } = postgres.target(database);
    return { host, port, user, database, sslmode: 'disable' as const };
  };
  const storePath = (store: string) => path.join(temp.path, 'stores', store);
  const input: HoldfastConfigInput = {
    version: 1,
    databases: [{ name: 'shop', connection: connection('shop'), ...options.database }],
    stores: [
      ...(options.stores ?? ['disk', 'other']).map((name, index) => ({
        name,
        adapter: 'filesystem' as const,
        path: storePath(name),
        minFree: '1MiB',
        role: index === 0 ? ('primary' as const) : ('secondary' as const),
      })),
      ...(options.moreStores ?? []),
    ],
    keys: {
      repository: keys,
      idKey: `file:${path.join(keys, 'id.key')}`,
      signingKey: `file:${path.join(keys, 'signing.key')}`,
      identities: [`file:${path.join(keys, 'identity.txt')}`],
    },
    catalog: { connection: connection('catalog') },
    temporal: { address: temporalAddress ?? env.address, namespace: env.namespace ?? 'default' },
    tools: { postgresBin: [postgres.binDir] },
    scratch: { dir: path.join('/tmp', `${path.basename(temp.path)}-scratch`), minFree: '16MiB' },
    worker: { shutdownGrace: '0s', ...options.worker },
    health: options.health ?? { watch: false },
    repository: { segmentSize: '64KiB', ...options.repository },
    // At full pace at any hour, whatever else this machine does.
    load: { watch: false, ...options.load },
  };
  const config = configSchema.parse(input);
  await migrate(postgres.target('catalog'), config.catalog.schema);
  const catalog = createCatalog({
    target: postgres.target('catalog'),
    schema: config.catalog.schema,
    applicationName: 'test',
  });
  const client = await createClient(config, { secrets, identity: 'a test' });
  return {
    env,
    postgres,
    folder: temp.path,
    config,
    input,
    client,
    catalog,
    storePath,
    async startWorkers(timing) {
      const workers = await createWorkers({ config, secrets, timing, workflowBundle: await workflowBundle() });
      const running = workers.run();
      return async () => {
        workers.shutdown();
        await running;
      };
    },
    async stop() {
      await client.close();
      await catalog.close();
      await env.teardown();
      await postgres.stop();
      await temp.remove();
      await rm(config.scratch.dir, { recursive: true, force: true });
    },
  };
}

/** A table of about `rows` × 1 KiB of text that does not compress to nothing. */
export async function fillShop(postgres: TestPostgres, rows: number): Promise<void> {
  await postgres.sql(
    `CREATE TABLE IF NOT EXISTS items (id bigint PRIMARY KEY, body text);
     INSERT INTO items SELECT i, (SELECT string_agg(md5(i::text || '/' || j), '') FROM generate_series(1, 32) j)
       FROM generate_series(1, ${rows}) i`,
    'shop',
  );
}

/** Ends whatever a test left running. The list may be a moment old: what has ended since needs no ending. */
export async function endOpenRuns(stack: Stack): Promise<void> {
  for (const run of await stack.client.runs({ open: true })) {
    const handle = stack.env.client.workflow.getHandle(run.workflowId, run.runId);
    await handle.terminate('the test ended').catch((error: unknown) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    });
  }
}
