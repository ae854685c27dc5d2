import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { FULL_PACE, type Pace } from '../../../src/domain/pace';
import { createGovernor } from '../../../src/load/create-governor';
import type { Governor } from '../../../src/load/governor';
import type { RepositoryKeys } from '../../../src/repository/types';
import { createBackupWriter } from '../../../src/repository/writer';
import { createMemoryStore, type MemoryStore } from '../../support/memory-store';
import {
  makeKeys,
  memoryJournal,
  noise,
  summaryFor,
  writeBackup,
  writeFiles,
  writerOptions,
} from '../../support/repository';

let keys: RepositoryKeys;
beforeAll(async () => void (keys = await makeKeys()));

const pace = (sequence: number, changes: Partial<Pace>): Pace => ({ ...FULL_PACE, ...changes, sequence });
const isSegment = (key: string) => key.includes('/segments/');

/** Counts the segments on their way to a store; each waits until `go` lets it end. */
function slowStore(name: string, go: () => Promise<unknown>, begun: () => void = () => undefined) {
  const store = createMemoryStore(name);
  const state = { inside: 0, most: 0 };
  store.before = async (operation, key, signal) => {
    if (operation !== 'put' || !isSegment(key)) return;
    state.inside += 1;
    state.most = Math.max(state.most, state.inside);
    begun();
    try {
      await go();
      signal?.throwIfAborted();
    } finally {
      state.inside -= 1;
    }
  };
  return { store, state };
}

const segments = (store: MemoryStore) => [...store.objects.keys()].filter(isSegment).length;

test('no more segments are on their way to a store than the pace has uploads, and a wider pace counts at once', async () => {
  const governor = createGovernor({ pace: pace(1, { uploads: 1 }) });
  const slow = slowStore('slow', () => delay(2));
  const other = slowStore('other', () => delay(1));
  const options = writerOptions(keys, [slow.store, other.store], { gate: governor, inFlight: 4 });
  const writer = await createBackupWriter(options);
  const content = { 'schema.dump': noise(20_000), 'data/1': noise(20_000, 2) };
  await writeFiles(writer, { 'schema.dump': content['schema.dump'] });
  expect([slow.state.most, other.state.most]).toEqual([1, 1]);
  governor.apply(pace(2, {}));
  await writeFiles(writer, { 'data/1': content['data/1'] });
  const { stores } = await writer.commit(summaryFor(content));
  expect(stores).toMatchObject([{ state: 'committed' }, { state: 'committed' }]);
  expect(slow.state.most).toBeGreaterThan(1);
});

test('in a pause what is on its way ends and nothing else begins; afterwards the backup ends well', async () => {
  const governor = createGovernor();
  let open = () => undefined as void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const { store, state } = slowStore('only', () => gate);
  const content = { 'schema.dump': noise(30_000) };
  const writing = writeBackup(writerOptions(keys, [store], { gate: governor, inFlight: 4 }), content);
  while (state.inside === 0) await turn();
  governor.apply(pace(1, { paused: true }));
  const running = state.inside;
  open();
  while (state.inside > 0) await turn();
  const stored = segments(store);
  expect(stored).toBe(running);
  await delay(50);
  expect(segments(store)).toBe(stored);
  governor.apply(pace(2, { paused: false }));
  expect((await writing).result.stores).toMatchObject([{ state: 'committed' }]);
});

test('a store that owes segments because of a pause is not left behind', async () => {
  const governor = createGovernor();
  let release = () => undefined as void;
  const held = new Promise<void>((resolve) => (release = resolve));
  const fast = slowStore('fast', () => Promise.resolve());
  const slow = slowStore('slow', () => held);
  const options = writerOptions(keys, [slow.store, fast.store], {
    gate: governor,
    inFlight: 4,
    maxLagSegments: 1,
    lagGraceMs: 1_000,
  });
  const writing = writeBackup(options, { 'schema.dump': noise(30_000) });
  // It owes more than it may, and a reader waits for it: without the pause its time would be running out.
  while (segments(fast.store) < 4) await turn();
  governor.apply(pace(1, { paused: true }));
  await delay(1_500);
  governor.apply(pace(2, { paused: false }));
  release();
  expect((await writing).result.stores).toMatchObject([{ state: 'committed' }, { state: 'committed' }]);
});

