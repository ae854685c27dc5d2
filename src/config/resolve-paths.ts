import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { ConnectionConfig, HoldfastConfig, S3StoreConfig, StoreConfig } from './schema';

type S3Credential = NonNullable<NonNullable<S3StoreConfig['credentials']>['write']>;

type RoleReferences = Readonly<Partial<Record<'write' | 'read' | 'delete', string | undefined>>>;

/** Makes every path of the config absolute: relative ones stand relative to the folder of the file, `~/` is the home. */
export function resolvePaths(config: HoldfastConfig, folder: string): HoldfastConfig {
  const path = (text: string): string => {
    if (text === '~' || text.startsWith('~/')) return join(homedir(), text.slice(1));
    return isAbsolute(text) ? text : resolve(folder, text);
  };
  const secret = <T extends string | undefined>(reference: T): T =>
    (reference?.startsWith('file:') ? `file:${path(reference.slice('file:'.length))}` : reference) as T;
  // libpq's word for the certificates of the operating system is not a path.
  const certificate = (text: string | undefined) => (text === undefined || text === 'system' ? text : path(text));

  const connection = (value: ConnectionConfig): ConnectionConfig =>
    'url' in value
      ? { url: secret(value.url) }
      : defined({
          ...value,
          password: secret(value.password),
          sslrootcert: certificate(value.sslrootcert),
          sslcert: certificate(value.sslcert),
          sslkey: certificate(value.sslkey),
        });
  const keys = (value: S3Credential | undefined): S3Credential | undefined =>
    value &&
    defined({
      accessKeyId: secret(value.accessKeyId),
      secretAccessKey: secret(value.secretAccessKey),
      sessionToken: secret(value.sessionToken),
    });
  /** One reference, or one for each kind of call. */
  const secrets = <T extends string | RoleReferences | undefined>(value: T): T =>
    (typeof value === 'object'
      ? defined({ write: secret(value.write), read: secret(value.read), delete: secret(value.delete) })
      : secret(value as string | undefined)) as T;
  const store = (value: StoreConfig): StoreConfig => {
    switch (value.adapter) {
      case 'filesystem':
        return { ...value, path: path(value.path) };
      case 'supabase':
        return defined({ ...value, key: secret(value.key), credentials: secrets(value.credentials) });
      case 's3':
        return defined({
          ...value,
          accessKeyId: secret(value.accessKeyId),
          secretAccessKey: secret(value.secretAccessKey),
          sessionToken: secret(value.sessionToken),
          credentials:
            value.credentials &&
            defined({
              write: keys(value.credentials.write),
              read: keys(value.credentials.read),
              delete: keys(value.credentials.delete),
            }),
        });
      case 'gcs':
        return defined({ ...value, credentials: secrets(value.credentials) });
    }
  };
  const { tls } = config.temporal;

  return {
    ...config,
    databases: config.databases.map((database) => ({ ...database, connection: connection(database.connection) })),
    stores: config.stores.map(store),
    keys: defined({
      ...config.keys,
      repository: path(config.keys.repository),
      idKey: secret(config.keys.idKey),
      signingKey: secret(config.keys.signingKey),
      identities: config.keys.identities.map(secret),
    }),
    catalog: { ...config.catalog, connection: connection(config.catalog.connection) },
    temporal: defined({
      ...config.temporal,
      apiKey: secret(config.temporal.apiKey),
      tls:
        typeof tls === 'boolean'
          ? tls
          : defined({ ...tls, ca: secret(tls.ca), cert: secret(tls.cert), key: secret(tls.key) }),
    }),
    tools: { ...config.tools, postgresBin: config.tools.postgresBin.map(path) },
    scratch: { ...config.scratch, dir: path(config.scratch.dir) },
  };
}

/** Without the fields that are undefined: an absent field stays absent. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}
