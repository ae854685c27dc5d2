import { capacityForecast } from '../../../../src/domain/load/capacity';
import { impactReport } from '../../../../src/domain/load/impact';
import { regressionOf, type BackupFigures } from '../../../../src/domain/load/regression';
import type { LoadSample } from '../../../../src/domain/load/signals';
import { chanceOfDifference, spread, weightedQuantile } from '../../../../src/domain/load/statistics';
import { spanText } from '../../../../src/domain/load/texts';

const T = Date.UTC(2026, 10, 21, 2);
const MINUTE = 60_000;
/** Repeats without `Math.random`, so that a failure can be seen again. */
const noise = (seed: number) => ((Math.sin(seed * 12.9898) * 43758.5453) % 1) * 0.5;

describe('the impact of a backup', () => {
  /** Ten seconds apart, from half an hour before to half an hour after a backup of half an hour. */
  const samples = (during: number, after = 10, spoil: Partial<LoadSample['signals']> = {}): LoadSample[] =>
    Array.from({ length: 540 }, (_, index) => {
      const at = T - 30 * MINUTE + index * 10_000;
      const probe = at < T ? 10 : at < T + 30 * MINUTE ? during : after;
      return { at, source: 'pg', signals: { probeLatencyMs: probe + noise(index), commitsPerSecond: 5, ...spoil } };
    });
  const backup = { from: T, to: T + 30 * MINUTE };

  test('is told with high sureness when it came and went with the backup', () => {
    const report = impactReport(samples(13), backup);
    expect(report.signals[0]).toMatchObject({ signal: 'probeLatencyMs', verdict: 'worse', sureness: 'high' });
    expect(report.signals[0]!.change).toBeCloseTo(0.3, 1);
    expect(report.signals[0]!.during!.samples).toBe(180);
    expect(report.text).toMatch(/^probe query 13\S* ms against 10\S* ms before \(\+\d\d %\)$/);
  });

  test('is told with low sureness when the load stayed afterwards: it may have been anything', () => {
    expect(impactReport(samples(13, 13), backup).signals[0]).toMatchObject({ verdict: 'worse', sureness: 'low' });
  });

  test('is none where nothing differs, and that can be sure as well', () => {
    const report = impactReport(samples(10), backup);
    expect(report.signals.every(({ verdict }) => verdict === 'same')).toBe(true);
    expect(report).toMatchObject({
      sureness: 'high',
      text: expect.stringContaining('nothing that users feel became worse') as string,
    });
  });

  test('leaves pauses out, and says when nothing was measured before', () => {
    const paused = [{ from: T, to: T + 29 * MINUTE }];
    expect(impactReport(samples(13), backup, paused).signals[0]).toMatchObject({ verdict: 'unknown', sureness: 'low' });
    const late = samples(13).filter(({ at }) => at >= T);
    expect(impactReport(late, backup).signals.map(({ text }) => text)).toContain(
      'probe query: not measured before and during',
    );
    expect(impactReport(late, backup).signals.every(({ verdict }) => verdict === 'unknown')).toBe(true);
    expect(impactReport([], backup)).toMatchObject({ signals: [], sureness: 'low', text: 'nothing was measured' });
  });

  test('does not depend on the order of samples, nor on doubled ones', () => {
    const all = samples(13);
    expect(impactReport([...all, ...all].reverse(), backup)).toEqual(impactReport(all, backup));
  });
});

