/** Empties a store of all that the repository put there, by exact keys. What somebody else put there stays. */
import { isName } from '../domain/names';
import { repositoryError } from '../errors/repository';
import { CANARY_FOLDER } from '../storage/keys';
import type { ObjectInfo, ObjectStore } from '../storage/object-store';
import { assertNotForeign } from './ensure';
import { backupOfKey, DESCRIPTION_KEY, manifestsPrefix, segmentsPrefix } from './layout';
import { isOfRepository } from './other-objects';
import { deleteUnlocked } from './sweep';

/** Keys deleted by one request, and listed before the next. */
const BATCH = 500;

export interface Removed {
  /** Objects that went; of a dry run, that would go. */
  readonly objects: number;
  readonly bytes: number;
  /** Objects of ours that the store does not let go yet (a lock, a retention policy). */
  readonly locked: number;
  /** Objects of somebody else: left alone. */
  readonly others: number;
  /** One of them; null where there is none. */
  readonly example: string | null;
}

export interface RemoveRequest {
  readonly store: ObjectStore;
  readonly repositoryId: string;
  /** Counts, and deletes nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  /** Asked before each batch goes; throws when the store is in use again. */
  readonly assertRetired?: () => Promise<void>;
  readonly onProgress?: (soFar: Removed) => void;
}

/**
 * Manifests go first, then proofs, then segments, so that nothing that is left looks like a backup; `holdfast.json` goes
 * last, when nothing of ours is left: a call that was cut off is carried on by the next one. Refuses a place of another
 * repository, and one with objects of some repository and no `holdfast.json` to tell whose it is.
 */
export async function removeRepository(request: RemoveRequest): Promise<Removed> {
  const { store, repositoryId, signal } = request;
  const removal = new Removal(request);
  const described = await assertNotForeign(store, repositoryId, signal);
  const databases = await databasesAt(store, signal);
  if (!described) await assertNothingOfOurs(store, signal);
  for (const database of described ? databases : []) {
    const locked = await removal.below(manifestsPrefix(database));
    // A manifest that has to stay keeps what it names: a locked copy is to stay whole.
    if (locked > 0) continue;
    await removal.below(`${database}/proofs/`);
    await removal.below(segmentsPrefix(database));
  }
  await removal.below(`${CANARY_FOLDER}/`);
  await removal.countOthers();
  if (described && removal.sum.locked === 0) await removal.below(DESCRIPTION_KEY);
  return removal.sum;
}

/** Backups that have a manifest there, by database. */
export async function backupsAt(
  store: ObjectStore,
  signal?: AbortSignal,
): Promise<readonly { readonly database: string; readonly backupId: string }[]> {
  const found: { database: string; backupId: string }[] = [];
  for (const database of await databasesAt(store, signal))
    for await (const { key } of store.list(manifestsPrefix(database), { signal })) {
      const backupId = backupOfKey(database, key);
      if (backupId !== null) found.push({ database, backupId });
    }
  return found;
}

/** First parts of the keys that could be names of databases: one listing each, however much they hold. */
async function databasesAt(store: ObjectStore, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const found: string[] = [];
  let after: string | undefined;
  for (;;) {
    let key: string | null = null;
    for await (const info of store.list('', { signal, after })) {
      key = info.key;
      break;
    }
    if (key === null) return found;
    const [first] = key.split('/') as [string, ...string[]];
    if (key !== first && isName(first)) found.push(first);
    // `0` comes after `/`, so all that begins with this folder is passed over.
    after = key === first ? key : `${first}0`;
  }
}

async function assertNothingOfOurs(store: ObjectStore, signal: AbortSignal | undefined): Promise<void> {
  for await (const { key } of store.list('', { signal }))
    if (isOfRepository(key) && !key.startsWith(`${CANARY_FOLDER}/`))
      throw repositoryError('REPO_NOT_INITIALISED', 'the store holds objects of a repository, and no holdfast.json', {
        context: { store: store.name, key },
        hint: 'nothing tells whose they are, so nothing was deleted: copy holdfast.json from another store there first',
      });
}

class Removal {
  private readonly counts = { objects: 0, bytes: 0, locked: 0, others: 0, example: null as string | null };

  constructor(private readonly request: RemoveRequest) {}

  get sum(): Removed {
    return { ...this.counts };
  }

  /** Batch by batch, each listed after the last one went; gives how many had to stay. */
  async below(prefix: string): Promise<number> {
    const { store, signal, dryRun, assertRetired, onProgress } = this.request;
    const { counts } = this;
    const before = counts.locked;
    let after: string | undefined;
    for (;;) {
      const batch: ObjectInfo[] = [];
      let last: string | undefined;
      for await (const info of store.list(prefix, { signal, after })) {
        last = info.key;
        if (isOfRepository(info.key)) batch.push(info);
        if (batch.length === BATCH) break;
      }
      if (batch.length > 0 && !dryRun) await assertRetired?.();
      const keys = batch.map(({ key }) => key);
      const locked = new Set(dryRun || keys.length === 0 ? [] : await deleteUnlocked(store, keys, signal));
      for (const { key, bytes } of batch) {
        if (locked.has(key)) counts.locked += 1;
        else {
          counts.objects += 1;
          counts.bytes += bytes;
        }
      }
      onProgress?.(this.sum);
      if (last === undefined || batch.length < BATCH) return counts.locked - before;
      after = last;
    }
  }

  async countOthers(): Promise<void> {
    const { store, signal } = this.request;
    for await (const { key } of store.list('', { signal }))
      if (!isOfRepository(key)) {
        this.counts.others += 1;
        this.counts.example ??= key;
      }
  }
}
