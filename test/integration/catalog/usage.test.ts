import { createCatalog } from '../../../src/catalog/create-catalog';
import { migrate } from '../../../src/catalog/migrate';
import type { Catalog } from '../../../src/catalog/types';
import type { Transfer } from '../../../src/catalog/usage-types';
import { startPostgres, type TestPostgres } from '../../support/postgres';

const BACKUP = '20261121T092530Z-full-1a2b3c4d';
const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 9, minute));
const transfer = (changes: Partial<Transfer> = {}): Transfer => ({
  ref: `dump/${BACKUP}`,
  store: 'disk',
  database: 'shop',
  backupId: BACKUP,
  kind: 'dump',
  at: at(1),
  bytes: 1_000,
  objects: 3,
  writes: 4,
  reads: 1,
  receivedBytes: 0,
  ...changes,
});

describe('usage in the catalogue', () => {
  let server: TestPostgres;
  let catalog: Catalog;

  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    const target = await server.fromTemplate('migrated', (template) =>
      migrate(template, 'holdfast').then(() => undefined),
    );
    catalog = createCatalog({ target, schema: 'holdfast', applicationName: 'test' });
  }, 60_000);
  afterEach(() => catalog.close());

  const held = async (store = 'disk') =>
    (await catalog.currentUsage({ store })).map(({ database, bytes, objects, source }) => [
      database,
      bytes,
      objects,
      source,
    ]);

  it('grows by what is written, and a repeated call changes nothing', async () => {
    expect(await catalog.recordTransfer(transfer())).toBe(true);
    expect(await catalog.recordTransfer(transfer({ bytes: 5 }))).toBe(false);
    await catalog.recordTransfer(transfer({ ref: 'dump/2', at: at(2), bytes: 50, objects: 1 }));
    expect(await held()).toEqual([['shop', 1_050, 4, 'estimated']]);
    expect(await catalog.transfers({ backupId: BACKUP })).toEqual([
      transfer(),
      transfer({ ref: 'dump/2', at: at(2), bytes: 50, objects: 1 }),
    ]);
  });

  it('shrinks by what is freed, never below nothing', async () => {
    await catalog.recordTransfer(transfer());
    const freed = { kind: 'sweep', backupId: null, writes: 0, reads: 0 } as const;
    await catalog.recordTransfer(transfer({ ...freed, ref: 'sweep/1', at: at(2), bytes: -400, objects: -1 }));
    expect(await held()).toEqual([['shop', 600, 2, 'estimated']]);
    await catalog.recordTransfer(transfer({ ...freed, ref: 'sweep/2', at: at(3), bytes: -4_000, objects: -9 }));
    expect(await held()).toEqual([['shop', 0, 0, 'estimated']]);
  });

  it('loses none of many writers that come at once, even with one clock', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        catalog.recordTransfer(transfer({ ref: `fill/${index}`, kind: 'fill' })),
      ),
    );
    expect(await held()).toEqual([['shop', 20_000, 60, 'estimated']]);
  });

  it('is put right by a measurement, also for databases that are gone', async () => {
    await catalog.recordTransfer(transfer());
    await catalog.recordTransfer(transfer({ ref: 'dump/crm', database: 'crm' }));
    const databases = [{ database: 'shop', bytes: 900, objects: 2 }];
    await catalog.saveMeasurement({ store: 'disk', at: at(5), databases });
    await catalog.saveMeasurement({ store: 'disk', at: at(5), databases });
    expect(await held()).toEqual([
      ['crm', 0, 0, 'measured'],
      ['shop', 900, 2, 'measured'],
    ]);
    await catalog.recordTransfer(transfer({ ref: 'dump/3', at: at(6), bytes: 1, objects: 1 }));
    expect(await held()).toContainEqual(['shop', 901, 3, 'estimated']);
    expect(await held('other')).toEqual([]);
  });

  it('gives the history from a moment on, with the figure that held then', async () => {
    for (const minute of [1, 3, 5])
      await catalog.recordTransfer(transfer({ ref: `dump/${minute}`, at: at(minute), bytes: 10, objects: 1 }));
    const rows = await catalog.usageHistory({ store: 'disk', since: at(4) });
    expect(rows.map(({ at: when, bytes }) => [when.getTime(), bytes])).toEqual([
      [at(3).getTime(), 20],
      [at(5).getTime(), 30],
    ]);
  });

  it('starts from what the catalogue knows where there is no figure yet', async () => {
    await catalog.startJob({
      ...{ backupId: '20261120T092530Z-full-00000001', database: 'shop', engine: 'logical', backupType: 'full' },
      ...{ basedOn: null, startedAt: at(0), workflowId: null, runId: null },
    });
    await catalog.completeJob('20261120T092530Z-full-00000001', {
      ...{ completedAt: at(0), fileSize: 500, plainBytes: 900, uploadedBytes: 500, reusedBytes: 0, rows: 1 },
      ...{ segments: 5, location: 'x' },
    });
    const copy = { backupId: '20261120T092530Z-full-00000001', database: 'shop', at: at(0) };
    await catalog.setCopy({ ...copy, store: 'disk', state: 'complete' });
    await catalog.recordTransfer(transfer());
    await catalog.recordTransfer(transfer({ store: 'other' }));
    expect(await held()).toEqual([['shop', 1_500, 9, 'estimated']]);
    expect(await held('other')).toEqual([['shop', 1_000, 3, 'estimated']]);
  });

  it('sums requests over a time, by store and database', async () => {
    await catalog.recordTransfer(transfer());
    await catalog.recordTransfer(transfer({ ref: 'proof/1', kind: 'proof', at: at(2), reads: 9, receivedBytes: 77 }));
    await catalog.recordTransfer(transfer({ ref: 'dump/late', at: at(30), writes: 100 }));
    expect(await catalog.transferSums({ from: at(0), to: at(30) })).toEqual([
      { store: 'disk', database: 'shop', writes: 8, reads: 10, receivedBytes: 77 },
    ]);
  });

  it('keeps the state of a quota and since when, and says when it changed', async () => {
    const set = (state: 'ok' | 'warn' | 'stop', minute: number) =>
      catalog.setQuotaState({ store: 'disk', state, reason: state, at: at(minute) });
    expect(await set('ok', 0)).toBeNull();
    expect(await set('warn', 1)).toBe('ok');
    expect(await set('warn', 2)).toBeNull();
    expect(await catalog.quotaStates()).toEqual([{ store: 'disk', state: 'warn', since: at(1), reason: 'warn' }]);
    expect(await set('stop', 3)).toBe('warn');
    expect(await set('ok', 4)).toBe('stop');
  });
});
