/** Keys of the objects of a repository, made and taken apart in one place. */
import { isBackupId, isName } from '../domain/names';
import { repositoryError } from '../errors/repository';

/** Says whose repository a store holds; see FORMAT.md. */
export const DESCRIPTION_KEY = 'holdfast.json';

const HASH = /^[0-9a-f]{64}$/;
const PATH_PART = /^[A-Za-z0-9._=-]+$/;
const MAX_PATH = 512;

export function isHash(text: string): boolean {
  return HASH.test(text);
}

function checkedDatabase(database: string): string {
  if (!isName(database)) throw repositoryError('REPO_PATH_INVALID', 'not a database name', { context: { database } });
  return database;
}
function checkedBackup(backupId: string): string {
  if (!isBackupId(backupId)) {
    throw repositoryError('REPO_PATH_INVALID', 'not a backup id', { context: { backup: backupId } });
  }
  return backupId;
}

export function segmentsPrefix(database: string): string {
  return `${checkedDatabase(database)}/segments/`;
}
export function segmentKey(database: string, object: string): string {
  if (!isHash(object)) throw repositoryError('REPO_PATH_INVALID', 'not an object name', { context: { object } });
  return `${segmentsPrefix(database)}${object.slice(0, 2)}/${object}`;
}
/** The object's name when `key` is a well-formed segment key of this database, else null. */
export function objectOfKey(database: string, key: string): string | null {
  const object = key.slice(key.lastIndexOf('/') + 1);
  return isHash(object) && key === segmentKey(database, object) ? object : null;
}

export function manifestsPrefix(database: string): string {
  return `${checkedDatabase(database)}/manifests/`;
}
export function manifestKey(database: string, backupId: string): string {
  return `${manifestsPrefix(database)}${checkedBackup(backupId)}`;
}
/** The backup id when `key` is a manifest's key of this database, else null. */
export function backupOfKey(database: string, key: string): string | null {
  const prefix = manifestsPrefix(database);
  const backupId = key.startsWith(prefix) ? key.slice(prefix.length) : '';
  return isBackupId(backupId) ? backupId : null;
}

export function proofsPrefix(database: string, backupId: string): string {
  return `${checkedDatabase(database)}/proofs/${checkedBackup(backupId)}/`;
}
export function proofKey(database: string, backupId: string, store: string): string {
  if (!isName(store)) throw repositoryError('REPO_PATH_INVALID', 'not a store name', { context: { store } });
  return `${proofsPrefix(database, backupId)}${store}`;
}

/**
 * Paths of files inside a backup: relative, parts of `[A-Za-z0-9._=-]`, none of them `.` or `..`, no empty part, at most
 * 512 characters. A manifest with any other path is refused whole, so that no writer of files has to think about it.
 */
export function isFilePath(path: string): boolean {
  if (path.length === 0 || path.length > MAX_PATH) return false;
  return path
    .split('/')
    .every((part) => PATH_PART.test(part) && part !== '.' && part !== '..' && !part.startsWith('-'));
}
