/** An S3 store with the credentials of its configuration: one for all, or one for each kind of call. */
import type { S3StoreConfig } from '../../config/schema';
import type { ObjectStore } from '../object-store';
import { createRoutedStore, routesOf, type OpenWith } from '../routed-store';
import type { SecretResolver } from '../secrets';
import { createS3Store, type S3StoreDependencies } from './s3-store';

type Credential = Pick<S3StoreConfig, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>;

/**
 * With `credentials`, calls for which none is stated use the keys of the store itself; without those they are refused:
 * the default chain never stands in, since it might be allowed what this process is not to do.
 */
export function openS3Store(config: S3StoreConfig, secrets: SecretResolver, deps: S3StoreDependencies): ObjectStore {
  const { credentials } = config;
  if (credentials === undefined) return createS3Store(config, secrets, deps);
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  const openers = new Map<Credential, OpenWith>();
  const opener = (credential: Credential | null): OpenWith | null => {
    if (credential === null) return null;
    const known = openers.get(credential);
    if (known) return known;
    const open = () =>
      createS3Store({ ...config, credentials: undefined, sessionToken: undefined, ...credential }, secrets, deps);
    openers.set(credential, open);
    return open;
  };
  const routes = routesOf<Credential>(
    credentials,
    accessKeyId === undefined ? null : { accessKeyId, secretAccessKey, sessionToken },
  );
  return createRoutedStore({
    name: config.name,
    kind: 's3',
    capabilities: { createOnly: config.createOnly === 'if-none-match', serverChecksum: config.checksum !== 'none' },
    routes: { write: opener(routes.write), read: opener(routes.read), delete: opener(routes.delete) },
  });
}
