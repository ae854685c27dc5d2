/** What the copy policy judges by, from the config: which rule holds for a database, and what its stores are. */
import type { CopyPolicy, PolicyStore } from '../domain/compliance';
import { S3_PRESETS, type S3PresetName } from './s3-presets';
import type { HoldfastConfig, StoreConfig } from './schema';

/** The rule of one database and the stores that may hold its copies. */
export interface ComplianceFacts {
  /** null: no policy is configured. */
  readonly policy: CopyPolicy | null;
  readonly stores: readonly PolicyStore[];
}

export function complianceFacts(config: HoldfastConfig, database: string): ComplianceFacts {
  const found = config.databases.find(({ name }) => name === database);
  const own = found?.policy ?? config.policy ?? null;
  const wanted = found?.stores ?? [];
  return {
    policy: own === 'none' ? null : own,
    stores: config.stores.filter(({ name }) => wanted.length === 0 || wanted.includes(name)).map(policyStore),
  };
}

/** What a store is judged by, as the config states it; `provider` is derived where it is not stated. */
export function policyStore(store: StoreConfig): PolicyStore {
  return {
    name: store.name,
    role: store.role,
    account: store.account ?? null,
    ...derived(store),
    ...(store.provider === undefined ? {} : { provider: store.provider }),
  };
}

type Derived = Pick<PolicyStore, 'provider' | 'credentials' | 'region' | 'endpoint' | 'bucket' | 'disk'>;

function derived(store: StoreConfig): Derived {
  switch (store.adapter) {
    case 'filesystem':
      return {
        provider: 'disk',
        credentials: null,
        region: store.region ?? null,
        endpoint: null,
        bucket: null,
        disk: null,
      };
    case 's3': {
      const endpoint = store.endpoint === undefined ? null : new URL(store.endpoint).host;
      return {
        provider: hostedBy(store.preset) ?? (endpoint === null ? 'aws' : new URL(store.endpoint!).hostname),
        credentials: store.accessKeyId ?? store.credentials?.write?.accessKeyId ?? 'of the environment',
        region: store.region,
        endpoint,
        bucket: store.bucket,
        disk: null,
      };
    }
    case 'gcs': {
      const endpoint = store.endpoint === undefined ? null : new URL(store.endpoint).host;
      return {
        provider: endpoint === null ? 'google' : new URL(store.endpoint!).hostname,
        credentials: writerOf(store.credentials) ?? 'of the environment',
        region: store.region ?? null,
        endpoint,
        bucket: store.bucket,
        disk: null,
      };
    }
    case 'supabase': {
      const { host, hostname } = new URL(store.url);
      return {
        provider: /\.supabase\.(co|in|red)$/.test(hostname) ? 'supabase' : hostname,
        credentials: writerOf(store.credentials) ?? store.key ?? null,
        region: store.region ?? null,
        endpoint: host,
        bucket: store.bucket,
        disk: null,
      };
    }
    default:
      return unknownAdapter(store);
  }
}

/** Who writes there: two stores that the same key can write to are lost together. */
function writerOf(
  credentials: string | { readonly write?: string | undefined; readonly delete?: string | undefined } | undefined,
): string | null {
  if (typeof credentials !== 'object') return credentials ?? null;
  return credentials.write ?? credentials.delete ?? null;
}

/** A provider that runs all of its endpoints; a server of one's own is told by its address. */
function hostedBy(preset: S3PresetName | undefined): string | null {
  return preset === undefined || S3_PRESETS[preset].endpoint === 'stated' ? null : preset;
}

/** The type checker refuses an adapter that has no case above. */
function unknownAdapter(store: never): never {
  throw new RangeError(`no facts are known of this adapter [store=${JSON.stringify(store)}]`);
}
