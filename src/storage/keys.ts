import { storageError } from '../errors/storage';

const ALPHABET = /^[A-Za-z0-9._=-]+$/;
/** S3 allows 1,024 bytes a key; a file name has 255. */
const MAX_KEY = 900;
const MAX_PART = 255;

/** Where adapters keep unfinished files; no object may live there. */
export const RESERVED_PART = '.holdfast-tmp';

/** Where checks and probes put their test objects; nothing of a backup lives there. */
export const CANARY_FOLDER = '.holdfast-canary';
/** Beginning of the names of the probes' test objects. */
export const PROBE_PREFIX = `${CANARY_FOLDER}/probe-`;

/** True for one part of a key: the alphabet, not `.` or `..`, no longer than a file name may be. */
export function isKeyPart(part: string): boolean {
  return part !== '.' && part !== '..' && part.length <= MAX_PART && ALPHABET.test(part);
}

/** Throws STORE_KEY_INVALID unless `key` is one that every provider stores unchanged. */
export function assertKey(key: string, store: string): void {
  const parts = key.split('/');
  if (key.length > MAX_KEY || !parts.every(isKeyPart) || parts[0] === RESERVED_PART)
    throw storageError('STORE_KEY_INVALID', '', { context: { store, key: key.slice(0, 200) } });
}

/** A list prefix: any beginning of a key, so it may end within a part or in `/`. */
export function assertPrefix(prefix: string, store: string): void {
  const parts = prefix.split('/');
  const last = parts.pop()!;
  if (!parts.every(isKeyPart) || !(last === '' || /^[A-Za-z0-9._=-]+$/.test(last)) || last === '..')
    throw storageError('STORE_KEY_INVALID', 'the prefix is not the beginning of a valid key', {
      context: { store, prefix: prefix.slice(0, 200) },
    });
}

/** `backups/eu/` for `/backups/eu`, empty for none: what is put before each key. */
export function normalisePrefix(prefix: string, store: string): string {
  const parts = prefix.split('/').filter((part) => part !== '');
  if (!parts.every(isKeyPart))
    throw storageError('STORE_CONFIG_INVALID', 'the prefix of the store is not a valid path', {
      context: { store, prefix },
    });
  return parts.length === 0 ? '' : `${parts.join('/')}/`;
}

/** Byte order. Keys are ASCII, so code units are bytes. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
