/** What every ObjectStore guarantees, tested against the real thing. Run by one test file for each store. */
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { checkStore } from '../../src/storage/check';
import type { ListOptions, ObjectInfo, ObjectStore, StoreCapabilities } from '../../src/storage/object-store';
import { itWhen } from '../support/when';

export interface ContractSubject {
  /** A second, independent store object over the same place. */
  reopen(): ObjectStore;
  readonly store: ObjectStore;
  /** Bytes from which on the store takes another path (multipart); undefined where there is none. */
  readonly largeFrom?: number;
  /** Unfinished things that the store still holds: temporary files, uploads. Undefined where nobody can look. */
  leftovers?(): Promise<number>;
  /** Objects for the paging test; fewer where each costs. */
  readonly manyObjects: number;
  stop(): Promise<void>;
}

/** What the store is expected to do: known before it is started, so that what does not apply is reported as skipped. */
export interface ContractTraits extends StoreCapabilities {
  /** Whether large objects take another path (`largeFrom`). */
  readonly large: boolean;
}

export function describeObjectStore(
  title: string,
  traits: ContractTraits,
  start: () => Promise<ContractSubject>,
): void {
  const itCreatesOnce = itWhen(traits.createOnly, 'no conditional writes');
  const itChecks = itWhen(traits.serverChecksum, 'no checksum at the server');
  const itCreatesLargeOnce = itWhen(
    traits.createOnly && traits.large,
    traits.large ? 'no conditional writes' : 'large objects are no special case',
  );
  describe(title, () => {
    let subject: ContractSubject;
    let store: ObjectStore;
    let folder: string;
    let counter = 0;

    beforeAll(async () => {
      subject = await start();
      store = subject.store;
    }, 60_000);
    afterAll(async () => {
      await subject?.store.close();
      await subject?.stop();
    }, 60_000);
    // Each test has a folder of its own in the same store.
    beforeEach(() => {
      folder = `contract-${randomBytes(6).toString('hex')}-${counter++}`;
    });

    const keysOf = async (prefix: string, options?: ListOptions) =>
      (await collect(store.list(prefix, options))).map((i) => i.key);

    it('has the capabilities that are expected of it', () => {
      const { createOnly, serverChecksum } = store.capabilities;
      expect({ createOnly, serverChecksum, large: subject.largeFrom !== undefined }).toEqual(traits);
    });

    it('gives back the bytes that were put, with their size and time', async () => {
      const body = randomBytes(100_000);
      const before = Date.now();
      expect(await store.put(`${folder}/a`, body)).toEqual({ created: true });
      expect((await store.get(`${folder}/a`)).equals(body)).toBe(true);
      const info = await store.head(`${folder}/a`);
      expect(info).toMatchObject({ key: `${folder}/a`, bytes: 100_000 });
      expect(Math.abs(info!.modifiedAt.getTime() - before)).toBeLessThan(60_000);
    });

    it('stores an empty object', async () => {
      await store.put(`${folder}/empty`, Buffer.alloc(0), { createOnly: true });
      expect((await store.get(`${folder}/empty`)).length).toBe(0);
      expect((await store.head(`${folder}/empty`))?.bytes).toBe(0);
      expect((await collect(store.list(`${folder}/`)))[0]).toMatchObject({ key: `${folder}/empty`, bytes: 0 });
      expect((await store.get(`${folder}/empty`, { range: { start: 0, end: 10 } })).length).toBe(0);
    });

    it('replaces an object without createOnly', async () => {
      await store.put(`${folder}/a`, Buffer.from('first, longer'));
      expect(await store.put(`${folder}/a`, Buffer.from('second'))).toEqual({ created: true });
      expect((await store.get(`${folder}/a`)).toString()).toBe('second');
    });

    it('refuses to replace an object with createOnly and leaves the first one whole', async () => {
      expect(await store.put(`${folder}/a`, Buffer.from('first'), { createOnly: true })).toEqual({ created: true });
      expect(await store.put(`${folder}/a`, Buffer.from('second'), { createOnly: true })).toEqual({ created: false });
      expect((await store.get(`${folder}/a`)).toString()).toBe('first');
    });

    itCreatesOnce(
      'lets exactly one of fifty racing creators win, and keeps the bytes of that one',
      async () => {
        const other = subject.reopen();
        try {
          const bodies = Array.from({ length: 50 }, (_, i) => Buffer.from(`creator ${i} ${'x'.repeat(i * 100)}`));
          const results = await Promise.all(
            bodies.map((body, i) => (i % 2 ? store : other).put(`${folder}/race`, body, { createOnly: true })),
          );
          const winners = results.flatMap((result, i) => (result.created ? [i] : []));
          expect(winners).toHaveLength(1);
          expect((await store.get(`${folder}/race`)).equals(bodies[winners[0]!]!)).toBe(true);
        } finally {
          await other.close();
        }
      },
      30_000,
    );

    it('accepts the SHA-256 that the caller knows, and stores under it', async () => {
      const body = randomBytes(50_000);
      const sha256 = createHash('sha256').update(body).digest('hex');
      await store.put(`${folder}/${sha256.slice(0, 2)}/${sha256}`, body, { sha256, createOnly: true });
      expect((await store.get(`${folder}/${sha256.slice(0, 2)}/${sha256}`)).equals(body)).toBe(true);
    });

    itChecks(
      'never stores a body that is not the one whose SHA-256 was given, where the server checks it',
      async () => {
        const wrong = createHash('sha256').update('something else').digest('hex');
        const abort = AbortSignal.timeout(1_500);
        await expect(store.put(`${folder}/bad`, randomBytes(1000), { sha256: wrong, signal: abort })).rejects.toThrow();
        expect(await store.head(`${folder}/bad`)).toBeNull();
      },
      20_000,
    );

    it('reads ranges, end exclusive, cut at the end of the object', async () => {
      const body = randomBytes(10_000);
      await store.put(`${folder}/a`, body);
      const read = (start: number, end: number) => store.get(`${folder}/a`, { range: { start, end } });
      await fc.assert(
        fc.asyncProperty(fc.nat(12_000), fc.nat(12_000), async (a, b) => {
          const [start, end] = [Math.min(a, b), Math.max(a, b)];
          expect((await read(start, end)).equals(body.subarray(start, end))).toBe(true);
        }),
        {
          numRuns: 25,
          examples: [
            [0, 1],
            [0, 10_000],
            [9_999, 10_000],
            [10_000, 10_001],
            [5, 5],
          ],
        },
      );
    }, 20_000);

    it('says STORE_OBJECT_MISSING for an absent object, with and without a range, and null for its head', async () => {
      await expect(store.get(`${folder}/none`)).rejects.toMatchObject({
        code: 'STORE_OBJECT_MISSING',
        retryable: false,
      });
      await expect(store.get(`${folder}/none`, { range: { start: 0, end: 5 } })).rejects.toMatchObject({
        code: 'STORE_OBJECT_MISSING',
      });
      await expect(store.get(`${folder}/none`, { range: { start: 5, end: 5 } })).rejects.toMatchObject({
        code: 'STORE_OBJECT_MISSING',
      });
      expect(await store.head(`${folder}/none`)).toBeNull();
    });

    it('lists in byte order by plain string prefix', async () => {
      const names = [
        'a',
        'a-b',
        'a.b',
        'b/x',
        'b/x.1',
        'b0',
        'c/d/e',
        'c/d/e2',
        'c/d-e',
        'B',
        'Z/z',
        '_',
        '0',
        '=',
        'b=/y',
      ];
      await Promise.all(names.map((name) => store.put(`${folder}/${name}`, Buffer.from(name))));
      const sorted = names.map((name) => `${folder}/${name}`).sort();
      expect(await keysOf(`${folder}/`)).toEqual(sorted);
      expect(await keysOf(folder)).toEqual(sorted);
      for (const prefix of ['a', 'b', 'b/', 'b/x', 'c/d', 'c/d/e', 'c/d/', 'zz', 'a/'])
        expect(await keysOf(`${folder}/${prefix}`)).toEqual(
          sorted.filter((key) => key.startsWith(`${folder}/${prefix}`)),
        );
      for (const after of sorted)
        expect(await keysOf(`${folder}/`, { after })).toEqual(sorted.filter((key) => key > after));
      expect(await keysOf(`${folder}/`, { after: `${folder}/b/wherever` })).toEqual(
        sorted.filter((key) => key > `${folder}/b/wherever`),
      );
    }, 30_000);

    it('lists more than one page without a gap, and stops early when asked', async () => {
      const count = subject.manyObjects;
      const names = Array.from(
        { length: count },
        (_, i) => `${folder}/${(i % 16).toString(16)}/${String(i).padStart(5, '0')}`,
      );
      for (let at = 0; at < count; at += 64)
        await Promise.all(names.slice(at, at + 64).map((key) => store.put(key, Buffer.from('.'))));
      expect(await keysOf(`${folder}/`)).toEqual([...names].sort());
      let seen = 0;
      for await (const { key } of store.list(`${folder}/`)) if (key && ++seen === 5) break;
      expect(seen).toBe(5);
      await store.delete(names);
      expect(await keysOf(`${folder}/`)).toEqual([]);
    }, 120_000);

    it('deletes exactly the keys named, and takes an absent one for deleted', async () => {
      for (const name of ['x', 'x1', 'x/y', 'z'].filter((name) => name !== 'x/y'))
        await store.put(`${folder}/${name}`, Buffer.from(name));
      await store.delete([`${folder}/x`, `${folder}/absent`, `${folder}/absent/deeper`]);
      expect(await keysOf(`${folder}/`)).toEqual([`${folder}/x1`, `${folder}/z`]);
      await store.delete([`${folder}/x`]);
      await store.delete([]);
      await store.delete([`${folder}/x1`, `${folder}/z`]);
      expect(await keysOf(`${folder}/`)).toEqual([]);
    });

    it('stores under a folder again after its last object was deleted, also at the same time', async () => {
      for (let round = 0; round < 10; round++) {
        await store.put(`${folder}/deep/er/a`, Buffer.from('a'));
        await Promise.all([
          store.delete([`${folder}/deep/er/a`]),
          store.put(`${folder}/deep/er/b${round}`, Buffer.from('b'), { createOnly: true }),
        ]);
        expect(await store.head(`${folder}/deep/er/b${round}`)).not.toBeNull();
        await store.delete([`${folder}/deep/er/b${round}`]);
      }
    }, 30_000);

    it('takes every character of the key alphabet and a long key', async () => {
      const keys = [
        `${folder}/AZaz09._=-`,
        `${folder}/...`,
        `${folder}/a..b/.c`,
        `${folder}/${'k'.repeat(200)}/${'m'.repeat(200)}`,
      ];
      for (const key of keys) {
        await store.put(key, Buffer.from(key));
        expect((await store.get(key)).toString()).toBe(key);
      }
      expect(await keysOf(`${folder}/`)).toEqual([...keys].sort());
    });

    it.each([
      '',
      '/',
      'a//b',
      '/a',
      'a/',
      '../a',
      'a/../b',
      'a/..',
      './a',
      'a/./b',
      'a b',
      'a\\b',
      'ä',
      'a\0b',
      'a?b',
      'a%2e',
      'x'.repeat(2000),
    ])('refuses an invalid key everywhere (%#)', async (key) => {
      const invalid = { code: 'STORE_KEY_INVALID' };
      await expect(async () => store.put(key, Buffer.from('x'))).rejects.toMatchObject(invalid);
      await expect(async () => store.get(key)).rejects.toMatchObject(invalid);
      await expect(async () => store.head(key)).rejects.toMatchObject(invalid);
      await expect(async () => store.delete([key])).rejects.toMatchObject(invalid);
    });

    it('stores a large object whole, once, and refuses to replace it', async () => {
      const body = randomBytes(1024 * 1024);
      const large = Buffer.concat(
        Array.from({ length: Math.ceil(((subject.largeFrom ?? 0) + 1) / body.length) + 11 }, () => body),
      );
      const key = `${folder}/large`;
      expect(await store.put(key, large, { createOnly: true })).toEqual({ created: true });
      expect((await store.get(key)).equals(large)).toBe(true);
      expect((await store.head(key))?.bytes).toBe(large.length);
      expect(
        (await store.get(key, { range: { start: large.length - 7, end: large.length } })).equals(large.subarray(-7)),
      ).toBe(true);
      expect(await store.put(key, large, { createOnly: true })).toEqual({ created: false });
      expect(await store.put(key, large)).toEqual({ created: true });
      if (subject.leftovers) expect(await subject.leftovers()).toBe(0);
    }, 60_000);

    itCreatesLargeOnce(
      'lets exactly one of several racing creators of a large object win',
      async () => {
        const bodies = Array.from({ length: 4 }, (_, i) => Buffer.alloc(subject.largeFrom! + 1000 + i, i + 1));
        const results = await Promise.all(
          bodies.map((body) => store.put(`${folder}/race`, body, { createOnly: true })),
        );
        const winners = results.flatMap((result, i) => (result.created ? [i] : []));
        expect(winners).toHaveLength(1);
        expect((await store.get(`${folder}/race`)).equals(bodies[winners[0]!]!)).toBe(true);
        if (subject.leftovers) expect(await subject.leftovers()).toBe(0);
      },
      60_000,
    );

    it('leaves nothing when a put is aborted half-way', async () => {
      const body = Buffer.alloc((subject.largeFrom ?? 16 * 1024 * 1024) + 12 * 1024 * 1024, 7);
      let stored = 0;
      for (const delay of [0, 3, 10, 25]) {
        const controller = new AbortController();
        const reason = new Error('the operator cancelled');
        const timer = setTimeout(() => controller.abort(reason), delay);
        const key = `${folder}/aborted-${delay}`;
        const outcome = await store.put(key, body, { signal: controller.signal }).catch((error: unknown) => error);
        clearTimeout(timer);
        if (outcome === reason) {
          // Whole or not at all: an answer may have been lost to the abort.
          const info = await store.head(key);
          if (info !== null) expect(info.bytes).toBe(body.length);
        } else {
          expect(outcome).toEqual({ created: true });
          stored++;
        }
      }
      expect(stored).toBeLessThan(4);
      if (subject.leftovers) await eventually(async () => expect(await subject.leftovers!()).toBe(0));
    }, 60_000);

    it('rejects every call with the reason of a signal that was aborted before', async () => {
      const reason = new Error('stopped');
      const options = { signal: AbortSignal.abort(reason) };
      const key = `${folder}/never`;
      await expect(store.put(key, Buffer.from('x'), options)).rejects.toBe(reason);
      await expect(store.get(key, options)).rejects.toBe(reason);
      await expect(store.head(key, options)).rejects.toBe(reason);
      await expect(store.delete([key], options)).rejects.toBe(reason);
      await expect(collect(store.list(folder, options))).rejects.toBe(reason);
      expect(await store.head(key)).toBeNull();
    });

    it('passes its own check, which leaves no canary', async () => {
      const check = await checkStore(store);
      expect(check.steps.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
      expect(check).toMatchObject({ ok: true, store: store.name, kind: store.kind });
      expect(await keysOf('.holdfast-canary/')).toEqual([]);
    });
  });
}

async function collect(list: AsyncIterable<ObjectInfo>): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of list) found.push(info);
  return found;
}

/** Repeats an assertion until it holds; the last failure stands after five seconds. */
async function eventually(assertion: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