test('a store that hangs is left behind under a limit of uploads too, later', async () => {
  const governor = createGovernor({ pace: pace(1, { uploads: 2 }) });
  const fast = slowStore('fast', () => Promise.resolve());
  const hanging = createMemoryStore('hanging');
  hanging.before = (operation, key, signal) =>
    operation === 'put' && isSegment(key)
      ? new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
      : Promise.resolve();
  const options = writerOptions(keys, [hanging, fast.store], { gate: governor, maxLagSegments: 2, lagGraceMs: 30 });
  const { result } = await writeBackup(options, { 'schema.dump': noise(40_000) });
  expect(result.stores).toMatchObject([
    { store: 'hanging', state: 'behind', error: { code: 'REPO_STORE_LAGGED' } },
    { store: 'fast', state: 'committed' },
  ]);
});

test('a writer that is given up in a pause ends at once, whoever waits', async () => {
  const governor = createGovernor({ pace: pace(1, { paused: true }) });
  const store = createMemoryStore('only');
  const cancel = new AbortController();
  const options = writerOptions(keys, [store], { gate: governor, inFlight: 2, signal: cancel.signal });
  const writer = await createBackupWriter(options);
  const writing = writeFiles(writer, { 'schema.dump': noise(30_000) });
  const failed = expect(writing).rejects.toThrow('no longer wanted');
  await delay(20);
  cancel.abort(new Error('no longer wanted'));
  await failed;
  await writer.abort();
  expect(segments(store)).toBe(0);
});

test('a writer that is given up with a grace stores what it took and takes nothing more; it waits for none that may not begin', async () => {
  const { store, state } = slowStore('only', () => delay(20));
  const journal = memoryJournal();
  const writer = await createBackupWriter(writerOptions(keys, [store], { inFlight: 4, journal }));
  const writing = writeFiles(writer, { 'schema.dump': noise(30_000) });
  const failed = expect(writing).rejects.toMatchObject({ code: 'REPO_WRITER_CLOSED' });
  while (state.inside === 0) await turn();
  const running = state.inside;
  await writer.abort({ graceMs: 20_000 });
  await failed;
  expect(segments(store)).toBeGreaterThanOrEqual(running);
  expect(journal.entries).toHaveLength(segments(store));

  const held = createMemoryStore('held');
  const governor = createGovernor({ pace: pace(1, { paused: true }) });
  const second = await createBackupWriter(writerOptions(keys, [held], { gate: governor, inFlight: 2 }));
  const waiting = expect(writeFiles(second, { 'schema.dump': noise(30_000) })).rejects.toMatchObject({
    code: 'REPO_WRITER_CLOSED',
  });
  await delay(20);
  await second.abort({ graceMs: 50 });
  await waiting;
  expect(segments(held)).toBe(0);
});

test('whatever the paces on the way, no upload begins beyond them, and every store has the whole backup in the end', async () => {
  const change = fc.record({
    uploads: fc.option(fc.integer({ min: 1, max: 4 })),
    paused: fc.boolean(),
    turns: fc.integer({ min: 1, max: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      async (changes, slowness) => {
        const governor: Governor = createGovernor();
        const wrong: string[] = [];
        const made = ['a', 'b'].map((name, index) => {
          const one = slowStore(
            name,
            async () => {
              for (let left = slowness * (index + 1); left > 0; left -= 1) await turn();
            },
            () => {
              const { uploads, paused } = governor.pace;
              if (paused || one.state.inside > (uploads ?? Infinity)) wrong.push(`${name}: ${one.state.inside}`);
            },
          );
          return one;
        });
        const stores = made.map(({ store }) => store);
        const writing = writeBackup(writerOptions(keys, stores, { gate: governor, inFlight: 4 }), {
          'schema.dump': noise(12_000),
          'data/1': noise(12_000, 7),
        });
        let sequence = 0;
        for (const { uploads, paused, turns } of changes) {
          governor.apply(pace((sequence += 1), { uploads, paused }));
          for (let left = turns; left > 0; left -= 1) await turn();
        }
        governor.apply(pace(sequence + 1, {}));
        const { result } = await writing;
        expect(result.stores).toMatchObject([{ state: 'committed' }, { state: 'committed' }]);
        expect(wrong).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);
