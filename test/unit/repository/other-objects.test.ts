import { manifestKey, proofKey, segmentKey } from '../../../src/repository/layout';
import { findOtherObjects, isOfRepository } from '../../../src/repository/other-objects';
import { createMemoryStore } from '../../support/memory-store';

const hash = (start: string) => start.padEnd(64, '0');
const backupId = '20261121T092530Z-full-1a2b3c4d';

describe('objects that are not the repository’s', () => {
  it('are told by their names', () => {
    const ours = [segmentKey('shop', hash('ab')), manifestKey('shop', backupId), proofKey('shop', backupId, 'disk')];
    for (const key of ['holdfast.json', '.holdfast-canary/x', ...ours]) expect(isOfRepository(key)).toBe(true);
    for (const key of ['holdfast.json.bak', 'shop/segments/x', 'shop/notes', 'photo.jpg', 'Shop X/y', 'shop/proofs/x'])
      expect(isOfRepository(key)).toBe(false);
  });

  it('are counted among many segments, which are not all listed, and left alone', async () => {
    const store = createMemoryStore('s');
    const body = Buffer.from('x');
    for (const database of ['shop', 'zoo'])
      for (let n = 0; n < 50; n++) await store.put(segmentKey(database, hash(n.toString(16).padStart(2, '0'))), body);
    await store.put('holdfast.json', body);
    expect(await findOtherObjects(store)).toMatchObject({ level: 'ok', detail: 'none' });
    for (const key of ['a.txt', 'shop/zz.txt', 'zzz.txt']) await store.put(key, body);
    const before = [...store.objects.keys()];
    const found = await findOtherObjects(store);
    expect(found).toMatchObject({ about: 'other-objects', level: 'warning' });
    expect(found.detail).toBe('3 under the prefix that Holdfast did not write (e.g. a.txt); they are left alone');
    expect([...store.objects.keys()]).toEqual(before);
    const listings = store.calls.filter(({ operation }) => operation === 'list');
    expect(listings.length).toBeLessThan(10);
  });
});
