import fc from 'fast-check';
import {
  BUCKETS,
  bucketName,
  bucketOf,
  bucketsText,
  planShare,
  shareInterval,
  type CyclePosition,
} from '../../../src/domain/intact-plan';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const nightly = { cycleMs: 30 * DAY, intervalMs: DAY, asked: 'due' as const };

describe('the share that is due', () => {
  test.each<[string, CyclePosition | null, number, [number, number, boolean]]>([
    ['a first share opens a cycle', null, 0, [0, 9, true]],
    ['the regular share', { startedAt: 0, nextBucket: 9 }, DAY, [9, 18, false]],
    ['a missed night is caught up', { startedAt: 0, nextBucket: 9 }, 3 * DAY, [9, 35, false]],
    ['ahead of its time: nothing', { startedAt: 0, nextBucket: 100 }, DAY, [100, 100, false]],
    ['the last share ends the cycle', { startedAt: 0, nextBucket: 250 }, 29 * DAY, [250, 256, false]],
    ['late: all that is left', { startedAt: 0, nextBucket: 40 }, 35 * DAY, [40, 256, false]],
    ['read whole: it rests', { startedAt: 0, nextBucket: BUCKETS }, 20 * DAY, [256, 256, false]],
    [
      'a run that is a little early begins the next cycle',
      { startedAt: 0, nextBucket: BUCKETS },
      30 * DAY - HOUR,
      [0, 9, true],
    ],
    ['and so does one that is late', { startedAt: 0, nextBucket: BUCKETS }, 40 * DAY, [0, 9, true]],
  ])('%s', (_what, cycle, now, [from, to, opensCycle]) => {
    expect(planShare({ ...nightly, cycle, now })).toMatchObject({ from, to, opensCycle });
  });

  test('by hand: all begins a cycle of its own, a part goes on where the cycle is', () => {
    const cycle = { startedAt: 0, nextBucket: 100 };
    expect(planShare({ ...nightly, cycle, now: DAY, asked: 'all' })).toMatchObject({
      from: 0,
      to: 256,
      opensCycle: true,
    });
    expect(planShare({ ...nightly, cycle, now: DAY, asked: { part: 1 / 8 } })).toMatchObject({ from: 100, to: 132 });
    expect(planShare({ ...nightly, cycle, now: DAY, asked: { part: 1 } })).toMatchObject({ from: 100, to: 256 });
    const done = { startedAt: 0, nextBucket: BUCKETS };
    expect(planShare({ ...nightly, cycle: done, now: DAY, asked: { part: 0.001 } })).toMatchObject({ from: 0, to: 1 });
  });

  test('how late a cycle is, is said', () => {
    expect(planShare({ ...nightly, cycle: { startedAt: 0, nextBucket: 40 }, now: 35 * DAY }).lateMs).toBe(5 * DAY);
    expect(planShare({ ...nightly, cycle: { startedAt: 0, nextBucket: 40 }, now: 5 * DAY }).lateMs).toBe(0);
  });
});

test('shares follow each other without gap or overlap, and each cycle ends in time unless its last nights were missed', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 90 }),
      fc.constantFrom(HOUR, 6 * HOUR, DAY, 7 * DAY),
      fc.infiniteStream(fc.boolean()),
      fc.infiniteStream(fc.integer({ min: -10, max: 10 })),
      (days, intervalMs, missed, jitter) => {
        const cycleMs = days * DAY;
        let cycle: CyclePosition | null = null;
        let lastRan = 0;
        for (let run = 0; run < 120; run++) {
          if (run > 0 && (missed.next().value as boolean)) continue;
          const now: number = run * intervalMs + ((jitter.next().value as number) * intervalMs) / 100;
          const share = planShare({ cycle, asked: 'due', cycleMs, intervalMs, now });
          expect(share.from).toBeLessThanOrEqual(share.to);
          if (share.opensCycle) {
            expect(share.from).toBe(0);
            if (cycle !== null) expect((cycle as CyclePosition).nextBucket).toBe(BUCKETS);
            expect(share.to).toBeGreaterThan(0);
          } else expect(share.from).toBe(cycle!.nextBucket);
          if (!share.opensCycle && cycle!.nextBucket < BUCKETS) {
            // Behind by no more than what fell into the time since the last run that took place.
            const due = Math.min(1, (now + intervalMs - cycle!.startedAt) / cycleMs);
            expect(share.to / BUCKETS).toBeGreaterThanOrEqual(due - 1e-9);
          }
          cycle = { startedAt: share.cycleStartedAt, nextBucket: share.to };
          lastRan = now;
        }
        // With every night from here on, the open cycle ends by its end, or at once when that is past.
        if (cycle!.nextBucket < BUCKETS) {
          const end = Math.max(cycle!.startedAt + cycleMs, lastRan + intervalMs);
          for (let now = lastRan + intervalMs; now <= end && cycle!.nextBucket < BUCKETS; now += intervalMs) {
            const share = planShare({ cycle, asked: 'due', cycleMs, intervalMs, now });
            cycle = { startedAt: share.cycleStartedAt, nextBucket: share.to };
          }
          expect(cycle!.nextBucket).toBe(BUCKETS);
        }
      },
    ),
  );
});

test('buckets are the first two hex digits of a name', () => {
  for (let bucket = 0; bucket < BUCKETS; bucket++)
    expect(bucketOf(`${bucketName(bucket)}${'0'.repeat(62)}`)).toBe(bucket);
  expect([bucketsText(0, 9), bucketsText(255, 256), bucketsText(5, 5)]).toEqual(['00–08', 'ff', 'nothing']);
});

test('the interval is what the config states; a cron expression is measured', () => {
  expect(shareInterval({ every: 'weekly' }, null)).toBe(7 * DAY);
  expect(shareInterval({ interval: 90 * 60_000 }, DAY)).toBe(90 * 60_000);
  expect(shareInterval({}, null)).toBe(DAY);
  expect(shareInterval({}, 12 * HOUR)).toBe(12 * HOUR);
  expect(shareInterval({}, 365 * DAY)).toBe(7 * DAY);
});
