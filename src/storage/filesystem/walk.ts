import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { compareKeys, isKeyPart, RESERVED_PART } from '../keys';
import type { ObjectInfo } from '../object-store';
import { throwIfAborted } from '../timing';
import { errnoOf } from './errors';

const STAT_BATCH = 64;

export interface WalkOptions {
  readonly prefix: string;
  readonly after?: string;
  readonly signal?: AbortSignal;
}

/** The objects under `root` in byte order of their keys. Files and links that cannot be objects are passed over. */
export async function* walk(root: string, options: WalkOptions): AsyncIterable<ObjectInfo> {
  const cut = options.prefix.lastIndexOf('/');
  const base = options.prefix.slice(0, cut + 1);
  yield* walkFolder(root, base, options);
}

async function* walkFolder(root: string, base: string, options: WalkOptions): AsyncIterable<ObjectInfo> {
  throwIfAborted(options.signal);
  // A folder sorts as its name and a slash: `a-b` < `a.b` < `a/b` < `a0`.
  const keys = (await entries(path.join(root, base)))
    .filter((entry) => isKeyPart(entry.name) && !(base === '' && entry.name === RESERVED_PART))
    .filter((entry) => entry.isDirectory() || entry.isFile())
    .map((entry) => base + entry.name + (entry.isDirectory() ? '/' : ''))
    .filter((key) => mayHold(key, options))
    .sort(compareKeys);
  for (let at = 0; at < keys.length; at += STAT_BATCH) {
    const batch = keys.slice(at, at + STAT_BATCH);
    const found = await Promise.all(batch.map((key) => (key.endsWith('/') ? null : describe(root, key))));
    for (const [index, key] of batch.entries()) {
      throwIfAborted(options.signal);
      const info = found[index];
      if (key.endsWith('/')) yield* walkFolder(root, key, options);
      else if (info) yield info;
    }
  }
}

/** True when `key`, or for a folder (`…/`) something in it, is asked for. */
function mayHold(key: string, { prefix, after }: WalkOptions): boolean {
  const folder = key.endsWith('/');
  const inPrefix = key.startsWith(prefix) || (folder && prefix.startsWith(key));
  if (!inPrefix || after === undefined) return inPrefix;
  return compareKeys(key, after) > 0 || (folder && after.startsWith(key));
}

/** Size and time of one object; null when it is gone or no plain file. */
export async function describe(root: string, key: string): Promise<ObjectInfo | null> {
  try {
    const found = await lstat(path.join(root, key));
    return found.isFile() ? { key, bytes: found.size, modifiedAt: found.mtime } : null;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Errors that mean that there is no such object. */
export function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

async function entries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
