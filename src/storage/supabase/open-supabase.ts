/** A Supabase store with the keys of its configuration: one for all, or one for each kind of call. */
import type { SupabaseStoreConfig } from '../../config/schema';
import { storageError } from '../../errors/storage';
import type { ObjectStore } from '../object-store';
import { openRouted } from '../open-routed';
import type { SecretResolver } from '../secrets';
import { createSupabaseStore, SUPABASE_CAPABILITIES, type SupabaseStoreDependencies } from './supabase-store';

/** Calls for which no key of their own is stated use `key`; without that they are refused. */
export function openSupabaseStore(
  config: SupabaseStoreConfig,
  secrets: SecretResolver,
  deps: SupabaseStoreDependencies,
): ObjectStore {
  const { credentials, key, ...settings } = config;
  if (credentials === undefined) {
    if (key !== undefined) return createSupabaseStore({ ...settings, key }, secrets, deps);
    throw storageError('STORE_CONFIG_INVALID', 'neither key nor credentials is stated', {
      context: { store: config.name },
    });
  }
  return openRouted(
    {
      name: config.name,
      kind: 'supabase',
      capabilities: SUPABASE_CAPABILITIES,
      stated: credentials,
      byDefault: key ?? null,
    },
    (reference) => createSupabaseStore({ ...settings, key: reference }, secrets, deps),
  );
}
