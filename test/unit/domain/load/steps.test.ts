import fc from 'fast-check';
import { impactBreakerAfter, type ImpactBreaker } from '../../../../src/domain/load/impact-breaker';
import { ladder } from '../../../../src/domain/load/ladder';
import { overrideHolds } from '../../../../src/domain/load/override';
import { START_STATE } from '../../../../src/domain/load/policy-types';
import { DEFAULT_RULES, DEFAULT_TIMING } from '../../../../src/domain/load/rules';
import { seriesKey, seriesOf } from '../../../../src/domain/load/series';
import { nextPosition, type StepInput } from '../../../../src/domain/load/steps';

const NOW = Date.UTC(2026, 10, 21);
const STEP: StepInput = {
  now: NOW,
  lowest: 6,
  ceiling: 0,
  level: 'clear',
  severity: 0,
  hurry: false,
  state: {
    ...START_STATE,
    position: 1,
    changedAt: NOW - 41_000,
    tooFast: { position: 0, times: 4, until: NOW + 300_000 },
  },
  timing: DEFAULT_TIMING,
};

test('a deadline at risk has a step tried again sooner, and never past a limit', () => {
  expect(nextPosition(STEP).position).toBe(1);
  expect(nextPosition({ ...STEP, hurry: true }).position).toBe(0);
  expect(nextPosition({ ...STEP, hurry: true, level: 'hold' }).position).toBe(1);
  expect(nextPosition({ ...STEP, hurry: true, level: 'throttle' }).position).toBe(2);
  expect(nextPosition({ ...STEP, hurry: true, ceiling: 3 }).position).toBe(3);
});

test('what a window asks for counts beside what a signal asks for: the slower of the two', () => {
  expect(nextPosition({ ...STEP, level: 'throttle', ceiling: 6 }).position).toBe(6);
  expect(nextPosition({ ...STEP, level: 'throttle', ceiling: 1 }).position).toBe(2);
});

test('of two values for one instant the worse counts, whichever came first', () => {
  const sample = (hostCpu: number) => ({ at: NOW, source: 'host', signals: { hostCpu } });
  for (const samples of [
    [sample(0.2), sample(0.9)],
    [sample(0.9), sample(0.2)],
  ])
    expect(seriesOf(samples).get(seriesKey('host', 'hostCpu'))).toEqual([{ at: NOW, value: 0.9 }]);
});

test('no rung is faster than the maximum, none is slower than the one below it, and every one moves', () => {
  const bytes = fc.integer({ min: 1, max: 1e9 });
  fc.assert(
    fc.property(
      bytes,
      fc.option(bytes),
      fc.option(bytes),
      fc.integer({ min: 1, max: 64 }),
      (minBytesPerSecond, maxBytesPerSecond, measuredBytesPerSecond, readers) => {
        const rungs = ladder({
          minBytesPerSecond,
          maxBytesPerSecond,
          measuredBytesPerSecond,
          readers,
          uploads: readers,
        });
        const rates = rungs.map((rung) => rung.maxBytesPerSecond ?? Infinity);
        expect(rungs.length).toBeGreaterThanOrEqual(2);
        for (const rate of rates) {
          expect(rate).toBeLessThanOrEqual(maxBytesPerSecond ?? Infinity);
          expect(rate).toBeGreaterThan(0);
        }
        expect([...rates].sort((a, b) => b - a)).toEqual(rates);
      },
    ),
  );
});

test('good samples of a database that nothing tries prove nothing', () => {
  const halfOpen: ImpactBreaker = {
    breaker: { state: 'half-open', failures: 0, goodTrials: 0, openedAt: NOW - 400_000 },
    countedTo: NOW - 100,
  };
  const key = seriesKey('postgres', 'probeLatencyMs');
  const after = (trying: boolean) =>
    impactBreakerAfter(
      halfOpen,
      {
        now: NOW,
        hard: [{ key, thresholds: { throttle: 12, pause: 30, release: 11 } }],
        series: new Map([[key, [{ at: NOW, value: 5 }]]]),
        trying,
      },
      DEFAULT_RULES.breaker,
    );
  expect(after(true).breaker.goodTrials).toBe(1);
  expect(after(false).breaker.goodTrials).toBe(0);
});

test('a word that stands until an instant is over at that instant', () => {
  const word = { maxBytesPerSecond: null, readers: null, uploads: null, paused: true, by: 'ana', why: '' };
  expect(overrideHolds({ ...word, until: NOW }, NOW - 1)).toBe(true);
  expect(overrideHolds({ ...word, until: NOW }, NOW)).toBe(false);
});
