import { DEFAULT_RULES } from '../../../../src/domain/load/rules';
import { mostChangesAMinute, simulateDay, turns, type SimulatedDay } from '../../../support/load-simulation';

const HOUR = 3_600_000;
/** A Monday, 20:00 UTC: two hours of peak, then the night, until 20:00 the next day. */
const START = Date.UTC(2026, 10, 23, 20);
const GB = 1e9;
const STEP = 5_000;
/** Repeats without `Math.random`, so that a failure can be seen again. */
const noise = (seed: number) => (Math.sin(seed * 12.9898) * 43758.5453) % 1;

/** A shop: busy days, quiet nights, a batch job at 01:00, and noise at every sample. */
function shop(at: number): number {
  const hour = (at / HOUR) % 24;
  const load = hour >= 8 && hour < 18 ? 0.35 : hour >= 18 && hour < 22 ? 0.22 : hour >= 1 && hour < 2 ? 0.7 : 0.06;
  return Math.min(1, Math.max(0, load + noise(at / 2_000) * 0.03));
}
const DAY: SimulatedDay = {
  startsAt: START,
  lastsMs: 24 * HOUR,
  bytes: 1_100 * GB,
  fullBytesPerSecond: 60e6,
  backupCpu: 0.25,
  others: shop,
  everyMs: STEP,
};

/** Replayed once: two tests look at it. */
const day = simulateDay(DAY);

test('a day of paces has no flapping: at most four changes in any minute, few turns', () => {
  expect(mostChangesAMinute(day.changes)).toBeLessThanOrEqual(4);
  expect(day.changes.length).toBeGreaterThan(3);
  // Each try of a pace that proved too fast comes later than the one before.
  expect(turns(day.changes)).toBeLessThanOrEqual(45);
  expect(day.doneAt).not.toBeNull();
});

test('the limit of peak hours holds: at 20:00 a backup slows down, at night it goes at full pace', () => {
  const at = (hours: number) => day.decisions[Math.round((hours * HOUR) / STEP)]!.target;
  const evening = at(1).maxBytesPerSecond ?? Infinity;
  expect(evening).toBeLessThan(60e6);
  expect(at(4).maxBytesPerSecond).toBeNull();
  const batch = at(5.5);
  expect(batch.paused || (batch.maxBytesPerSecond ?? Infinity) < 60e6).toBe(true);
});

test('a deadline that is feasible within the limits is met', () => {
  // What the limits leave, at the best: full pace from 22:00 to 01:00 and from 02:00 on, little at other times.
  const night = 60e6 * 7 * 3_600;
  const rules = { ...DEFAULT_RULES, deadline: { doneBy: '06:00' } };
  const day = simulateDay({ ...DAY, rules, bytes: night * 0.92, everyMs: 8_000 });
  expect(day.doneAt).not.toBeNull();
  expect(day.doneAt!).toBeLessThanOrEqual(START + 10 * HOUR);
});

test('a deadline that is not feasible is told hours before', () => {
  const rules = { ...DEFAULT_RULES, deadline: { doneBy: '06:00' } };
  const day = simulateDay({ ...DAY, rules, bytes: 2_500 * GB, lastsMs: 5 * HOUR });
  const told = day.decisions.findIndex(({ raised }) => raised.some(({ code }) => code === 'deadlineLost'));
  expect(told).toBeGreaterThanOrEqual(0);
  expect(told * STEP).toBeLessThan(4 * HOUR);
});

test('on an idle server a governed run takes no more than 3 % longer', () => {
  const idle = simulateDay({ ...DAY, startsAt: START + 3 * HOUR, others: () => 0.02, bytes: 60e6 * 1_800 });
  expect(idle.doneAt! - (START + 3 * HOUR)).toBeLessThanOrEqual(1_800_000 * 1.03);
});

test('a load that swings around a limit every half minute does not make it flap', () => {
  const swing = (at: number) => 0.5 + (Math.floor(at / 30_000) % 2) * 0.3 + noise(at / 2_000) * 0.02;
  const day = simulateDay({ ...DAY, startsAt: START + 3 * HOUR, others: swing, lastsMs: 2 * HOUR });
  expect(mostChangesAMinute(day.changes)).toBeLessThanOrEqual(4);
  expect(turns(day.changes)).toBeLessThanOrEqual(40);
});
