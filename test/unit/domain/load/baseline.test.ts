import fc from 'fast-check';
import {
  BASELINE_WEEKS,
  emptyBaseline,
  mergeBaselines,
  updateBaseline,
  usualAt,
  usualFrom,
} from '../../../../src/domain/load/baseline';
import { combineRollups, rollUp, type Rollup } from '../../../../src/domain/load/rollups';
import type { Point, SeriesKey } from '../../../../src/domain/load/series';
import { seasonOf, trendOf, weekProfile } from '../../../../src/domain/load/season';

const KEY: SeriesKey = 'host/hostCpu';
const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
/** A Monday, 00:00 UTC. */
const MONDAY = Date.UTC(2026, 8, 7);
const hour = (at: number, value: number, changes: Partial<Rollup> = {}): Rollup => ({
  key: KEY,
  unit: 'hour',
  at,
  samples: 120,
  min: value,
  max: value,
  mean: value,
  median: value,
  p90: value * 1.2,
  coveredMs: HOUR,
  quiet: { median: value, p90: value * 1.2, coveredMs: HOUR },
  ...changes,
});
const points = (from: number, every: number, values: readonly number[]): Point[] =>
  values.map((value, index) => ({ at: from + index * every, value }));

describe('rollups', () => {
  test('give count, least, most, mean, median and nine of ten, by bucket', () => {
    const [first, second] = rollUp(KEY, points(MONDAY, 30_000, [1, 2, 3, 4]), 'minute');
    expect(first).toMatchObject({
      at: MONDAY,
      samples: 2,
      min: 1,
      max: 2,
      mean: 1.5,
      median: 1,
      p90: 2,
      coveredMs: 60_000,
    });
    expect(second).toMatchObject({ at: MONDAY + 60_000, samples: 2, min: 3, max: 4 });
  });

  test('dense samples of a short backup do not outweigh the rest of the hour', () => {
    const idle = points(MONDAY, 30_000, Array<number>(108).fill(0.1));
    const busy = points(MONDAY + 54 * 60_000, 2_000, Array<number>(180).fill(0.9));
    const [rolled] = rollUp(KEY, [...idle, ...busy], 'hour', [{ from: MONDAY + 54 * 60_000, to: MONDAY + HOUR }]);
    expect(rolled).toMatchObject({ median: 0.1, max: 0.9, quiet: { median: 0.1, p90: 0.1 } });
    expect(rolled!.mean).toBeCloseTo(0.18, 2);
  });

  test('an hour in which a backup ran all the time teaches nothing', () => {
    const [rolled] = rollUp(KEY, points(MONDAY, 30_000, [1, 2]), 'hour', [{ from: MONDAY, to: MONDAY + HOUR }]);
    expect(rolled!.quiet).toBeNull();
    expect(updateBaseline(emptyBaseline('UTC'), [rolled!]).series[KEY]).toBeUndefined();
  });

  test('doubled and reordered points change nothing', () => {
    const entry = fc.record({ at: fc.nat(7_200_000), value: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ({ at }) => at, minLength: 1 }), fc.nat(1_000), (series, salt) => {
        const mixed = [...series, ...series].sort((a, b) => ((a.at * 31 + salt) % 97) - ((b.at * 31 + salt) % 97));
        const order = (rolled: readonly Rollup[]) => [...rolled].sort((a, b) => a.at - b.at);
        expect(order(rollUp(KEY, mixed, 'minute'))).toEqual(order(rollUp(KEY, series, 'minute')));
      }),
    );
  });

  test('combined they keep extremes, counts and covered time; doubled parts count once', () => {
    const minutes = rollUp(KEY, points(MONDAY, 30_000, [1, 2, 3, 4, 9, 6]), 'minute');
    const [combined, ...others] = combineRollups([...minutes, minutes[1]!], 'hour');
    expect(others).toEqual([]);
    expect(combined).toMatchObject({ unit: 'hour', at: MONDAY, samples: 6, min: 1, max: 9, coveredMs: 180_000 });
    expect(combined!.mean).toBeCloseTo(25 / 6);
  });
});

