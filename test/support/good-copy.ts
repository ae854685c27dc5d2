/** A folder with two good backups of made-up content, for tests that harm copies of it. */
import { join } from 'node:path';
import { ensureRepository } from '../../src/repository/ensure';
import { manifestKey, segmentKey } from '../../src/repository/layout';
import { openBackup } from '../../src/repository/reader';
import type { Inventory, RepositoryKeys } from '../../src/repository/types';
import type { ObjectStore } from '../../src/storage/object-store';
import { folderStore } from './format-world';
import { BACKUP_ID, makeKeys, noise, writeBackup, writerOptions } from './repository';
import { tempFolder } from './temp';

export const SEGMENT = 160 * 1024;
export const CONTENT = {
  'schema.dump': noise(400_000),
  'data/1/0.copy': noise(SEGMENT, 2),
  'data/2/0.copy': Buffer.alloc(300_000, 'row\n'),
};
/** The other backup, of the same database. */
export const OTHER_ID = '20261121T102530Z-full-5e6f7a8b';
export const MANIFEST = manifestKey('orders', BACKUP_ID);

export interface GoodCopy {
  readonly keys: RepositoryKeys;
  readonly store: ObjectStore;
  /** Of `BACKUP_ID`. */
  readonly inventory: Inventory;
  /** The folder of the store. */
  readonly folder: string;
  /** A folder for whatever else the test makes. */
  readonly temp: string;
  /** Of a segment of `BACKUP_ID`. */
  keyOf(index: number): string;
  /** Reads everything of a copy of `BACKUP_ID`; what is handed on before a failure must be a true prefix. */
  readEverything(store: ObjectStore): Promise<void>;
  remove(): Promise<void>;
}

export async function writeGoodCopy(name: string): Promise<GoodCopy> {
  const temp = await tempFolder(name);
  const keys = await makeKeys();
  const folder = join(temp.path, 'good');
  const store = folderStore(folder, 'good');
  await ensureRepository(store, keys);
  const write = (content: typeof CONTENT, backupId = BACKUP_ID) =>
    writeBackup(writerOptions(keys, [store], { segmentBytes: SEGMENT, backupId }), content, 30_000);
  const { inventory } = (await write(CONTENT)).result;
  await write({ ...CONTENT, 'schema.dump': noise(300_000, 5) }, OTHER_ID);
  return {
    keys,
    store,
    inventory,
    folder,
    temp: temp.path,
    keyOf: (index) => segmentKey('orders', inventory.segments[index]!.object),
    async readEverything(from) {
      const reader = await openBackup({ store: from, database: 'orders', backupId: BACKUP_ID, keys });
      for (const [path, expected] of Object.entries(CONTENT)) {
        let offset = 0;
        for await (const chunk of reader.readFile(path)) {
          expect(chunk.equals(expected.subarray(offset, offset + chunk.length))).toBe(true);
          offset += chunk.length;
        }
        expect(offset).toBe(expected.length);
      }
    },
    remove: () => temp.remove(),
  };
}
