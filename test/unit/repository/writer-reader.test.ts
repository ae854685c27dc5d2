import { inspectObject } from '../../../src/repository/check';
import { manifestKey, segmentKey } from '../../../src/repository/layout';
import { openBackup, listBackups } from '../../../src/repository/reader';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writerOptions } from '../../support/repository';
import { createMemoryStore } from '../../support/memory-store';

jest.setTimeout(60_000); // Many rounds, on a machine that may be busy.

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

describe('an object that swelled', () => {
  it('is never read beyond the size that is known, and is named as damaged', async () => {
    const keys = await makeKeys();
    const store = createMemoryStore('a');
    const { inventory } = (await writeBackup(writerOptions(keys, [store]), { 'schema.dump': noise(1000) })).result;
    const ref = inventory.segments[0]!;
    const swell = (key: string) => {
      const { body, modifiedAt } = store.objects.get(key)!;
      store.objects.set(key, { body: Buffer.concat([body, Buffer.alloc(4 * 1024 * 1024)]), modifiedAt });
    };
    let largest = 0;
    const get = store.get.bind(store);
    store.get = async (...request) => {
      const bytes = await get(...request);
      largest = Math.max(largest, bytes.length);
      return bytes;
    };
    const open = () => openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
    const reader = await open();

    swell(segmentKey('orders', ref.object));
    largest = 0;
    await expect(reader.readSegment(ref)).rejects.toMatchObject({ code: 'REPO_SEGMENT_DAMAGED' });
    expect(await inspectObject(store, 'orders', ref)).toBe('damaged');
    expect(largest).toBe(ref.sealedBytes + 1);

    swell(manifestKey('orders', BACKUP_ID));
    largest = 0;
    await expect(open()).rejects.toMatchObject({ code: 'REPO_MANIFEST_DAMAGED' });
    expect(largest).toBeLessThanOrEqual(256 * 1024);
  });

  it('of more than the first read is read whole when it is sound', async () => {
    const keys = await makeKeys();
    const store = createMemoryStore('a');
    const content = { 'schema.dump': noise(1_600_000) };
    await writeBackup(writerOptions(keys, [store]), content, 50_000);
    expect(store.objects.get(manifestKey('orders', BACKUP_ID))!.body.length).toBeGreaterThan(256 * 1024);
    const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
    expect((await readAll(reader.readFile('schema.dump'))).equals(content['schema.dump'])).toBe(true);
  });
});