describe('a baseline', () => {
  const fiveWeeks = updateBaseline(
    emptyBaseline('UTC'),
    [0.2, 0.21, 5, 0.19, 0.2].map((value, week) => hour(MONDAY + 9 * HOUR + week * WEEK, value)),
  );

  test('is the median of the last weeks: one odd week does not move it', () => {
    expect(usualAt(fiveWeeks, KEY, MONDAY + 9 * HOUR + 6 * WEEK)).toMatchObject({
      median: 0.2,
      p90: 0.24,
      sureness: 'high',
      basis: 'hour of the week',
      figures: 5,
    });
  });

  test('knows the hour of the week in its own time zone, also when clocks have changed', () => {
    // Nine o'clock in Berlin on six Mondays from September on; clocks go back on 25 October.
    const at = (week: number) => MONDAY + week * WEEK + (week < 7 ? 7 : 8) * HOUR;
    const baseline = updateBaseline(
      emptyBaseline('Europe/Berlin'),
      [4, 5, 6, 7, 8, 9].map((week) => hour(at(week), 0.5)),
    );
    expect(Object.keys(baseline.series[KEY]!)).toEqual(['9']);
    expect(baseline.series[KEY]![9]).toHaveLength(6);
  });

  test('where an hour is hardly known, others of such days stand in, and it says so', () => {
    const days = [0, 1, 2].map((day) => hour(MONDAY + (day * 24 + 9) * HOUR, 0.3 + day / 10));
    const baseline = updateBaseline(emptyBaseline('UTC'), days);
    expect(usualAt(baseline, KEY, MONDAY + (4 * 24 + 9) * HOUR)).toMatchObject({
      median: 0.4,
      sureness: 'medium',
      basis: 'hour of such days',
    });
    expect(usualAt(baseline, KEY, MONDAY + (6 * 24 + 9) * HOUR)).toMatchObject({
      basis: 'hour of the day',
      sureness: 'low',
    });
    expect(usualAt(baseline, KEY, MONDAY + (6 * 24 + 3) * HOUR)).toBeNull();
    expect(usualAt(baseline, 'host/hostLoad', MONDAY)).toBeNull();
  });

  test('the minutes before a run are used where it is not sure', () => {
    const before = { [KEY]: { median: 0.7, p90: 0.8 }, 'host/hostLoad': { median: 3, p90: 4 } };
    const at = MONDAY + 9 * HOUR + 6 * WEEK;
    expect(usualFrom(fiveWeeks, before, at)(KEY)).toMatchObject({ median: 0.2 });
    expect(usualFrom(fiveWeeks, before, at)('host/hostLoad')).toMatchObject({ median: 3 });
    expect(usualFrom(null, before, at)(KEY)).toMatchObject({ median: 0.7 });
    expect(usualFrom(null, {}, at)(KEY)).toBeNull();
  });

  test('updates and merges do not depend on order, and doubled hours change nothing', () => {
    const rollup = fc
      .record({
        at: fc.nat(12 * 168).map((hours) => MONDAY + hours * HOUR),
        value: fc.double({ min: 0, max: 1, noNaN: true }),
        covered: fc.constantFrom(600_000, HOUR),
      })
      .map(({ at, value, covered }) => hour(at, value, { quiet: { median: value, p90: value, coveredMs: covered } }));
    fc.assert(
      fc.property(fc.array(rollup), fc.array(rollup), (a, b) => {
        const empty = emptyBaseline('UTC');
        const all = updateBaseline(empty, [...a, ...b]);
        expect(updateBaseline(updateBaseline(empty, b), a)).toEqual(all);
        expect(updateBaseline(all, [...b, ...a])).toEqual(all);
        const [left, right] = [updateBaseline(empty, a), updateBaseline(empty, b)];
        expect(mergeBaselines(left, right)).toEqual(all);
        expect(mergeBaselines(right, left)).toEqual(all);
        for (const weeks of Object.values(all.series[KEY] ?? {}))
          expect(weeks.length).toBeLessThanOrEqual(BASELINE_WEEKS);
      }),
    );
  });
});

describe('season and trend', () => {
  const load = (hours: number) => (hours % 24 >= 8 && hours % 24 < 18 ? 0.7 : 0.1) * (hours % 168 >= 120 ? 0.3 : 1);
  const rollups = Array.from({ length: 3 * 168 }, (_, hours) => hour(MONDAY + hours * HOUR, load(hours)));
  const { series } = updateBaseline(emptyBaseline('UTC'), rollups);

  test('hours of the day explain a working day, days of the week the weekend', () => {
    const season = seasonOf(series[KEY])!;
    expect(season.daily).toBeGreaterThan(0.5);
    expect(season.weekly).toBeGreaterThan(0.1);
    expect(season.daily + season.weekly).toBeCloseTo(1);
    expect(season.quietest).toBe(0);
    expect(season.busiest).toBe(17);
    expect(seasonOf({})).toBeNull();
  });

  test('a profile has a value for each hour of the week', () => {
    const profile = weekProfile(series[KEY]);
    expect(profile).toHaveLength(168);
    expect(profile[10]).toBe(0.7);
    expect(weekProfile(undefined).every((value) => value === null)).toBe(true);
  });

  test('a trend compares days with days', () => {
    const growing = Array.from({ length: 21 }, (_, day) =>
      hour(MONDAY + day * 24 * HOUR, 0.1 + day / 100, { unit: 'day' }),
    );
    const trend = trendOf(growing);
    expect(trend.ok && trend.forecast.perDay).toBeCloseTo(0.01);
    expect(trendOf([]).ok).toBe(false);
  });
});
