/** A store by its address alone, for the day when no configuration is left. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import {
  filesystemStoreSchema,
  gcsStoreSchema,
  s3StoreSchema,
  supabaseStoreSchema,
  type StoreConfig,
} from '../../config/schema';
import { verifyError } from '../../errors/verify';
import { createStore } from '../../storage/create-store';
import type { ObjectStore } from '../../storage/object-store';

const S3_PARAMETERS = new Set(['endpoint', 'region', 'pathStyle', 'accessKeyId', 'secretAccessKey', 'sessionToken']);
const GCS_PARAMETERS = new Set(['endpoint', 'credentials', 'anonymous']);

/** Path of the storage API below the host; without a gateway in front there is none. */
const SUPABASE_API = '/storage/v1/';

/**
 * `file:///folder`, a plain path, `supabase+https://host/storage/v1/bucket/prefix?key=env:NAME`, `s3://bucket/prefix?endpoint=https://host&region=us-east-1&pathStyle=true`, or
 * `gs://bucket/prefix`. Credentials come from the chain of the provider, or by reference:
 * `&accessKeyId=env:NAME&secretAccessKey=file:PATH`, `?credentials=file:PATH`; a literal secret in the address is refused.
 * Pure.
 */
export function parseStoreUrl(text: string): StoreConfig {
  if (/^[./~]/.test(text)) return folder(resolve(text));
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refused('it is neither a path nor an address');
  }
  if (url.protocol === 'file:') {
    try {
      return folder(fileURLToPath(url));
    } catch {
      throw refused('a file address has three slashes and an absolute path');
    }
  }
  if (/^supabase\+https?:$/.test(url.protocol)) return supabase(url);
  if (url.protocol !== 's3:' && url.protocol !== 'gs:') throw refused(`the scheme ${url.protocol}// is not known`);
  if (url.username !== '' || url.password !== '') throw refused('it must not contain credentials');
  const known = url.protocol === 's3:' ? S3_PARAMETERS : GCS_PARAMETERS;
  const unknown = [...url.searchParams.keys()].find((key) => !known.has(key));
  if (unknown !== undefined) throw refused(`the parameter ${unknown} is not known`);
  return url.protocol === 's3:' ? valid(s3(url)) : valid(gcs(url));
}

function supabase(url: URL): StoreConfig {
  if (url.username !== '' || url.password !== '') throw refused('it must not contain credentials');
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'key');
  if (unknown !== undefined) throw refused(`the parameter ${unknown} is not known`);
  const api = url.pathname.startsWith(SUPABASE_API) ? SUPABASE_API : '/';
  const [bucket, ...prefix] = decodeURIComponent(url.pathname.slice(api.length)).split('/');
  return valid(
    supabaseStoreSchema.safeParse({
      adapter: 'supabase',
      name: 'recovery',
      url: `${url.protocol.slice('supabase+'.length)}//${url.host}${api}`,
      bucket,
      prefix: prefix.join('/').replace(/^\/+|\/+$/g, ''),
      key: url.searchParams.get('key') ?? 'env:SUPABASE_SERVICE_KEY',
    }),
  );
}

function valid<T extends StoreConfig>(parsed: z.ZodSafeParseResult<T>): T {
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refused(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
}

function bucketOf(url: URL) {
  return {
    name: 'recovery',
    bucket: decodeURIComponent(url.hostname),
    prefix: decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, ''),
  };
}

function s3(url: URL) {
  const { pathStyle, ...parameters } = Object.fromEntries(url.searchParams) as Record<string, string>;
  return s3StoreSchema.safeParse({
    adapter: 's3',
    ...bucketOf(url),
    // An own endpoint rarely has a host name for each bucket.
    pathStyle: pathStyle === undefined ? parameters['endpoint'] !== undefined : pathStyle === 'true',
    ...parameters,
  });
}

function gcs(url: URL) {
  const { anonymous, ...parameters } = Object.fromEntries(url.searchParams) as Record<string, string>;
  return gcsStoreSchema.safeParse({ adapter: 'gcs', ...bucketOf(url), anonymous: anonymous === 'true', ...parameters });
}

function folder(path: string): StoreConfig {
  return filesystemStoreSchema.parse({ adapter: 'filesystem', name: 'recovery', path });
}

function refused(why: string): Error {
  return verifyError('RECOVER_STORE_URL', `the store address is not understood: ${why}`);
}

/** Opens it; nothing is contacted before the first call. */
export function openStoreUrl(text: string, secrets: (ref: string) => Promise<string> | string): ObjectStore {
  return createStore(parseStoreUrl(text), secrets);
}
