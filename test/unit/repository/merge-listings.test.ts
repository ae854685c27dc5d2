import fc from 'fast-check';
import { mergeListings } from '../../../src/repository/merge-listings';
import type { ObjectInfo } from '../../../src/storage/object-store';

const modifiedAt = new Date(0);

async function* listing(entries: readonly (readonly [string, number])[], count?: { ahead: number }) {
  for (const [key, bytes] of entries) {
    if (count) count.ahead += 1;
    yield { key, bytes, modifiedAt } satisfies ObjectInfo;
  }
}

/** Keys in byte order, each once. */
const side = fc
  .dictionary(fc.stringMatching(/^[a-d.0_-]{1,4}$/), fc.nat(3), { maxKeys: 30 })
  .map((entries) => Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));

test('a merge says of each key what a pair of sets says', async () => {
  await fc.assert(
    fc.asyncProperty(side, side, async (a, b) => {
      const merged: [string, number | null, number | null][] = [];
      for await (const { key, a: here, b: there } of mergeListings(listing(a), listing(b)))
        merged.push([key, here?.bytes ?? null, there?.bytes ?? null]);
      const [inA, inB] = [new Map(a), new Map(b)];
      const keys = [...new Set([...inA.keys(), ...inB.keys()])].sort();
      expect(merged).toEqual(keys.map((key) => [key, inA.get(key) ?? null, inB.get(key) ?? null]));
    }),
  );
});

test('no more than one entry of a listing is taken ahead of what was handed on', async () => {
  const entries = Array.from({ length: 50 }, (_, index) => [`k${String(index).padStart(3, '0')}`, 1] as const);
  const [a, b] = [{ ahead: 0 }, { ahead: 0 }];
  let seen = 0;
  for await (const { key } of mergeListings(listing(entries, a), listing(entries, b))) {
    expect(key).toBe(entries[seen]![0]);
    seen += 1;
    expect(Math.max(a.ahead, b.ahead)).toBeLessThanOrEqual(seen);
  }
  expect(seen).toBe(50);
});

test('a listing that is out of order, or names a key twice, is refused', async () => {
  for (const bad of [
    [
      ['b', 1],
      ['a', 1],
    ],
    [
      ['a', 1],
      ['a', 1],
    ],
  ] as const) {
    const all = async () => {
      for await (const { key } of mergeListings(listing(bad), listing([]))) expect(key).toBeDefined();
    };
    await expect(all()).rejects.toMatchObject({ code: 'REPO_LISTING_DISORDERED' });
  }
});

test('both listings are closed when the reader stops early', async () => {
  let closed = 0;
  async function* endless(): AsyncGenerator<ObjectInfo> {
    try {
      for (let index = 0; ; index++) yield { key: `k${String(index).padStart(9, '0')}`, bytes: 1, modifiedAt };
    } finally {
      closed += 1;
    }
  }
  for await (const { key } of mergeListings(endless(), endless())) if (key === 'k000000003') break;
  expect(closed).toBe(2);
});
