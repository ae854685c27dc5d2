/** Objects below the prefix of a store that are none of the repository's: counted, never touched. */
import { isName } from '../domain/names';
import { CANARY_FOLDER } from '../storage/keys';
import type { CallOptions, ObjectStore, StoreFinding } from '../storage/object-store';
import { backupOfKey, DESCRIPTION_KEY, objectOfKey, proofsPrefix } from './layout';

/** A look, not an inventory: a store with more names than this is counted in part. */
const MAX_LISTED = 20_000;

/** True when the repository could have written an object of this name. Pure. */
export function isOfRepository(key: string): boolean {
  if (key === DESCRIPTION_KEY || key.startsWith(`${CANARY_FOLDER}/`)) return true;
  const [database, kind, backupId, store, ...rest] = key.split('/');
  if (database === undefined || !isName(database)) return false;
  if (kind === 'segments') return objectOfKey(database, key) !== null;
  if (kind === 'manifests') return backupOfKey(database, key) !== null;
  if (kind !== 'proofs' || backupId === undefined || store === undefined || rest.length > 0) return false;
  return backupOfKey(database, `${database}/manifests/${backupId}`) !== null && isName(store)
    ? key === `${proofsPrefix(database, backupId)}${store}`
    : false;
}

/**
 * Counts what is not ours. The segments of each database are passed over after the first: they are nearly all of a store,
 * and what is wrong among them is found by the sweep.
 */
export async function findOtherObjects(store: ObjectStore, options: CallOptions = {}): Promise<StoreFinding> {
  let listed = 0;
  let others = 0;
  let example: string | null = null;
  let after: string | undefined;
  for (let more = true; more && listed < MAX_LISTED;) {
    more = false;
    for await (const { key } of store.list('', { ...options, after })) {
      listed++;
      const [database] = key.split('/');
      if (isOfRepository(key)) {
        if (objectOfKey(database!, key) !== null) {
          // `g` comes after every hash.
          after = `${database}/segments/g`;
          more = true;
          break;
        }
      } else {
        others++;
        example ??= key;
      }
      if (listed >= MAX_LISTED) break;
    }
  }
  const bound = listed >= MAX_LISTED ? 'at least ' : '';
  if (others === 0) return { about: 'other-objects', level: 'ok', detail: 'none', hint: '' };
  return {
    about: 'other-objects',
    level: 'warning',
    detail: `${bound}${others} under the prefix that Holdfast did not write (e.g. ${example!.slice(0, 100)}); they are left alone`,
    hint: 'give the store a prefix or a bucket of its own',
  };
}
