/** Which disk a folder store lies on, for the copy policy: two folders on one disk are one disk. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { StoreConfig } from '../config/schema';
import type { PolicyStore } from '../domain/compliance';

/** The stores with their disks; a folder that is not there yet counts as its nearest parent. */
export async function withDisks(
  facts: readonly PolicyStore[],
  stores: readonly StoreConfig[],
): Promise<readonly PolicyStore[]> {
  return Promise.all(
    facts.map(async (store) => {
      const config = stores.find(({ name }) => name === store.name);
      if (config?.adapter !== 'filesystem') return store;
      const device = await deviceOf(config.path);
      return device === null
        ? store
        : { ...store, disk: `${store.region === null ? '' : `${store.region}/`}${device}` };
    }),
  );
}

/** `device 8:1`; null where nothing can be looked at. */
async function deviceOf(path: string): Promise<string | null> {
  for (let folder = path; ; folder = dirname(folder)) {
    const facts = await stat(folder).catch(() => null);
    if (facts !== null) return `device ${Math.floor(facts.dev / 256)}:${facts.dev % 256}`;
    if (dirname(folder) === folder) return null;
  }
}
