/** A Google Cloud Storage store with the credentials of its configuration: one for all, or one for each kind of call. */
import type { GcsStoreConfig } from '../../config/schema';
import type { ObjectStore } from '../object-store';
import { openRouted } from '../open-routed';
import type { SecretResolver } from '../secrets';
import { createGcsStore, GCS_CAPABILITIES, type GcsStoreDependencies } from './gcs-store';

/**
 * With one credential for each kind of call, those for which none is stated are refused: the default credentials never
 * stand in, since they might be allowed what this process is not to do.
 */
export function openGcsStore(config: GcsStoreConfig, secrets: SecretResolver, deps: GcsStoreDependencies): ObjectStore {
  const { credentials, ...settings } = config;
  if (typeof credentials !== 'object')
    return createGcsStore({ ...settings, ...(credentials === undefined ? {} : { credentials }) }, secrets, deps);
  return openRouted(
    { name: config.name, kind: 'gcs', capabilities: GCS_CAPABILITIES, stated: credentials, byDefault: null },
    (reference) => createGcsStore({ ...settings, credentials: reference }, secrets, deps),
  );
}
