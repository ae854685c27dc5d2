/** Opens one backup at one store with an identity file, and nothing else: no config, no catalogue, no Temporal. */
import { readFile } from 'node:fs/promises';
import { isBackupId } from '../../domain/names';
import { verifyError } from '../../errors/verify';
import { keysFromStore } from '../../repository/description';
import { listBackups, openBackup, type ListedBackup } from '../../repository/reader';
import type { BackupReader, RepositoryKeys } from '../../repository/types';
import type { ObjectStore } from '../../storage/object-store';
import { openStoreUrl } from './open-store';

export interface CopyRequest {
  /** See `parseStoreUrl`. */
  readonly storeUrl: string;
  /** File with the age identity, as `holdfast keys init` wrote it or as it lies in the recovery kit. */
  readonly identityPath: string;
  /** A backup id, or the start of one that fits a single backup; `latest` = the newest that the store holds. */
  readonly backup: string;
  /** Needed only where the store holds backups of several databases. */
  readonly database?: string;
  /** Take the store's own word for whose signature counts, when the identity file does not say. */
  readonly trustStore?: boolean;
  /** Resolves `env:` and `file:` references in the store address. */
  readonly secrets: (ref: string) => Promise<string> | string;
  readonly signal: AbortSignal;
}

export interface OpenedCopy {
  readonly reader: BackupReader;
  readonly keys: RepositoryKeys;
  readonly database: string;
  readonly backupId: string;
}

/** Opens store and backup, verifies its manifest, lets `work` use it, and closes the store. */
export async function withCopy<T>(request: CopyRequest, work: (copy: OpenedCopy) => Promise<T>): Promise<T> {
  const { signal } = request;
  const store = openStoreUrl(request.storeUrl, request.secrets);
  try {
    const keys = await readKeys(store, request);
    const { database, backupId } = await choose(store, request);
    const reader = await openBackup({ store, database, backupId, keys, signal });
    return await work({ reader, keys, database, backupId });
  } finally {
    await store.close();
  }
}

/** What the store holds, oldest first within a database. Needs no key. */
export async function listCopies(
  request: Pick<CopyRequest, 'storeUrl' | 'database' | 'secrets' | 'signal'>,
): Promise<readonly ListedBackup[]> {
  const store = openStoreUrl(request.storeUrl, request.secrets);
  try {
    return await listBackups(store, request.database, request.signal);
  } finally {
    await store.close();
  }
}

async function readKeys(store: ObjectStore, request: CopyRequest): Promise<RepositoryKeys> {
  let text: string;
  try {
    text = await readFile(request.identityPath, 'utf8');
  } catch (error) {
    throw verifyError('RECOVER_IDENTITY_FILE', `the identity file cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return keysFromStore(store, text, { trustStore: request.trustStore, signal: request.signal });
}

/** The newest backup is the one whose id sorts last: ids begin with their start time. */
async function choose(store: ObjectStore, request: CopyRequest): Promise<{ database: string; backupId: string }> {
  const { backup, database } = request;
  if (database !== undefined && isBackupId(backup)) return { database, backupId: backup };
  const all = await listBackups(store, database, request.signal);
  const fitting = backup === 'latest' ? all : all.filter((known) => known.backupId.startsWith(backup));
  const context = { store: request.storeUrl.split('?')[0], backup, database };
  const databases = [...new Set(fitting.map((known) => known.database))];
  if (databases.length > 1)
    throw verifyError('RECOVER_AMBIGUOUS', `the store holds backups of ${databases.join(', ')}`, { context });
  const newest = fitting.sort((a, b) => (a.backupId < b.backupId ? -1 : 1)).at(-1);
  if (!newest) throw verifyError('RECOVER_NOTHING_FOUND', `no such backup; ${whatIsThere(all)}`, { context });
  if (backup !== 'latest' && fitting.length > 1)
    throw verifyError('RECOVER_AMBIGUOUS', `${fitting.length} backups begin with ${backup}`, {
      context,
      hint: 'give more of the backup id',
    });
  return { database: newest.database, backupId: newest.backupId };
}

/** For a person who guessed wrong: what could have been asked for. */
function whatIsThere(all: readonly ListedBackup[]): string {
  if (all.length === 0) return 'the store holds none';
  const newest = all.slice(-3).map((known) => `${known.backupId} of ${known.database}`);
  return `the store holds ${all.length}, among them ${newest.join(', ')}`;
}
