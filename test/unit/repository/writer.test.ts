import fc from 'fast-check';
import { repositoryError } from '../../../src/errors/repository';
import { findCommitted } from '../../../src/repository/commit';
import { manifestKey } from '../../../src/repository/layout';
import { openBackup } from '../../../src/repository/reader';
import type { RepositoryKeys } from '../../../src/repository/types';
import { createBackupWriter } from '../../../src/repository/writer';
import { createMemoryStore, type MemoryStore } from '../../support/memory-store';
import {
  BACKUP_ID,
  makeKeys,
  memoryJournal,
  noise,
  readAll,
  summaryFor,
  writeBackup,
  writeFiles,
  writerOptions,
} from '../../support/repository';

/** At least what an age header, a nonce, a tag and a frame add to a small piece. */
jest.setTimeout(60_000); // Many rounds, on a machine that may be busy.

const SEALING_BYTES = 700;
const NEXT_ID = '20261121T102530Z-incremental-5e6f7a8b';
const CONTENT = {
  'schema.dump': noise(5000),
  'data/1/0.copy': noise(3000, 2),
  'data/2/0.copy': Buffer.alloc(4096, 'x'),
};

let keys: RepositoryKeys;
beforeAll(async () => {
  keys = await makeKeys();
});

const segmentPuts = (store: MemoryStore) =>
  store.calls.filter((call) => call.operation === 'put' && call.key.includes('/segments/')).length;
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};
/** Holds back every matching call of the store until it is released. */
function gate(store: MemoryStore, match: (key: string) => boolean): () => void {
  let release = () => {};
  const opened = new Promise<void>((resolve) => (release = resolve));
  store.before = async (operation, key, signal) => {
    if (operation !== 'put' || !match(key)) return;
    await Promise.race([
      opened,
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
    ]);
  };
  return release;
}
const down = async () => {
  throw repositoryError('REPO_COPY_INCOMPLETE', 'connection refused');
};

