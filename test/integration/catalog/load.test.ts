import { createCatalog } from '../../../src/catalog/create-catalog';
import { learntBaseline } from '../../../src/catalog/load-figures';
import type { LoadEvent } from '../../../src/catalog/load-types';
import { migrate } from '../../../src/catalog/migrate';
import type { Catalog } from '../../../src/catalog/types';
import { usualOfHour } from '../../../src/domain/load/baseline';
import type { LoadSample, SignalName } from '../../../src/domain/load/signals';
import { startPostgres, type TestPostgres } from '../../support/postgres';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Monday, 00:00 in UTC. */
const MONDAY = Date.UTC(2026, 10, 16);
const KEEP = { samples: 7 * DAY, minutes: 30 * DAY, hours: 400 * DAY, days: 1_825 * DAY };
const BACKUP = '20261121T092530Z-full-1a2b3c4d';
const sample = (at: number, hostCpu: number, source = 'host'): LoadSample => ({ at, source, signals: { hostCpu } });
const series = (from: number, count: number, everyMs: number, value: (index: number) => number) =>
  Array.from({ length: count }, (_, index) => sample(from + index * everyMs, value(index)));

describe('load in the catalogue', () => {
  let server: TestPostgres;
  let catalog: Catalog;
  let count: (table: string) => Promise<number>;

  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    const target = await server.fromTemplate('migrated', (template) =>
      migrate(template, 'holdfast').then(() => undefined),
    );
    catalog = createCatalog({ target, schema: 'holdfast', applicationName: 'test' });
    count = async (table) => {
      const { rows } = await server.sql(`SELECT count(*)::int AS count FROM holdfast.${table}`, target.database);
      return (rows[0] as { count: number }).count;
    };
  }, 60_000);
  afterEach(() => catalog.close());

  const record = (samples: readonly LoadSample[], backupId: string | null = null) =>
    catalog.recordLoad({ database: 'shop', backupId, samples });
  const maintain = (now: number) => catalog.maintainLoad({ database: 'shop', now: new Date(now), keep: KEEP });
  const rollups = (grain: 'minute' | 'hour' | 'day') =>
    catalog.loadRollups({ database: 'shop', grain, from: new Date(0) });

  it('gives samples back oldest first, and takes each once', async () => {
    const taken = [sample(MONDAY + 30_000, 0.5), sample(MONDAY, 0.25), sample(MONDAY, 3, 'postgres')];
    await record(taken);
    await record([sample(MONDAY, 0.9)], BACKUP);
    const found = await catalog.loadSamples({ database: 'shop', from: new Date(MONDAY) });
    expect(found.map(({ at, source, signals, backupId }) => [at - MONDAY, source, signals.hostCpu, backupId])).toEqual([
      [0, 'postgres', 3, null],
      [0, 'host', 0.25, null],
      [30_000, 'host', 0.5, null],
    ]);
    const newest = await catalog.loadSamples({ database: 'shop', from: new Date(MONDAY), limit: 1 });
    expect(newest.map(({ at }) => at)).toEqual([MONDAY + 30_000]);
    expect(await catalog.loadSamples({ database: 'other', from: new Date(0) })).toEqual([]);
  });

  it('rolls up complete minutes, hours and days, quiet time apart from time with a backup', async () => {
    await record(series(MONDAY, 10, 6_000, (index) => index / 10));
    await record(
      series(MONDAY + 3_000, 10, 6_000, () => 1),
      BACKUP,
    );
    await maintain(MONDAY + 59_000);
    expect(await rollups('minute')).toEqual([]);
    await maintain(MONDAY + DAY + 1_000);
    for (const grain of ['minute', 'hour', 'day'] as const) {
      const [quiet, busy, ...more] = await rollups(grain);
      expect(more).toEqual([]);
      expect(quiet).toMatchObject({ grain, source: 'host', busy: false, start: new Date(MONDAY) });
      expect(quiet!.signals['hostCpu']).toEqual({
        count: 10,
        min: 0,
        mean: expect.closeTo(0.45, 6),
        max: 0.9,
        median: expect.closeTo(0.45, 6),
        p90: expect.closeTo(0.81, 6),
      });
      expect(busy).toMatchObject({ busy: true, signals: { hostCpu: { count: 10, mean: 1 } } });
    }
    await maintain(MONDAY + DAY + 2_000);
    expect(await count('load_rollups')).toBe(6);
  });

  it('counts a sample that came in late into the newest minute', async () => {
    await record([sample(MONDAY, 0.2)]);
    await maintain(MONDAY + 60_000);
    await record([sample(MONDAY + 59_000, 0.6)]);
    await maintain(MONDAY + 61_000);
    const [minute] = await rollups('minute');
    expect(minute!.signals['hostCpu']).toMatchObject({ count: 2, max: 0.6 });
  });

  it('tells what is usual at each hour of the week, in the time zone, without the time of backups', async () => {
    // Two Mondays: 0.1 and 0.3 at 08:00 UTC; a backup ran at 09:00.
    await record(series(MONDAY + 8 * HOUR, 20, 30_000, () => 0.1));
    await record(
      series(MONDAY + 9 * HOUR, 20, 30_000, () => 0.9),
      BACKUP,
    );
    await record(series(MONDAY + 7 * DAY + 8 * HOUR, 20, 30_000, () => 0.3));
    const now = new Date(MONDAY + 7 * DAY + 10 * HOUR);
    await maintain(now.getTime());
    const hours = async (timeZone: string, signals?: readonly SignalName[]) => {
      const only = signals === undefined ? {} : { signals };
      const { series: known } = await learntBaseline(catalog, { database: 'shop', timeZone, now, ...only });
      return known;
    };
    const known = (await hours('UTC'))['host/hostCpu']!;
    expect(Object.keys(known)).toEqual(['8']);
    expect(usualOfHour(known, 8)!.median).toBeCloseTo(0.2, 6);
    expect(Object.keys((await hours('Europe/Berlin'))['host/hostCpu']!)).toEqual(['9']);
    // A decision asks for its own signals alone, and gets the same figures.
    expect((await hours('UTC', ['hostCpu', 'hostLoad']))['host/hostCpu']).toEqual(known);
    expect(await hours('UTC', ['hostLoad'])).toEqual({});
  });

  it('deletes what is older than stated, in batches, and keeps what it was rolled up to', async () => {
    await record(series(MONDAY, 6_000, 30_000, () => 0.1));
    const { deleted } = await maintain(MONDAY + 6_000 * 30_000 + 8 * DAY);
    expect(deleted).toBe(6_000);
    expect(await count('load_samples')).toBe(0);
    const days = await rollups('day');
    expect(days.reduce((sum, { signals }) => sum + signals['hostCpu']!.count, 0)).toBe(6_000);
    // With their samples gone, the rollups stay as they are.
    await record([sample(MONDAY + 11 * DAY, 0.5)]);
    await maintain(MONDAY + 12 * DAY);
    expect((await rollups('day'))[0]).toEqual(days[0]);
  });

  it('keeps each event once, newest first, with its reasons', async () => {
    const event: LoadEvent = {
      database: 'shop',
      at: new Date(MONDAY),
      kind: 'pace',
      word: 'limited',
      backupId: BACKUP,
      maxBytesPerSecond: 8e6,
      readers: 1,
      uploads: null,
      setBy: 'load watch',
      reasons: ['CPU of the host 84 % is over the limit 30 %'],
    };
    const later = { ...event, at: new Date(MONDAY + 1_000), word: 'full', backupId: null };
    expect(await catalog.addLoadEvent(event)).toBe(true);
    expect(await catalog.addLoadEvent(event)).toBe(false);
    expect(await catalog.addLoadEvent(later)).toBe(true);
    expect(await catalog.loadEvents({ database: 'shop' })).toEqual([later, event]);
    expect(await catalog.loadEvents({ backupId: BACKUP })).toEqual([event]);
    expect(await catalog.loadEvents({ since: later.at, database: 'shop', limit: 5 })).toEqual([later]);
    expect(await catalog.loadEvents({ since: later.at })).toEqual([later]);
  });

  it("keeps a watch's newest word, whichever is written last", async () => {
    const word = {
      rhythm: 'idle' as const,
      backupId: null,
      target: null,
      reasons: ['nothing runs'],
      alerts: [],
      signals: { host: { hostCpu: 0.5 } },
      failures: [],
    };
    await catalog.saveLoadWatch({ database: 'shop', at: new Date(MONDAY + 1_000), word });
    await catalog.saveLoadWatch({ database: 'shop', at: new Date(MONDAY), word: { ...word, reasons: ['late'] } });
    expect(await catalog.loadWatches({ database: 'shop' })).toEqual([
      { database: 'shop', at: new Date(MONDAY + 1_000), word, ageMs: expect.any(Number) },
    ]);
    expect(await catalog.loadWatches({ database: 'other' })).toEqual([]);
  });

  it('lets one emergency stop stand at a time, whoever sets it', async () => {
    expect(await catalog.standingStop()).toBeNull();
    const at = new Date(MONDAY);
    const all = await Promise.all(
      ['ana', 'ben', 'eva'].map((by) => catalog.stopAll({ by, why: 'the site is down', at })),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(await catalog.standingStop()).toEqual(all[0]);
    const ended = await catalog.endStop({ by: 'ben', why: 'it is up', at: new Date(MONDAY + 1_000) });
    expect(ended).toMatchObject({ id: all[0]!.id, endedBy: 'ben', endReason: 'it is up' });
    expect(await catalog.standingStop()).toBeNull();
    expect(await catalog.endStop({ by: 'ben', why: 'again', at })).toBeNull();
    expect((await catalog.stopAll({ by: 'eva', why: 'again', at })).id).not.toBe(all[0]!.id);
  });
});
