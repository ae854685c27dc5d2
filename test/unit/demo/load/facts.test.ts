import fc from 'fast-check';
import {
  loadFacts,
  loadFaults,
  paceSteps,
  p95Over,
  pausesOf,
  type DemoLoad,
  type LoadSeen,
} from '../../../../src/cli/demo/load/facts';
import { loadPicture, paceMarks, paceText } from '../../../../src/cli/demo/load/picture';

const T0 = Date.parse('2026-11-21T12:00:00Z');
const FULL = 8e6;
const second = (count: number) => T0 + count * 1_000;
const event = (seconds: number, rate: number | null, why = 'a reason') => ({
  at: new Date(second(seconds)),
  kind: 'pace' as const,
  word: rate === 0 ? 'paused' : 'limited',
  maxBytesPerSecond: rate === 0 ? 4e6 : rate,
  reasons: [why, 'another'],
});

/** Newest first, as the catalogue gives them. */
const events = [
  event(45, FULL),
  event(35, 4e6),
  event(14, 0, 'probe query 143 ms'),
  event(7, FULL),
  event(1, 4e6, 'in use'),
];
const visits = Array.from({ length: 600 }, (_, index) => ({
  at: T0 + index * 100,
  ms: index >= 100 && index < 260 ? 30 : 5,
}));
const seen: LoadSeen = {
  generator: 'pgbench 15.20',
  clients: 32,
  dump: { from: T0, to: second(55) },
  load: { from: second(10), to: second(26) },
  steps: paceSteps(events, FULL),
  visits,
  chart: '/demo/load.svg',
};

describe('what was seen of a backup under load', () => {
  it('is told from the record of its paces and the visits', () => {
    expect(loadFacts(seen)).toEqual({
      generator: 'pgbench 15.20',
      clients: 32,
      beganAt: '2026-11-21T12:00:10.000Z',
      endedAt: '2026-11-21T12:00:26.000Z',
      reactionMs: 4_000,
      fullAgainMs: 19_000,
      changes: [
        { at: '2026-11-21T12:00:07.000Z', pace: 'full', bytesPerSecond: FULL, why: 'a reason' },
        { at: '2026-11-21T12:00:14.000Z', pace: 'paused', bytesPerSecond: 0, why: 'probe query 143 ms' },
        { at: '2026-11-21T12:00:35.000Z', pace: 'throttled', bytesPerSecond: 4e6, why: 'a reason' },
        { at: '2026-11-21T12:00:45.000Z', pace: 'full', bytesPerSecond: FULL, why: 'a reason' },
      ],
      mostChangesInAMinute: 4,
      pausedMs: 21_000,
      p95Ms: { before: 5, fullPace: 30, governed: 30, after: 5 },
      visits: 600,
      chart: '/demo/load.svg',
    });
    expect(loadFaults(loadFacts(seen))).toEqual([]);
  });

  it('leaves out what repeats the pace before, and takes no limit for the full pace', () => {
    expect(paceSteps([event(2, null), event(1, FULL), event(0, 2 * FULL)], FULL)).toEqual([
      { at: second(0), pace: 'full', bytesPerSecond: FULL, why: 'a reason' },
    ]);
  });

  it('ends a pause with the dump', () => {
    expect(pausesOf(paceSteps([event(5, FULL), event(40, 0)], FULL), second(50))).toEqual([
      { from: second(40), to: second(50) },
    ]);
  });
});

describe('whether the pace followed the load', () => {
  const good = loadFacts(seen);
  const change = (seconds: number, bytesPerSecond: number) => ({
    at: new Date(second(seconds)).toISOString(),
    pace: 'throttled' as const,
    bytesPerSecond,
    why: '',
  });

  it.each<[string, DemoLoad | null, string]>([
    ['there was no load', null, 'no load was made'],
    [
      'nothing was slowed',
      { ...good, reactionMs: null, changes: [] },
      'the pace was not lowered while the load went on',
    ],
    [
      'it was slowed when the load was over',
      { ...good, reactionMs: 17_000 },
      'the pace was not lowered while the load went on',
    ],
    [
      'it was never released',
      { ...good, changes: [change(14, 4e6), change(20, 2e6)] },
      'the pace was not released afterwards',
    ],
    ['it flapped', { ...good, mostChangesInAMinute: 5 }, 'the pace changed 5 times within a minute'],
    ['the load goes on', { ...good, endedAt: null }, 'the load did not end'],
  ])('is no when %s', (_, load, fault) => {
    expect(loadFaults(load)).toEqual([fault]);
  });

  it('is no, whatever else was seen, when all paces after the lowest are as slow', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 6 }), (rates) => {
        const falling = rates.toSorted((a, b) => b - a).map((rate, index) => change(11 + index, rate));
        expect(loadFaults({ ...good, changes: falling })).toContain('the pace was not released afterwards');
      }),
    );
  });
});

describe('p95 over time', () => {
  it('is that of the visits of the last two seconds, and unknown where there are too few', () => {
    const points = p95Over(visits, { from: second(0) - 1, to: second(30), stepMs: 10_000 });
    expect(points.map(({ value }) => value)).toEqual([null, 5, 30, 5]);
  });
});

describe('the picture of a backup under load', () => {
  it('marks all that happened in order of time, in words', () => {
    expect(paceMarks(seen).map(({ at, label, tone }) => [(at - T0) / 1_000, label, tone])).toEqual([
      [7, 'full pace', 'faster'],
      [10, 'load begins', 'event'],
      [14, 'paused', 'slower'],
      [26, 'load ends', 'event'],
      [35, 'released to 4 MB/s', 'faster'],
      [45, 'full pace', 'faster'],
    ]);
    expect(paceText({ pace: 'throttled', bytesPerSecond: 4e6 }, true)).toBe('throttled to 4 MB/s');
  });

  it('shows what was read beside what was allowed', () => {
    const read = [0, 1, 2, 3, 4].map((count) => ({ at: second(count), bytes: count * 4e6 }));
    const { panels, zero, from, to } = loadPicture({ ...seen, read });
    expect([from, zero, to]).toEqual([second(-3), T0, second(55)]);
    expect(panels[0]!.series[0]!.points).toEqual([
      { at: second(0), value: 4 },
      { at: second(1), value: 4 },
      { at: second(7), value: 8 },
      { at: second(14), value: 0 },
      { at: second(35), value: 4 },
      { at: second(45), value: 8 },
    ]);
    expect(panels[0]!.series[1]!.points.map(({ value }) => value)).toEqual([4, 4, 4]);
    expect(panels[0]!.gaps).toEqual([{ from: second(14), to: second(35), label: 'paused' }]);
  });
});
