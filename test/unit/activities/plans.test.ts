import { chooseBase, rotate } from '../../../src/activities/admit';
import { orderReadable } from '../../../src/activities/copies';
import { createProgressMeter } from '../../../src/activities/dump-progress';
import { createCatalogJournal } from '../../../src/activities/journal';
import type { BackupJob, CopyRow } from '../../../src/catalog/types';
import { createGovernor } from '../../../src/load/create-governor';

const at = (hour: number) => new Date(Date.UTC(2026, 10, 21, hour));
const job = (backupId: string, hour: number, changes: Partial<BackupJob> = {}): BackupJob =>
  ({ backupId, backupType: 'full', startedAt: at(hour), tombstonedAt: null, deletedAt: null, ...changes }) as BackupJob;
const copy = (backupId: string, store: string, state: CopyRow['state'], provedAt: Date | null = null): CopyRow =>
  ({ backupId, store, state, provedAt }) as CopyRow;

test('an incremental backup builds on the newest that is complete, and names the stores that hold it', () => {
  const jobs = [job('old', 1), job('new', 2)];
  const copies = [copy('old', 'disk', 'proved'), copy('new', 'disk', 'complete'), copy('new', 'cloud', 'pending')];
  expect(chooseBase('incremental', jobs, copies)).toEqual({ backupId: 'new', stores: ['disk'] });
});

test('a differential backup builds on the newest full one that is proved', () => {
  const jobs = [job('full', 1), job('unproved', 2), job('step', 3, { backupType: 'incremental' })];
  const copies = [copy('full', 'disk', 'proved'), copy('unproved', 'disk', 'complete'), copy('step', 'disk', 'proved')];
  expect(chooseBase('differential', jobs, copies)?.backupId).toBe('full');
});

test('nothing is built on a backup that is marked for deletion, damaged or lost', () => {
  const jobs = [job('marked', 1, { tombstonedAt: at(2) }), job('damaged', 2), job('lost', 3)];
  const copies = [copy('marked', 'disk', 'proved'), copy('damaged', 'disk', 'damaged'), copy('lost', 'disk', 'lost')];
  expect(chooseBase('incremental', jobs, copies)).toBeNull();
  expect(chooseBase('full', [job('good', 4)], [copy('good', 'disk', 'proved')])).toBeNull();
});

test('proofs rotate: the store that was proved longest ago, or never, comes first', () => {
  const copies = [
    copy('a', 'disk', 'proved', at(5)),
    copy('a', 'cloud', 'proved', at(3)),
    copy('a', 'tape', 'complete'),
  ];
  expect(rotate(['disk', 'cloud', 'tape'], copies)).toEqual(['tape', 'cloud', 'disk']);
});

test('proved copies are read first, damaged and lost ones never', () => {
  const rows = [copy('a', 'disk', 'complete'), copy('a', 'cloud', 'proved'), copy('a', 'tape', 'damaged')];
  expect(orderReadable(['disk', 'cloud', 'tape', 'other'], rows)).toEqual(['cloud', 'disk', 'other']);
});

test('the rate is that of the last seconds, and tells when the rest is done', () => {
  let now = 0;
  const meter = createProgressMeter(2, () => now);
  const governor = createGovernor();
  const engine = { current: 'public.t', tablesDone: 0, tablesTotal: 1, rows: 0, plainBytesExpected: 10_000 };
  for (now = 0; now <= 10_000; now += 1_000) {
    // Slow for five seconds, then ten times as fast.
    meter.engine({ ...engine, plainBytes: now <= 5_000 ? now / 10 : 500 + (now - 5_000) });
    meter.now(null, governor);
  }
  now = 10_000;
  const progress = meter.now(null, governor);
  expect(progress).toMatchObject({ attempt: 2, bytesPerSecond: 1_000, elapsedMs: 10_000, plainBytes: 5_500 });
  expect(progress.etaMs).toBe(4_500);
});

test('the journal writes in batches, one after another, and a catalogue that fails costs nothing but the entries', async () => {
  const batches: number[] = [];
  const losses: unknown[] = [];
  let failing = false;
  const journal = createCatalogJournal(
    {
      journalLoad: () => Promise.reject(new Error('down')),
      journalAppend: async (_, entries) => {
        if (failing) throw new Error('down');
        batches.push(entries.length);
      },
    },
    'backup',
    (error) => losses.push(error),
  );
  expect(await journal.load()).toEqual([]);
  for (let index = 0; index < 70; index += 1) journal.record({ id: `${index}` } as never);
  await journal.flush();
  expect(batches).toEqual([64, 6]);
  failing = true;
  journal.record({ id: 'x' } as never);
  await journal.flush();
  expect(losses).toHaveLength(2);
});
