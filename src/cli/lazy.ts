/* eslint-disable @typescript-eslint/no-require-imports -- modules are loaded by the command that needs them, so that
   `holdfast --help` and completion need not wait for Temporal's client and the AWS SDK */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type * as CatalogModule from '../catalog/create-catalog';
import type * as MigrateModule from '../catalog/migrate';
import type { Catalog } from '../catalog/types';
import type * as ClientModule from '../client/create-client';
import type * as ConfigModule from '../config/load';
import type * as JsonSchemaModule from '../config/json-schema';
import type { HoldfastConfig } from '../config/schema';
import { resolveSecret, toConnectionTarget } from '../config/secrets';
import type * as KeysModule from '../repository/keys';
import type { RepositoryKeys } from '../repository/types';
import type * as StoreCheckModule from '../storage/check';
import type * as StorageModule from '../storage/create-store';

/** The modules behind the commands, each loaded when first used. */
export const load = {
  client: () => require('../client/create-client') as typeof ClientModule,
  config: () => require('../config/load') as typeof ConfigModule,
  catalog: () => require('../catalog/create-catalog') as typeof CatalogModule,
  migrate: () => require('../catalog/migrate') as typeof MigrateModule,
  jsonSchema: () => require('../config/json-schema') as typeof JsonSchemaModule,
  keys: () => require('../repository/keys') as typeof KeysModule,
  storeCheck: () => require('../storage/check') as typeof StoreCheckModule,
  storage: () => require('../storage/create-store') as typeof StorageModule,
};

/** Secrets by reference, read afresh at each call. */
export const secrets = (reference: string): Promise<string> => resolveSecret(reference);

export async function openCatalog(config: HoldfastConfig): Promise<Catalog> {
  const target = await toConnectionTarget(config.catalog.connection, 'catalog');
  return load
    .catalog()
    .createCatalog({ target, schema: config.catalog.schema, applicationName: 'holdfast cli', poolSize: 2 });
}

/** The keys that the configuration names; without identities where it names none. */
export async function openKeys(config: HoldfastConfig): Promise<RepositoryKeys> {
  const { repository, idKey, signingKey, identities } = config.keys;
  const file = (await stat(repository).catch(() => null))?.isDirectory()
    ? join(repository, 'repository.json')
    : repository;
  return load.keys().loadKeys({
    description: await secrets(`file:${file}`),
    idKey: await secrets(idKey),
    signingKey: signingKey === undefined ? null : await secrets(signingKey),
    identities: await Promise.all(identities.map(secrets)),
  });
}
