/** A store by its address alone, for the day when no configuration is left. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { s3StoreSchema, filesystemStoreSchema, type StoreConfig } from '../../config/schema';
import { verifyError } from '../../errors/verify';
import { createStore } from '../../storage/create-store';
import type { ObjectStore } from '../../storage/object-store';

const S3_PARAMETERS = new Set(['endpoint', 'region', 'pathStyle', 'accessKeyId', 'secretAccessKey', 'sessionToken']);

/**
 * `file:///folder`, a plain path, or `s3://bucket/prefix?endpoint=https://host&region=us-east-1&pathStyle=true`.
 * Credentials come from the AWS chain, or by reference: `&accessKeyId=env:NAME&secretAccessKey=file:PATH`; a literal
 * secret in the address is refused. Pure.
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
  if (url.protocol !== 's3:') throw refused(`the scheme ${url.protocol}// is not known`);
  if (url.username !== '' || url.password !== '') throw refused('it must not contain credentials');
  const unknown = [...url.searchParams.keys()].find((key) => !S3_PARAMETERS.has(key));
  if (unknown !== undefined) throw refused(`the parameter ${unknown} is not known`);
  const { pathStyle, ...parameters } = Object.fromEntries(url.searchParams) as Record<string, string>;
  const parsed = s3StoreSchema.safeParse({
    adapter: 's3',
    name: 'recovery',
    bucket: decodeURIComponent(url.hostname),
    prefix: decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, ''),
    // An own endpoint rarely has a host name for each bucket.
    pathStyle: pathStyle === undefined ? parameters['endpoint'] !== undefined : pathStyle === 'true',
    ...parameters,
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
  }
  return parsed.data;
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
