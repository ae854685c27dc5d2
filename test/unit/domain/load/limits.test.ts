import fc from 'fast-check';
import { DEFAULT_LIMITS, DEFAULT_PEAK_LIMITS, LIMITS_WHERE_SET } from '../../../../src/domain/load/default-limits';
import { ladder, slower } from '../../../../src/domain/load/ladder';
import { levelOf, limitFaults, thresholdsOf, type SignalLimit } from '../../../../src/domain/load/limits';
import { paceOf, silentPace, watchIsSilent } from '../../../../src/domain/load/pace-of';
import { DEFAULT_RULES } from '../../../../src/domain/load/rules';
import { parseSeriesKey, seriesKey, seriesOf } from '../../../../src/domain/load/series';
import { FULL_PACE } from '../../../../src/domain/pace';

const CPU: SignalLimit = { signal: 'hostCpu', throttle: 0.5, pause: 0.8, release: 0.4 };
const BEHIND: SignalLimit = { signal: 'waitersBehindUs', throttle: 1, pause: null, release: 0 };
const CACHE: SignalLimit = { signal: 'cacheHit', throttle: 0.9, pause: 0.7, release: 0.95 };

test.each([
  [CPU, 0.4, 'clear'],
  [CPU, 0.41, 'hold'],
  [CPU, 0.5, 'throttle'],
  [CPU, 0.8, 'pause'],
  [CACHE, 0.95, 'clear'],
  [CACHE, 0.94, 'hold'],
  [CACHE, 0.9, 'throttle'],
  [CACHE, 0.7, 'pause'],
  [{ ...CPU, pause: null }, 1, 'throttle'],
  [BEHIND, 0, 'clear'],
  [{ ...CACHE, pause: null }, 0, 'throttle'],
])('%p at %p: %s', (limit, value, level) => {
  expect(levelOf(limit.signal, value, thresholdsOf(limit, null)!)).toBe(level);
});

test('the default limits contradict nothing', () => {
  for (const limit of [...DEFAULT_LIMITS, ...DEFAULT_PEAK_LIMITS, ...LIMITS_WHERE_SET])
    expect(limitFaults(limit)).toEqual([]);
});

test('a relative limit needs something usual, and keeps its order whatever that is', () => {
  const limit: SignalLimit = {
    signal: 'probeLatencyMs',
    relative: true,
    throttle: 1.2,
    pause: 3,
    release: 1.1,
    least: 2,
  };
  expect(thresholdsOf(limit, null)).toBeNull();
  expect(thresholdsOf({ ...limit, least: 0 }, { median: 0, p90: 0 })).toBeNull();
  expect(thresholdsOf(limit, { median: 10, p90: 11 })).toEqual({ throttle: 12, pause: 30, release: 11 });
  const figure = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(figure, figure, (median, more) => {
      const { throttle, pause, release } = thresholdsOf(limit, { median, p90: median + more })!;
      expect(release).toBeLessThan(throttle);
      expect(throttle).toBeLessThan(pause);
      expect(throttle).toBeGreaterThanOrEqual((median + more) * 0.999_999);
    }),
  );
});

test('each rung of a ladder is slower than the one above, none faster than the maximum or slower than the minimum', () => {
  const bytes = fc.integer({ min: 1, max: 1e9 });
  fc.assert(
    fc.property(
      fc.option(bytes),
      bytes,
      fc.option(bytes),
      fc.integer({ min: 1, max: 64 }),
      (most, least, measured, readers) => {
        fc.pre(most === null || least <= most);
        const rungs = ladder({
          maxBytesPerSecond: most,
          minBytesPerSecond: least,
          measuredBytesPerSecond: measured,
          readers,
          uploads: 4,
        });
        expect(rungs.length).toBeGreaterThanOrEqual(2);
        expect(rungs[0]).toEqual({ maxBytesPerSecond: most, readers: null, uploads: null });
        rungs.slice(1).forEach((rung, index) => {
          const above = rungs[index]!.maxBytesPerSecond ?? Infinity;
          expect(rung.maxBytesPerSecond!).toBeLessThanOrEqual(above);
          expect(rung.maxBytesPerSecond!).toBeGreaterThanOrEqual(Math.min(least, most ?? Infinity) - 1);
          expect(rung.readers!).toBeLessThanOrEqual(rungs[index]!.readers ?? readers);
          expect(rung.readers!).toBeGreaterThanOrEqual(1);
        });
        expect(rungs.at(-1)).toMatchObject({ readers: 1, uploads: 1 });
      },
    ),
  );
  expect(
    slower({ maxBytesPerSecond: null, readers: 2, uploads: 1 }, { maxBytesPerSecond: 5, readers: null, uploads: 3 }),
  ).toEqual({
    maxBytesPerSecond: 5,
    readers: 2,
    uploads: 1,
  });
});

test('series have their samples in order, each instant once, and none that cannot be true', () => {
  const sample = (at: number, hostCpu: number) => ({ at, source: 'h', signals: { hostCpu } });
  const samples = [sample(3, 0.3), sample(1, 0.1), sample(3, 0.4), sample(2, Number.NaN), sample(9, 0.9)];
  expect([...seriesOf(samples, { from: 0, to: 5 })]).toEqual([
    [
      'h/hostCpu',
      [
        { at: 1, value: 0.1 },
        { at: 3, value: 0.4 },
      ],
    ],
  ]);
  expect(parseSeriesKey(seriesKey('http:a/b', 'httpLatencyMs'))).toEqual({
    source: 'http:a/b',
    signal: 'httpLatencyMs',
  });
  expect(parseSeriesKey('hostCpu')).toBeNull();
});

test('a decision becomes a pace that says who and why', () => {
  const target = { maxBytesPerSecond: 1e6, readers: 1, uploads: 1, paused: false };
  const reasons = ['a', 'b', 'c', 'd'].map((text) => ({ code: 'signal' as const, text }));
  expect(paceOf({ target, reasons }, { sequence: 7 })).toEqual({
    ...target,
    reason: 'a; b; c',
    setBy: 'load watch',
    sequence: 7,
  });
  const long = paceOf({ target, reasons: [{ code: 'signal', text: 'x'.repeat(500) }] }, { sequence: 7, setBy: 'ana' });
  expect(long.reason).toHaveLength(240);
  expect(long.setBy).toBe('ana');
});

test('a run whose watch is silent goes on at the safe pace; a pause of the watch ends, one of a person stays', () => {
  const facts = { heardAt: null, startedAt: 1_000, now: 31_000 };
  expect(watchIsSilent(facts, DEFAULT_RULES)).toBe(false);
  expect(watchIsSilent({ ...facts, now: 31_001 }, DEFAULT_RULES)).toBe(true);
  expect(watchIsSilent({ ...facts, now: 31_001, heardAt: 20_000 }, DEFAULT_RULES)).toBe(false);
  const paused = { ...FULL_PACE, paused: true };
  expect(silentPace({ ...paused, setBy: 'load watch' }, DEFAULT_RULES, 5)).toEqual({
    maxBytesPerSecond: 8e6,
    readers: 1,
    uploads: 1,
    paused: false,
    reason: 'the load watch was not heard for 30 s: the safe pace',
    setBy: 'default',
    sequence: 5,
  });
  expect(silentPace({ ...paused, setBy: 'ana' }, DEFAULT_RULES, 5)).toMatchObject({ paused: true, setBy: 'ana' });
});
