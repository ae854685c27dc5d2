import * as fc from 'fast-check';
import { daysUntil, forecastGrowth, meanOver, type UsagePoint } from '../../../src/domain/forecast';

const DAY = 86_400_000;
const START = Date.UTC(2026, 10, 1);
const at = (day: number) => new Date(START + day * DAY);
const line = (days: readonly number[], start: number, perDay: number): UsagePoint[] =>
  days.map((day) => ({ at: at(day), value: start + perDay * day }));
const days = (count: number) => Array.from({ length: count }, (_, day) => day);
const trend = (points: readonly UsagePoint[]) => {
  const result = forecastGrowth(points);
  if (!result.ok) throw new Error(result.reason);
  return result.forecast;
};

describe('the forecast refuses', () => {
  it.each([
    ['nothing', []],
    ['four points', line(days(4), 0, 1)],
    ['many points within hours', line([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0, 1)],
    ['points that are all older than the window but the last', line([0, 1, 2, 3, 4, 100], 0, 1)],
  ])('%s, and says why', (_, points) => {
    const result = forecastGrowth(points);
    expect(result).toMatchObject({ ok: false });
    expect(!result.ok && result.reason).toBeTruthy();
  });
});

describe('the trend', () => {
  it('of a line is that line, whatever the order of its points', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 20 }), { minLength: 8, maxLength: 21 }),
        fc.integer({ min: 0, max: 1e12 }),
        fc.integer({ min: -1e6, max: 1e9 }),
        (some, start, perDay) => {
          fc.pre(Math.max(...some) - Math.min(...some) >= 7);
          const forecast = trend(line(some, start, perDay));
          expect(forecast.perDay).toBeCloseTo(perDay, 2);
          expect(forecast.sureness).toBe('high');
        },
      ),
    );
  });

  it('is not moved by one point in five, however far off', () => {
    fc.assert(
      fc.property(fc.nat(19), fc.nat(19), fc.integer({ min: -1e9, max: 1e9 }), (first, second, error) => {
        const points = line(days(20), 1e6, 1_000).map((point, index) =>
          index === first || index === second ? { ...point, value: point.value + error } : point,
        );
        expect(Math.abs(trend(points).perDay - 1_000)).toBeLessThan(250);
      }),
    );
  });

  it('moves with its points: a shift changes nothing, a scale scales', () => {
    const noisy = fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 6, maxLength: 28 });
    fc.assert(
      fc.property(noisy, fc.integer({ min: 0, max: 1e6 }), (values, shift) => {
        const points = values.map((value, day) => ({ at: at(day), value }));
        const { perDay, perDayLow, perDayHigh } = trend(points);
        expect(trend(points.map((point) => ({ ...point, value: point.value + shift }))).perDay).toBeCloseTo(perDay, 3);
        expect(trend(points.map((point) => ({ ...point, value: point.value * 3 }))).perDay).toBeCloseTo(perDay * 3, 3);
        expect(perDayLow).toBeLessThanOrEqual(perDay);
        expect(perDay).toBeLessThanOrEqual(perDayHigh);
      }),
    );
  });

  it('that the points hardly agree on is of low sureness', () => {
    const points = days(10).map((day) => ({ at: at(day), value: day % 2 === 0 ? 1_000 : 0 }));
    expect(trend(points).sureness).toBe('low');
  });

  it('of thousands of points is reckoned from some of them, the first and the last included', () => {
    const many = line(
      Array.from({ length: 5_000 }, (_, index) => index / 250),
      0,
      500,
    );
    expect(trend(many)).toMatchObject({ points: 200, spanDays: 19.996 });
    expect(trend(many).perDay).toBeCloseTo(500, 3);
  });
});

describe('days until a limit', () => {
  it.each([
    [100, 50, 100, 0.5],
    [100, 100, 100, 0],
    [100, 150, 100, 0],
    [0, 50, 100, null],
    [-5, 50, 100, null],
  ])('at %s a day from %s to %s are %s', (perDay, used, limit, expected) =>
    expect(daysUntil({ perDay }, used, limit)).toBe(expected),
  );
  it('are never fewer for a higher limit', () => {
    const positive = fc.integer({ min: 1, max: 1e9 });
    fc.assert(
      fc.property(positive, positive, positive, positive, (perDay, used, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(daysUntil({ perDay }, used, low)!).toBeLessThanOrEqual(daysUntil({ perDay }, used, high)!);
      }),
    );
  });
});

test('a mean over time weighs each value by how long it held', () => {
  const points = [
    { at: at(5), value: 300 },
    { at: at(0), value: 100 },
  ];
  expect(meanOver(points, at(0), at(10))).toBe(200);
  expect(meanOver(points, at(6), at(8))).toBe(300);
  expect(meanOver(points, at(-10), at(0))).toBe(0);
  expect(meanOver(points, at(8), at(8))).toBe(0);
});
