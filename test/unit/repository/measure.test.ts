import { measureStore, type Measurement } from '../../../src/repository/measure';
import { createMemoryStore } from '../../support/memory-store';

const KEYS = ['holdfast.json', 'notes.txt', 'shop/other/x', 'Shop/segments/aa/1', 'shop/segments'];

async function filled(segments: number) {
  const store = createMemoryStore('s');
  for (const key of KEYS) await store.put(key, Buffer.alloc(1));
  for (let index = 0; index < segments; index++)
    await store.put(`shop/segments/aa/${String(index).padStart(5, '0')}`, Buffer.alloc(10));
  await store.put('crm/manifests/one', Buffer.alloc(7));
  await store.put('crm/proofs/one/s', Buffer.alloc(3));
  return store;
}

const SUMS = { '': { bytes: 5, objects: 5 }, shop: { bytes: 20_000, objects: 2_000 }, crm: { bytes: 10, objects: 2 } };

test('a store is measured by database; what is no part of one is counted apart', async () => {
  const measured = await measureStore({ store: await filled(2_000) });
  expect(measured.sums).toEqual(SUMS);
});

test('a measurement that broke off goes on where it was and comes to the same', async () => {
  const store = await filled(2_000);
  const seen: Measurement[] = [];
  await measureStore({ store, onProgress: (now) => seen.push(now) });
  expect(seen.length).toBeGreaterThan(0);
  for (const from of seen) expect((await measureStore({ store, from })).sums).toEqual(SUMS);
});

test('an empty store holds nothing', async () => {
  expect(await measureStore({ store: createMemoryStore('s') })).toEqual({ after: null, sums: {} });
});