describe('writing', () => {
  it('round-trips files of all sizes around the segment size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(0, 1, 1023, 1024, 1025, 2047, 2048, 5000), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 3000 }),
        async (sizes, chunk) => {
          const store = createMemoryStore('a');
          const content = Object.fromEntries(sizes.map((bytes, index) => [`f/${index}`, noise(bytes, index + 1)]));
          await writeBackup(writerOptions(keys, [store]), content, chunk);
          const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
          for (const [path, bytes] of Object.entries(content)) {
            expect((await readAll(reader.readFile(path))).equals(bytes)).toBe(true);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('lists segments in the order of first use, whichever was stored first', async () => {
    const store = createMemoryStore('a');
    let turn = 0;
    store.before = async (operation) => {
      if (operation === 'put' && turn++ % 2 === 0) for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    };
    const { result } = await writeBackup(writerOptions(keys, [store]), CONTENT);
    const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
    const used = reader.manifest.body.files.flatMap((file) => file.segments);
    expect([...new Set(used)]).toEqual(result.inventory.segments.map((_, index) => index));
  });

  it('stores equal pieces once', async () => {
    const store = createMemoryStore('a');
    const { result, writer } = await writeBackup(writerOptions(keys, [store]), {
      'schema.dump': noise(10),
      'data/1': Buffer.alloc(10_240, 'x'),
    });
    expect(result.inventory.segments).toHaveLength(2);
    expect(writer.counters).toMatchObject({ segments: 2, plainBytes: 10_250 });
  });

  it('refuses unsafe paths, a path twice, files that were not ended and summaries that do not fit', async () => {
    const store = createMemoryStore('a');
    const open = async () => createBackupWriter(writerOptions(keys, [store]));
    const writer = await open();
    for (const path of ['/etc/passwd', '../x', 'a/../b', 'a//b', '', 'a b', '.', '-rf']) {
      expect(() => writer.openFile(path)).toThrow(expect.objectContaining({ code: 'REPO_PATH_INVALID' }));
    }
    await writer.openFile('a').write(noise(10));
    expect(() => writer.openFile('a')).toThrow(expect.objectContaining({ code: 'REPO_PATH_INVALID' }));
    await expect(writer.commit(summaryFor({ a: noise(10) }))).rejects.toMatchObject({ code: 'REPO_FILE_NOT_ENDED' });
    const wrong: Record<string, Buffer>[] = [{ a: noise(9) }, {}, { a: noise(10), b: noise(1) }];
    for (const told of wrong) {
      const other = await open();
      await writeFiles(other, { a: noise(10) });
      await expect(other.commit(summaryFor(told))).rejects.toMatchObject({ code: 'REPO_SUMMARY_MISMATCH' });
    }
    expect([...store.objects.keys()].filter((key) => key.includes('manifests'))).toEqual([]);
  });

  it('refuses to start without a signing key', async () => {
    const options = writerOptions({ ...keys, signingKey: null }, [createMemoryStore('a')]);
    await expect(createBackupWriter(options)).rejects.toMatchObject({ code: 'REPO_SIGNING_KEY_ABSENT' });
  });

  it('stops at once when it is cancelled, and writes no manifest', async () => {
    const store = createMemoryStore('a');
    const cancel = new AbortController();
    gate(store, () => true);
    const writer = await createBackupWriter(writerOptions(keys, [store], { signal: cancel.signal }));
    const writing = writeFiles(writer, { 'schema.dump': noise(50_000) });
    await until(() => segmentPuts(store) > 0);
    cancel.abort(new Error('cancelled by a test'));
    await expect(writing).rejects.toThrow('cancelled by a test');
    await expect(writer.commit(summaryFor({}))).rejects.toThrow('cancelled by a test');
    await writer.abort();
    expect([...store.objects.keys()]).toEqual([]);
  });
});

describe('memory', () => {
  it('is bounded: however much is offered, no more than the segments in flight are under way', async () => {
    const store = createMemoryStore('a');
    const release = gate(store, () => true);
    const writer = await createBackupWriter(writerOptions(keys, [store], { inFlight: 3 }));
    const paths = ['a', 'b', 'c', 'd'];
    const writing = Promise.all(
      paths.map((path, index) => writeFiles(writer, { [path]: noise(20_480, index + 1) }, 1024)),
    );
    await until(() => segmentPuts(store) === 3);
    for (let i = 0; i < 200; i++) await new Promise(setImmediate);
    // Three under way, and at most one full segment in the hands of each of the four writers.
    expect(segmentPuts(store)).toBe(3);
    expect(writer.counters.plainBytes).toBeLessThanOrEqual((3 + 4) * 1024);
    release();
    await writing;
    const content = Object.fromEntries(paths.map((path, index) => [path, noise(20_480, index + 1)]));
    expect((await writer.commit(summaryFor(content))).inventory.plainBytes).toBe(4 * 20_480);
  });
});

describe('memory, with pieces of every size at a slow store', () => {
  it('never holds more than the budget', async () => {
    const SEGMENT = 1024;
    const inFlight = 3;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 1, max: 5 * SEGMENT }), { minLength: 1, maxLength: 12 }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.infiniteStream(fc.nat(6)),
        async (readers, pauses) => {
          const store = createMemoryStore('a');
          const stored = { underWay: 0, held: 0, peak: 0 };
          const take = store.put.bind(store);
          store.put = async (key, body, options) => {
            // Noise does not shrink, so the sealed bytes tell how large the piece was; small ones count an eighth.
            const share = Math.max(SEGMENT / 8, Math.min(SEGMENT, body.length - SEALING_BYTES));
            stored.held += share;
            stored.peak = Math.max(stored.peak, stored.held);
            for (let turns = pauses.next().value; turns > 0; turns--) await new Promise(setImmediate);
            const result = await take(key, body, options);
            stored.held -= share;
            return result;
          };
          const writer = await createBackupWriter(writerOptions(keys, [store], { inFlight, segmentBytes: SEGMENT }));
          const content: Record<string, Buffer> = {};
          await Promise.all(
            readers.map(async (sizes, reader) => {
              for (const [index, bytes] of sizes.entries()) {
                const path = `${reader}/${index}`;
                content[path] = noise(bytes, 100 * reader + index + 1);
                await writeFiles(writer, { [path]: content[path] }, 300);
              }
            }),
          );
          const { inventory } = await writer.commit(summaryFor(content));
          expect(stored.peak).toBeLessThanOrEqual(inFlight * SEGMENT);
          expect(inventory.plainBytes).toBe(readers.flat().reduce((sum, bytes) => sum + bytes, 0));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('a store that fails or lags', () => {
  it('is left behind when it fails, and the others go on', async () => {
    const [good, bad] = [createMemoryStore('good'), createMemoryStore('bad')];
    let puts = 0;
    bad.before = async (operation) => {
      if (operation === 'put' && ++puts > 3) await down();
    };
    const { result } = await writeBackup(writerOptions(keys, [bad, good]), CONTENT);
    expect(result.stores).toEqual([
      { store: 'bad', state: 'behind', error: expect.objectContaining({ code: 'REPO_COPY_INCOMPLETE' }) },
      { store: 'good', state: 'committed', error: null },
    ]);
    expect(bad.objects.has(manifestKey('orders', BACKUP_ID))).toBe(false);
  });

  it('is left behind when it lags too far for too long, and does not slow the others', async () => {
    const [fast, slow] = [createMemoryStore('fast'), createMemoryStore('slow')];
    gate(slow, () => true);
    const options = writerOptions(keys, [slow, fast], { inFlight: 4, maxLagSegments: 2, lagGraceMs: 30 });
    const { result } = await writeBackup(options, { 'schema.dump': noise(40_000) });
    expect(result.stores).toMatchObject([
      { store: 'slow', state: 'behind', error: { code: 'REPO_STORE_LAGGED' } },
      { store: 'fast', state: 'committed' },
    ]);
  });

  it('is left behind when it hangs at whatever step, and holds up the others no longer than the grace', async () => {
    const [good, hanging] = [createMemoryStore('good'), createMemoryStore('hanging')];
    const { result: first } = await writeBackup(writerOptions(keys, [good, hanging]), CONTENT);
    const base = { inventory: first.inventory, stores: ['good', 'hanging'] };
    const steps = ['list', 'get', 'head', 'put'] as const;
    for (const [index, hangs] of [...steps.map((step) => [step]), [...steps]].entries()) {
      // Whatever only reads ignores the signal, too.
      hanging.before = async (operation, _key, signal) => {
        if (!(hangs as string[]).includes(operation)) return;
        await new Promise((_, reject) => {
          if (operation === 'put') signal?.addEventListener('abort', () => reject(signal.reason as Error));
        });
      };
      const backupId = `20261122T10253${index}Z-incremental-5e6f7a8b`;
      const options = writerOptions(keys, [hanging, good], {
        backupId,
        type: 'incremental',
        base,
        lagGraceMs: 20,
        answerGraceMs: 40,
      });
      const started = performance.now();
      const { result } = await writeBackup(options, { ...CONTENT, 'data/3': noise(300, 50 + index) });
      expect(result.stores[1]).toMatchObject({ store: 'good', state: 'committed' });
      if (hangs.some((step) => step !== 'list')) expect(result.stores[0]).toMatchObject({ state: 'behind' });
      expect(performance.now() - started).toBeLessThan(20_000);
    }
  });

  it('is waited for when it is the only one', async () => {
    const store = createMemoryStore('only');
    const release = gate(store, () => true);
    const writing = writeBackup(writerOptions(keys, [store], { inFlight: 2, lagGraceMs: 5 }), CONTENT);
    setTimeout(release, 60);
    expect((await writing).result.stores).toMatchObject([{ state: 'committed' }]);
  });

  it('ends the run when no store is left, naming each cause', async () => {
    const stores = [createMemoryStore('a'), createMemoryStore('b')];
    for (const store of stores) store.before = down;
    const written = writeBackup(writerOptions(keys, stores), CONTENT);
    await expect(written).rejects.toMatchObject({ code: 'REPO_NO_STORE_LEFT', retryable: true });
    await expect(written).rejects.toThrow(/a: connection refused.*b: connection refused/);
  });
});

describe('reuse', () => {
  it('uploads nothing for what a base holds', async () => {
    const store = createMemoryStore('a');
    const { result } = await writeBackup(writerOptions(keys, [store]), CONTENT);
    const before = segmentPuts(store);
    const base = { inventory: result.inventory, stores: ['a'] };
    const again = await writeBackup(
      writerOptions(keys, [store], { backupId: NEXT_ID, type: 'incremental', base }),
      CONTENT,
    );
    expect(segmentPuts(store)).toBe(before);
    expect(again.writer.counters).toMatchObject({ uploadedBytes: 0, reusedBytes: result.inventory.sealedBytes });
    expect(again.result.inventory).toMatchObject({ basedOn: BACKUP_ID, type: 'incremental' });
    const reader = await openBackup({ store, database: 'orders', backupId: NEXT_ID, keys });
    expect((await readAll(reader.readFile('schema.dump'))).equals(CONTENT['schema.dump'])).toBe(true);
  });

  it('believes what the store lists, not what the base says', async () => {
    const store = createMemoryStore('a');
    const { result } = await writeBackup(writerOptions(keys, [store]), CONTENT);
    for (const key of store.objects.keys()) if (key.includes('/segments/')) store.objects.delete(key);
    const base = { inventory: result.inventory, stores: ['a'] };
    const again = await writeBackup(
      writerOptions(keys, [store], { backupId: NEXT_ID, type: 'incremental', base }),
      CONTENT,
    );
    expect(again.writer.counters.reusedBytes).toBe(0);
    expect(again.result.stores).toMatchObject([{ state: 'committed' }]);
  });

  it('takes nothing that only a store that is down is said to have', async () => {
    const [a, b] = [createMemoryStore('a'), createMemoryStore('b')];
    const { result } = await writeBackup(writerOptions(keys, [a]), CONTENT);
    const base = { inventory: result.inventory, stores: ['a'] };
    a.before = down;
    const options = writerOptions(keys, [a, b], { backupId: NEXT_ID, type: 'incremental', base });
    const again = await writeBackup(options, CONTENT);
    expect(again.writer.counters.reusedBytes).toBe(0);
    expect(again.result.stores).toMatchObject([
      { store: 'a', state: 'behind' },
      { store: 'b', state: 'committed' },
    ]);
    const reader = await openBackup({ store: b, database: 'orders', backupId: NEXT_ID, keys });
    expect((await readAll(reader.readFile('schema.dump'))).equals(CONTENT['schema.dump'])).toBe(true);
  });

  it('uploads by the next attempt what a store had that went down before the commit', async () => {
    const [a, b] = [createMemoryStore('a'), createMemoryStore('b')];
    const { result } = await writeBackup(writerOptions(keys, [a]), CONTENT);
    const base = { inventory: result.inventory, stores: ['a'] };
    const options = writerOptions(keys, [a, b], { backupId: NEXT_ID, type: 'incremental', base });
    const writer = await createBackupWriter(options);
    await writeFiles(writer, CONTENT);
    a.before = down;
    await expect(writer.commit(summaryFor(CONTENT))).rejects.toMatchObject({ code: 'REPO_REUSE_LOST' });
    expect((await writeBackup(options, CONTENT)).result.stores).toMatchObject([
      { store: 'a', state: 'behind' },
      { store: 'b', state: 'committed' },
    ]);
  });

  it('leaves a store behind that lacks what another has', async () => {
    const [a, b] = [createMemoryStore('a'), createMemoryStore('b')];
    const { result } = await writeBackup(writerOptions(keys, [a]), CONTENT);
    const base = { inventory: result.inventory, stores: ['a'] };
    const options = writerOptions(keys, [b, a], { backupId: NEXT_ID, type: 'incremental', base });
    const again = await writeBackup(options, { ...CONTENT, 'data/3/0.copy': noise(2000, 7) });
    expect(again.result.stores).toMatchObject([
      { store: 'b', state: 'behind', error: { code: 'REPO_COPY_INCOMPLETE' } },
      { store: 'a', state: 'committed' },
    ]);
  });

  it('that vanishes under way fails the commit, and the next attempt uploads it', async () => {
    const store = createMemoryStore('a');
    const { result } = await writeBackup(writerOptions(keys, [store]), CONTENT);
    const options = writerOptions(keys, [store], {
      backupId: NEXT_ID,
      type: 'incremental',
      base: { inventory: result.inventory, stores: ['a'] },
    });
    const writer = await createBackupWriter(options);
    await writeFiles(writer, CONTENT);
    for (const key of store.objects.keys()) if (key.includes('/segments/')) store.objects.delete(key);
    await expect(writer.commit(summaryFor(CONTENT))).rejects.toMatchObject({
      code: 'REPO_REUSE_LOST',
      retryable: true,
    });
    expect((await writeBackup(options, CONTENT)).result.stores).toMatchObject([{ state: 'committed' }]);
  });

  it('takes nothing that a new recipient could not open', async () => {
    const store = createMemoryStore('a');
    const { result } = await writeBackup(writerOptions(keys, [store]), CONTENT);
    const { recipients } = await makeKeys();
    const rotated = { ...keys, recipients: [...keys.recipients, recipients[0]!] };
    const base = { inventory: result.inventory, stores: ['a'] };
    const again = await writeBackup(
      writerOptions(rotated, [store], { backupId: NEXT_ID, type: 'incremental', base }),
      CONTENT,
    );
    expect(again.writer.counters.reusedBytes).toBe(0);
  });

  it('spares a second attempt what the first one stored', async () => {
    const store = createMemoryStore('a');
    const journal = memoryJournal();
    const first = await createBackupWriter(writerOptions(keys, [store], { journal }));
    await writeFiles(first, { 'schema.dump': CONTENT['schema.dump'] });
    await until(() => journal.entries.length === 5);
    await first.abort();
    const { recipients } = await makeKeys();
    const rotated = { ...keys, recipients: [...keys.recipients, recipients[0]!] };
    const afterRotation = await createBackupWriter(
      writerOptions(rotated, [store], { journal: memoryJournal([...journal.entries]) }),
    );
    await writeFiles(afterRotation, CONTENT);
    await afterRotation.abort();
    expect(afterRotation.counters.reusedSegments).toBe(0);
    const { writer, result } = await writeBackup(writerOptions(keys, [store], { journal }), CONTENT);
    expect(writer.counters.reusedSegments).toBe(5);
    expect(result.stores).toMatchObject([{ state: 'committed' }]);
  });
});

describe('two attempts at one backup', () => {
  async function attempt(stores: readonly MemoryStore[], seed: number) {
    const writer = await createBackupWriter(writerOptions(keys, stores));
    const content = { 'schema.dump': noise(3000, seed) };
    await writeFiles(writer, content);
    return { commit: () => writer.commit(summaryFor(content)) };
  }

  it('that commit one after the other end with one manifest: the second adopts the first', async () => {
    const stores = [createMemoryStore('a'), createMemoryStore('b')];
    const [one, two] = [await attempt(stores, 1), await attempt(stores, 2)];
    const first = await one.commit();
    const second = await two.commit();
    expect(first.adopted).toBe(false);
    expect(second).toMatchObject({ adopted: true, inventory: first.inventory });
    expect(second.stores).toMatchObject([{ state: 'committed' }, { state: 'committed' }]);
  });

  it('that race end with the same bytes at every store, whatever the order of the requests', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { minLength: 24, maxLength: 24 }), async (delays) => {
        const stores = [createMemoryStore('a'), createMemoryStore('b'), createMemoryStore('c')];
        const attempts = [await attempt(stores, 1), await attempt(stores, 2)];
        let call = 0;
        for (const store of stores) {
          store.before = async () => {
            for (let turn = delays[call++ % delays.length]!; turn > 0; turn--) await new Promise(setImmediate);
          };
        }
        const results = await Promise.all(attempts.map((each) => each.commit()));
        const manifests = stores.map((store) =>
          store.objects.get(manifestKey('orders', BACKUP_ID))!.body.toString('hex'),
        );
        expect(new Set(manifests).size).toBe(1);
        expect(results[0]!.inventory).toEqual(results[1]!.inventory);
        expect(results.filter((result) => result.adopted)).toHaveLength(1);
      }),
      { numRuns: 40 },
    );
  });

  it('lets a retry find what an attempt committed that could not report', async () => {
    const [a, b] = [createMemoryStore('a'), createMemoryStore('b')];
    expect(await findCommitted([a, b], keys, 'orders', BACKUP_ID)).toBeNull();
    const { result } = await writeBackup(writerOptions(keys, [b]), CONTENT);
    a.before = down;
    expect(await findCommitted([a, b], keys, 'orders', BACKUP_ID)).toEqual({
      inventory: result.inventory,
      adopted: true,
      stores: [
        {
          store: 'a',
          state: 'behind',
          error: expect.objectContaining({ message: expect.stringContaining('refused') }),
        },
        { store: 'b', state: 'committed', error: null },
      ],
    });
  });

  it('does not adopt a manifest that is damaged or forged, and goes on at another store', async () => {
    const [a, b] = [createMemoryStore('a'), createMemoryStore('b')];
    a.objects.set(manifestKey('orders', BACKUP_ID), { body: noise(500), modifiedAt: new Date() });
    const { result } = await writeBackup(writerOptions(keys, [a, b]), CONTENT);
    expect(result).toMatchObject({
      adopted: false,
      stores: [{ state: 'behind', error: { code: 'REPO_MANIFEST_DAMAGED' } }, { state: 'committed' }],
    });
  });

  it('works at a store without create-only writes, and does not replace what is there', async () => {
    const store = createMemoryStore('a', { createOnly: false, serverChecksum: false });
    const [one, two] = [await attempt([store], 1), await attempt([store], 2)];
    const first = await one.commit();
    expect(await two.commit()).toMatchObject({ adopted: true, inventory: first.inventory });
  });
});
