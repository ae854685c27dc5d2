import fc from 'fast-check';
import { diffStores, type DiffRequest } from '../../../src/repository/diff-stores';
import { fillCopy } from '../../../src/repository/fill-copy';
import { manifestKey, segmentKey } from '../../../src/repository/layout';
import type { Inventory, RepositoryKeys } from '../../../src/repository/types';
import { createMemoryStore, type MemoryStore } from '../../support/memory-store';
import { BACKUP_ID, makeKeys, noise, writeBackup, writerOptions } from '../../support/repository';

const OTHER_ID = '20261121T102530Z-full-5e6f7a8b';
const CONTENT = { 'schema.dump': noise(900), 'data/1/0.copy': noise(24_000, 2) };

let keys: RepositoryKeys;
let inventory: Inventory;
let template: MemoryStore;
beforeAll(async () => {
  keys = await makeKeys();
  template = createMemoryStore('template');
  inventory = (await writeBackup(writerOptions(keys, [template]), CONTENT)).result.inventory;
});

/** A store with the template's objects. */
function copy(name: string): MemoryStore {
  const store = createMemoryStore(name);
  for (const [key, { body }] of template.objects) put(store, key, Buffer.from(body));
  return store;
}
const put = (store: MemoryStore, key: string, body: Buffer) => store.objects.set(key, { body, modifiedAt: new Date() });
const keyOf = (index: number) => segmentKey('orders', inventory.segments[index]!.object);
const diff = (a: MemoryStore, b: MemoryStore, changes: Partial<DiffRequest> = {}) =>
  diffStores({ a, b, database: 'orders', keys, ...changes });
const garbageKey = (digit: string) => segmentKey('orders', digit.repeat(64));

test('two whole copies are equal, garbage beside them is counted and is no difference', async () => {
  const [a, b] = [copy('a'), copy('b')];
  put(b, garbageKey('7'), Buffer.alloc(70));
  const result = await diff(a, b, { deep: true });
  const total = inventory.segments.length;
  expect(result).toMatchObject({
    equal: true,
    backups: { same: 1, onlyA: [], onlyB: [], different: [], refused: [] },
    listed: { both: total, onlyA: 0, onlyB: 1, otherSize: 0 },
    a: { backups: 1, objects: total, bytes: inventory.sealedBytes, garbageObjects: 0, damaged: 0 },
    b: { backups: 1, objects: total, garbageObjects: 1, garbageBytes: 70, damaged: 0 },
    faults: [],
  });
});

test('a backup at one store alone is named', async () => {
  const [a, b] = [copy('a'), copy('b')];
  await writeBackup(writerOptions(keys, [b], { backupId: OTHER_ID }), { 'schema.dump': noise(800, 9) });
  const result = await diff(a, b);
  expect(result).toMatchObject({ equal: false, backups: { same: 1, onlyA: [], onlyB: [OTHER_ID] } });
  expect((await diff(b, a)).backups).toMatchObject({ onlyA: [OTHER_ID], onlyB: [] });
});

test('two manifests of one backup id that differ are named, though each is valid', async () => {
  const [a, b] = [copy('a'), createMemoryStore('b')];
  await writeBackup(writerOptions(keys, [b]), { ...CONTENT, 'schema.dump': noise(700, 4) });
  expect(await diff(a, b)).toMatchObject({ equal: false, backups: { same: 0, different: [BACKUP_ID] } });
});

test('a manifest that cannot be believed is refused, not taken for absent', async () => {
  const [a, b] = [copy('a'), copy('b')];
  const bytes = Buffer.from(b.objects.get(manifestKey('orders', BACKUP_ID))!.body);
  bytes[200]! ^= 1;
  put(b, manifestKey('orders', BACKUP_ID), bytes);
  const result = await diff(a, b);
  expect(result).toMatchObject({ equal: false, backups: { same: 0, onlyA: [], onlyB: [] } });
  expect(result.backups.refused).toMatchObject([{ store: 'b', backupId: BACKUP_ID }]);
});

test('damage that keeps the size is seen by a deep comparison alone', async () => {
  const [a, b] = [copy('a'), copy('b')];
  const bytes = Buffer.from(b.objects.get(keyOf(3))!.body);
  bytes[bytes.length - 1]! ^= 1;
  put(b, keyOf(3), bytes);
  expect(await diff(a, b)).toMatchObject({ equal: true, b: { damaged: null } });
  const deep = await diff(a, b, { deep: true });
  expect(deep).toMatchObject({ equal: false, a: { damaged: 0 }, b: { damaged: 1, missing: 0 } });
  expect(deep.faults).toEqual([
    { store: 'b', object: inventory.segments[3]!.object, kind: 'damaged', backups: [BACKUP_ID] },
  ]);
  await fillCopy({ sources: [a], target: b, database: 'orders', backupId: BACKUP_ID, keys, heal: true });
  expect((await diff(a, b, { deep: true })).equal).toBe(true);
});

test('whatever is lost, cut or added is counted as a model of sets counts it, however little may be held at once', async () => {
  const total = inventory.segments.length;
  const change = fc.record({ index: fc.nat(total - 1), what: fc.constantFrom('lose', 'cut') });
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 8 }),
      fc.array(change, { maxLength: 8 }),
      fc.array(fc.constantFrom(...'0123456789abcdef'), { maxLength: 4 }),
      fc.constantFrom(1, 3, 7, 1_000),
      async (changesA, changesB, garbage, maxNames) => {
        const sides = (
          [
            ['a', changesA],
            ['b', changesB],
          ] as const
        ).map(([name, changes]) => {
          const store = copy(name);
          const lost = new Set<number>();
          const cut = new Set<number>();
          for (const { index, what } of changes) (what === 'lose' ? lost : cut).add(index);
          for (const index of cut) put(store, keyOf(index), Buffer.alloc(5));
          for (const index of lost) store.objects.delete(keyOf(index));
          return { store, lost, cut: new Set([...cut].filter((index) => !lost.has(index))) };
        });
        for (const digit of garbage) put(sides[0]!.store, garbageKey(digit), Buffer.alloc(9));
        const result = await diff(sides[0]!.store, sides[1]!.store, { maxNames });
        for (const [index, figures] of [result.a, result.b].entries()) {
          const { lost, cut } = sides[index]!;
          expect(figures).toMatchObject({
            missing: lost.size,
            wrongSize: cut.size,
            objects: total - lost.size - cut.size,
            garbageObjects: index === 0 ? new Set(garbage).size : 0,
          });
        }
        const harmed = sides.some(({ lost, cut }) => lost.size + cut.size > 0);
        expect(result.equal).toBe(!harmed);
        const [objectsA, objectsB] = sides.map(
          ({ store }) => new Map([...store.objects].filter(([key]) => key.includes('/segments/'))),
        ) as [MemoryStore['objects'], MemoryStore['objects']];
        const both = [...objectsA.keys()].filter((key) => objectsB.has(key));
        const same = both.filter((key) => objectsA.get(key)!.body.length === objectsB.get(key)!.body.length);
        expect(result.listed).toEqual({
          both: same.length,
          otherSize: both.length - same.length,
          onlyA: objectsA.size - both.length,
          onlyB: objectsB.size - both.length,
        });
        expect(result.faults.every(({ backups }) => backups.length === 1)).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);
