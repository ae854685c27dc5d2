/** Whose repository a store is: marks a new one, refuses a foreign one, brings an older description up to date. */
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { ObjectStore } from '../storage/object-store';
import { makeStored, readStored } from './description';
import { DESCRIPTION_KEY } from './layout';
import type { RepositoryKeys } from './types';

/**
 * Makes sure that this store is this repository's: writes `holdfast.json` where there is none (of several at once, one
 * is first), refuses a store of another repository, and brings an older revision up to date. With `isNew` false the store
 * was this repository's before: nothing is begun there again, since what looks empty is a disk that is not mounted, a
 * wrong prefix, or a loss that somebody must know of.
 */
export async function ensureRepository(
  store: ObjectStore,
  keys: RepositoryKeys,
  signal?: AbortSignal,
  isNew = true,
): Promise<'created' | 'present' | 'updated'> {
  let found = await readStored(store, signal);
  if (!found && !isNew) {
    throw repositoryError('REPO_NOT_INITIALISED', 'the store was used before, and holds no repository now', {
      context: { store: store.name },
      hint:
        'is its disk mounted, are bucket and prefix right? To use an empty store in its place, copy holdfast.json from ' +
        'another store into it',
    });
  }
  if (!found) {
    const bytes = await makeStored(keys);
    const createOnly = store.capabilities.createOnly;
    const { created } = await store.put(DESCRIPTION_KEY, bytes, { createOnly, signal });
    if (created) return 'created';
    found = await readStored(store, signal);
    if (!found) throw repositoryError('REPO_NOT_INITIALISED', '', { context: { store: store.name } });
  }
  if (found.holdfast.repositoryId !== keys.repositoryId) {
    throw repositoryError('REPO_FOREIGN', '', {
      context: { store: store.name, found: found.holdfast.repositoryId, expected: keys.repositoryId },
    });
  }
  // Only a process that can sign and knows better writes it again; whoever comes late with an older one does not.
  const revision = keys.description?.revision ?? 0;
  if (!keys.signingKey || revision <= found.holdfast.revision) return 'present';
  await publishRepository(store, keys, signal);
  return 'updated';
}

/**
 * Refuses a place where another repository keeps its backups (REPO_FOREIGN), and reads only. True when the place holds a
 * repository, though perhaps one whose `holdfast.json` cannot be read; `expected` null: whichever there is will do.
 */
export async function assertNotForeign(
  store: ObjectStore,
  expected: string | null,
  signal?: AbortSignal,
): Promise<boolean> {
  let found: string | null;
  try {
    const stored = await readStored(store, signal);
    if (stored === null) return false;
    found = stored.holdfast.repositoryId;
  } catch (error) {
    // What is damaged says nothing of whose it is; whoever opens the store to work with it is told.
    if (!isHoldfastError(error, 'REPO_DESCRIPTION_DAMAGED') && !isHoldfastError(error, 'REPO_FORMAT_UNKNOWN'))
      throw error;
    return true;
  }
  if (expected === null || found === expected) return true;
  throw repositoryError('REPO_FOREIGN', '', { context: { store: store.name, found, expected } });
}

/** Writes `holdfast.json` as it is now: one small object, replaced whole. */
export async function publishRepository(store: ObjectStore, keys: RepositoryKeys, signal?: AbortSignal): Promise<void> {
  await store.put(DESCRIPTION_KEY, await makeStored(keys), { signal });
}
