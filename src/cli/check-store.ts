/** The check of one configured store as commands want it: with what the catalogue and the repository know of it. */
import type { Catalog } from '../catalog/types';
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HoldfastConfig } from '../config/schema';
import { descriptionSchema } from '../repository/description';
import { assertNotForeign } from '../repository/ensure';
import { findOtherObjects } from '../repository/other-objects';
import { checkStore, type StoreCheck } from '../storage/check';
import type { CallOptions, ObjectStore, StoreFinding } from '../storage/object-store';

export interface CheckedStore {
  readonly store: ObjectStore;
  /** Whether the catalogue knows of backups there; false when it cannot be asked. */
  readonly usedBefore: () => Promise<boolean>;
  /** Of the repository that is configured; null: it is not made yet. @default nobody's place is refused */
  readonly repositoryId?: () => Promise<string | null>;
  readonly signal: AbortSignal;
}

/**
 * Writes nothing where a repository was and is none now: that is the folder at which a disk is not mounted, or a wrong
 * bucket, and no place for a canary. Nor where another repository is: two under one prefix would sweep each other's objects.
 */
export async function checkConfiguredStore({
  store,
  usedBefore,
  repositoryId,
  signal,
}: CheckedStore): Promise<StoreCheck> {
  const check = await checkStore(store, {
    signal,
    before: async () => {
      if ((await isDescribed(store, (await repositoryId?.()) ?? null, signal)) || !(await usedBefore())) return;
      throw repositoryError('REPO_NOT_INITIALISED', 'the store was used before, and holds no repository now', {
        context: { store: store.name },
        hint: 'is its disk mounted, are bucket and prefix right? Nothing was written to it',
      });
    },
  });
  const listed = check.steps.some(({ name, outcome }) => name === 'list' && outcome === 'ok');
  if (!listed) return check;
  const began = performance.now();
  const others = await findOthers(store, { signal });
  const durationMs = check.durationMs + Math.round(performance.now() - began);
  return { ...check, durationMs, findings: [...check.findings, ...others] };
}

/** What may not be read is a matter of the steps that read. */
async function isDescribed(store: ObjectStore, repositoryId: string | null, signal: AbortSignal): Promise<boolean> {
  try {
    return await assertNotForeign(store, repositoryId, signal);
  } catch (error) {
    const hidden = isHoldfastError(error, 'STORE_ACCESS_DENIED') || isHoldfastError(error, 'STORE_CREDENTIAL_MISSING');
    if (hidden && store.kind !== 'filesystem') return true;
    throw error;
  }
}

/** A listing that breaks off leaves the check as it was: listing itself was a step of it. */
async function findOthers(store: ObjectStore, options: CallOptions): Promise<readonly StoreFinding[]> {
  try {
    return [await findOtherObjects(store, options)];
  } catch (error) {
    if (options.signal?.aborted) throw error;
    return [];
  }
}

/** By its public description; null where there is none that can be read: that is a finding of another check. */
export async function configuredRepository({ keys }: Pick<HoldfastConfig, 'keys'>): Promise<string | null> {
  try {
    const { repository } = keys;
    const isFolder = (await stat(repository)).isDirectory();
    const text = await readFile(isFolder ? join(repository, 'repository.json') : repository, 'utf8');
    return descriptionSchema.parse(JSON.parse(text)).repositoryId;
  } catch {
    return null;
  }
}

/** By the catalogue; a catalogue that cannot be asked knows of nothing. */
export async function isUsedBefore(catalog: () => Promise<Catalog>, store: string): Promise<boolean> {
  try {
    const copies = await (await catalog()).copies({ store });
    return copies.some(({ state }) => state === 'complete' || state === 'proved' || state === 'damaged');
  } catch {
    return false;
  }
}
