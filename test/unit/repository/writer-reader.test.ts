import { openBackup, listBackups } from '../../../src/repository/reader';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writerOptions } from '../../support/repository';
import { createMemoryStore } from '../../support/memory-store';

describe('a backup that was written', () => {
  it('reads back equal from every store', async () => {
    const keys = await makeKeys();
    const stores = [createMemoryStore('a'), createMemoryStore('b')];
    const content = {
      'schema.dump': noise(5000),
      'data/1/0.copy': noise(1024, 2),
      'data/2/0.copy': Buffer.alloc(4096, 'x'),
      'data/3/0.copy': Buffer.alloc(0),
    };
    const { result, writer } = await writeBackup(writerOptions(keys, stores), content);
    expect(result).toMatchObject({ adopted: false, stores: [{ state: 'committed' }, { state: 'committed' }] });
    expect(writer.counters.segments).toBe(result.inventory.segments.length);
    for (const store of stores) {
      expect((await listBackups(store)).map((backup) => backup.backupId)).toEqual([BACKUP_ID]);
      const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
      for (const [path, bytes] of Object.entries(content)) {
        expect((await readAll(reader.readFile(path))).equals(bytes)).toBe(true);
      }
    }
  });
});
