/* eslint-disable @typescript-eslint/no-require-imports -- modules are loaded by the command that needs them, so that
   `holdfast --help` and completion need not wait for Temporal's client and the AWS SDK */
import { existsSync } from 'node:fs';
import type * as CatalogModule from '../catalog/create-catalog';
import type * as RebuildModule from '../catalog/rebuild';
import type * as MigrateModule from '../catalog/migrate';
import type { Catalog } from '../catalog/types';
import type * as ClientModule from '../client/create-client';
import type * as ConfigModule from '../config/load';
import type * as JsonSchemaModule from '../config/json-schema';
import { complianceFacts } from '../config/compliance-facts';
import type { HoldfastConfig } from '../config/schema';
import { resolveSecret, toConnectionTarget } from '../config/secrets';
import { cliError } from '../errors/cli';
import type * as KitModule from '../repository/kit';
import type * as KeysModule from '../repository/keys';
import type { RepositoryKeys } from '../repository/types';
import type * as ExtractModule from './recovery/extract';
import type * as OpenCopyModule from './recovery/open-copy';
import type * as RecoverModule from './recovery/recover';
import type * as WorkerModule from '../workers/run-worker';
import type * as OpenKeysModule from '../workers/open-keys';
import type * as UpModule from './up/run-up';
import type * as StoreContentsModule from './store-contents';
import type * as StoreCheckModule from './check-store';
import type * as DiffModule from '../repository/diff-stores';
import type * as RemoveAllModule from '../repository/remove-all';
import type * as ReaderModule from '../repository/reader';
import type * as StorageModule from '../storage/create-store';

/** The modules behind the commands, each loaded when first used. */
export const load = {
  client: () => require('../client/create-client') as typeof ClientModule,
  config: () => require('../config/load') as typeof ConfigModule,
  catalog: () => require('../catalog/create-catalog') as typeof CatalogModule,
  migrate: () => require('../catalog/migrate') as typeof MigrateModule,
  jsonSchema: () => require('../config/json-schema') as typeof JsonSchemaModule,
  keys: () => require('../repository/keys') as typeof KeysModule,
  recover: () => require('./recovery/recover') as typeof RecoverModule,
  openCopy: () => require('./recovery/open-copy') as typeof OpenCopyModule,
  extract: () => require('./recovery/extract') as typeof ExtractModule,
  worker: () => require('../workers/run-worker') as typeof WorkerModule,
  openKeys: () => require('../workers/open-keys') as typeof OpenKeysModule,
  up: () => require('./up/run-up') as typeof UpModule,
  storeContents: () => require('./store-contents') as typeof StoreContentsModule,
  kit: () => require('../repository/kit') as typeof KitModule,
  rebuild: () => require('../catalog/rebuild') as typeof RebuildModule,
  storeCheck: () => require('./check-store') as typeof StoreCheckModule,
  diff: () => ({
    ...(require('../repository/diff-stores') as typeof DiffModule),
    ...(require('../repository/reader') as typeof ReaderModule),
  }),
  removeAll: () => require('../repository/remove-all') as typeof RemoveAllModule,
  storage: () => require('../storage/create-store') as typeof StorageModule,
};

/** Secrets by reference, read afresh at each call. */
export const secrets = (reference: string): Promise<string> => resolveSecret(reference);

export async function openCatalog(
  config: HoldfastConfig,
  patience: { readonly patienceMs?: number } = {},
): Promise<Catalog> {
  const target = await toConnectionTarget(config.catalog.connection, 'catalog');
  return load.catalog().createCatalog({
    target,
    schema: config.catalog.schema,
    applicationName: 'holdfast cli',
    poolSize: 2,
    ...patience,
    judge: (database) => complianceFacts(config, database),
  });
}

/** The keys that the configuration names; without identities where it names none. */
export async function openKeys(config: HoldfastConfig): Promise<RepositoryKeys> {
  const { repository } = config.keys;
  if (!existsSync(repository)) throw cliError('CLI_KEYS_MISSING', '', { context: { folder: repository } });
  return load.openKeys().openKeys(config, secrets);
}
