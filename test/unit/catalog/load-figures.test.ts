import { learntBaseline, pausesOf } from '../../../src/catalog/load-figures';
import type { LoadEvent, LoadRollupRow } from '../../../src/catalog/load-types';
import { usualAt } from '../../../src/domain/load/baseline';

const at = (second: number) => new Date(Date.UTC(2026, 10, 16, 8, 0, second));
const event = (second: number, word: string, kind: 'pace' | 'alert' = 'pace'): LoadEvent => ({
  database: 'shop',
  at: at(second),
  kind,
  word,
  backupId: 'b',
  maxBytesPerSecond: null,
  readers: null,
  uploads: null,
  setBy: 'load watch',
  reasons: [],
});

test('pauses are from the first word that paused to the next that did not, whatever the order', () => {
  const events = [
    event(9, 'full'),
    event(1, 'paused'),
    event(5, 'limited'),
    event(2, 'paused'),
    event(3, 'x', 'alert'),
  ];
  expect(pausesOf(events, at(60))).toEqual([{ from: at(1).getTime(), to: at(5).getTime() }]);
});

test('a pause that nobody ended lasts until the end', () => {
  expect(pausesOf([event(7, 'paused')], at(60))).toEqual([{ from: at(7).getTime(), to: at(60).getTime() }]);
  expect(pausesOf([], at(60))).toEqual([]);
});

test('what is usual comes from the hours that were seen long enough, and unknown signals are left out', async () => {
  const row = (week: number, count: number): LoadRollupRow => ({
    database: 'shop',
    grain: 'hour',
    start: new Date(Date.UTC(2026, 10, 2 + week * 7, 8)),
    source: 'host',
    busy: false,
    signals: {
      hostCpu: { count, min: 0, mean: 0.2, max: 1, median: 0.2, p90: 0.4 },
      ofAnotherRelease: { count, min: 0, mean: 1, max: 1, median: 1, p90: 1 },
    },
  });
  const asked: unknown[] = [];
  const catalog = {
    loadRollups: async (filter: unknown) => {
      asked.push(filter);
      return [row(0, 120), row(1, 120), row(2, 1)];
    },
  };
  const now = new Date(Date.UTC(2026, 10, 23, 8, 30));
  const baseline = await learntBaseline(catalog, { database: 'shop', timeZone: 'UTC', now });
  expect(Object.keys(baseline.series)).toEqual(['host/hostCpu']);
  expect(usualAt(baseline, 'host/hostCpu', now.getTime())).toMatchObject({ median: 0.2, p90: 0.4 });
  expect(asked).toEqual([expect.objectContaining({ database: 'shop', grain: 'hour', busy: false })]);
});