describe('a regression', () => {
  const figures = (id: number, changes: Partial<BackupFigures> = {}): BackupFigures => ({
    id: String(id),
    type: 'incremental',
    startedAt: T + id * 86_400_000,
    durationMs: 600_000 + id * 1_000,
    pausedMs: 0,
    bytesRead: 10e9 + id * 1e7,
    bytesStored: 1e9,
    ...changes,
  });
  const peers = Array.from({ length: 10 }, (_, id) => figures(id));

  test('is a backup that is much slower or larger than its peers', () => {
    const slow = regressionOf(figures(20, { durationMs: 1_800_000 }), peers);
    expect(slow.flags.map(({ of }) => of)).toEqual(['duration', 'speed']);
    expect(slow.flags[0]!.text).toBe('without pauses took 30 min, usually 10 min 5 s');
    expect(regressionOf(figures(20, { bytesStored: 9e9 }), peers).flags).toMatchObject([
      { of: 'stored', text: 'stored 9 GB, usually 1 GB' },
    ]);
  });

  test('is not one that paused, nor one within the spread of its peers', () => {
    expect(regressionOf(figures(20, { durationMs: 1_800_000, pausedMs: 1_200_000 }), peers).flags).toEqual([]);
    const uneven = peers.map((peer, index) => ({ ...peer, bytesStored: index % 2 ? 1e9 : 4e9 }));
    expect(regressionOf(figures(20, { bytesStored: 4.5e9 }), uneven).flags).toEqual([]);
  });

  test('cannot be told from few peers, later ones, or those of another type', () => {
    const report = regressionOf(figures(3, { durationMs: 1e9 }), [
      ...peers,
      ...peers.map((peer) => ({ ...peer, type: 'full' as const })),
    ]);
    expect(report).toMatchObject({ peers: 3, flags: [] });
    expect(report.unknown).toBe('needs 5 earlier incremental backups to compare with, has 3');
  });
});

describe('capacity', () => {
  const grow = (from: number, perDay: number) =>
    Array.from({ length: 28 }, (_, day) => ({ at: new Date(T + day * 86_400_000), value: from + day * perDay }));

  test('tells when the window, a store, no longer suffices', () => {
    const [database, backup, store] = capacityForecast({
      databaseBytes: grow(100e9, 1e9),
      backupMs: grow(3_600_000, 60_000),
      stores: [{ name: 's3', bytes: grow(500e9, 0), limitBytes: 1e12 }],
      windowMs: 3 * 3_600_000,
    });
    expect(database!.in30Days).toBeCloseTo(157e9, -7);
    expect(database!.text).toBe('database 127 GB, +30 GB in 30 days (high sureness)');
    expect(backup!.daysUntil).toBeCloseTo(93, 0);
    expect(backup!.text).toBe(
      'backup 1 h 27 min, +30 min in 30 days (high sureness); its window of 3 h suffices for about 93 days',
    );
    expect(store).toMatchObject({ what: 'store s3', daysUntil: null });
  });

  test('says when it is too late, or too early to tell', () => {
    const [database, backup] = capacityForecast({
      databaseBytes: grow(1, 1).slice(0, 2),
      backupMs: grow(7_200_000, 60_000),
      stores: [],
      windowMs: 3_600_000,
    });
    expect(database).toMatchObject({ forecast: null, unknown: 'needs 5 backups, has 2' });
    expect(backup!.text).toMatch(/its window of 1 h no longer suffices$/);
  });
});

describe('statistics', () => {
  test.each([
    [[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8], 0.9, 1],
    [[1, 2, 3, 4, 5, 6, 7, 8], [11, 12, 13, 14, 15, 16, 17, 18], 0, 0.002],
    [[5, 5, 5], [5, 5, 5], 1, 1],
    [[], [1], 1, 1],
  ])('the chance that %p and %p differ by luck lies between %p and %p', (a, b, low, high) => {
    const chance = chanceOfDifference(a, b);
    expect(chance).toBeGreaterThanOrEqual(low);
    expect(chance).toBeLessThanOrEqual(high);
  });

  test('outliers move neither spread nor quantile', () => {
    expect(spread([1, 2, 3, 4, 1_000])).toBeCloseTo(1.4826);
    expect(
      weightedQuantile(
        [
          { value: 1, weight: 9 },
          { value: 99, weight: 1 },
        ],
        0.5,
      ),
    ).toBe(1);
    expect(weightedQuantile([], 0.5)).toBeNull();
  });

  test.each([
    [250, '250 ms'],
    [40_000, '40 s'],
    [7_500_000, '2 h 5 min'],
    [3 * 86_400_000, '3 d'],
  ])('%p ms reads %p', (ms, text) => expect(spanText(ms)).toBe(text));
});
