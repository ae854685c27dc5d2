/** A store by its address alone, for the day when no configuration is left. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesystemStoreSchema, gcsStoreSchema, s3StoreSchema, type StoreConfig } from '../../config/schema';
import { verifyError } from '../../errors/verify';
import { createStore } from '../../storage/create-store';
import type { ObjectStore } from '../../storage/object-store';

const S3_PARAMETERS = new Set(['endpoint', 'region', 'pathStyle', 'accessKeyId', 'secretAccessKey', 'sessionToken']);
const GCS_PARAMETERS = new Set(['endpoint', 'credentials', 'anonymous']);

/**
 * `file:///folder`, a plain path, `s3://bucket/prefix?endpoint=https://host&region=us-east-1&pathStyle=true`, or
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
  if (url.protocol !== 's3:' && url.protocol !== 'gs:') throw refused(`the scheme ${url.protocol}// is not known`);
  if (url.username !== '' || url.password !== '') throw refused('it must not contain credentials');
  const known = url.protocol === 's3:' ? S3_PARAMETERS : GCS_PARAMETERS;
  const unknown = [...url.searchParams.keys()].find((key) => !known.has(key));
  if (unknown !== undefined) throw refused(`the parameter ${unknown} is not known`);
  const parsed = url.protocol === 's3:' ? s3(url) : gcs(url);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
  }
  return parsed.data;
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
