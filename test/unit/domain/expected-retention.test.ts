import { expectedRetention } from '../../../src/domain/expected-retention';
import type { RetentionPolicy } from '../../../src/domain/retention';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOTHING: RetentionPolicy = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, minProved: 1 };
const startedAt = new Date('2026-11-18T12:00Z');
const kept = (policy: Partial<RetentionPolicy>, intervalMs = DAY, graceMs = 0) =>
  expectedRetention({ startedAt, intervalMs, policy: { ...NOTHING, ...policy } }, graceMs);

test.each([
  [{ last: 3 }, 3],
  [{ daily: 7 }, 7],
  [{ within: 5 * DAY }, 6],
  [{}, 1],
] as const)('a daily backup under %o stays %s days', (policy, days) => expect(kept(policy)).toBe(days * DAY));

test('the grace comes on top', () => expect(kept({ last: 3 }, DAY, DAY)).toBe(4 * DAY));

test('what a rule keeps for years is bounded', () => {
  expect(kept({ last: 1_000_000 })).toBe(5 * 365 * DAY);
});

test('an hourly backup that later ones of its day replace goes within the day', () => {
  expect(kept({ daily: 30 }, HOUR)).toBe(HOUR);
});
