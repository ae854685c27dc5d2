import { emptyBaseline, updateBaseline, type Baseline } from '../../../../src/domain/load/baseline';
import { recommendWindows, type RecommendInput } from '../../../../src/domain/load/recommend';
import { rollUp } from '../../../../src/domain/load/rollups';
import { DEFAULT_RULES } from '../../../../src/domain/load/rules';
import { seriesOf } from '../../../../src/domain/load/series';
import type { LoadSample } from '../../../../src/domain/load/signals';
import { zoneClock } from '../../../../src/domain/load/windows';

const HOUR = 3_600_000;
/** A Monday, 00:00 UTC. */
const MONDAY = Date.UTC(2026, 10, 2);
const noise = (seed: number) => ((Math.sin(seed * 12.9898) * 43758.5453) % 1) * 0.02;

/** A fortnight of samples, a minute apart, learned as the watch learns it. `busy`: 0..1 by day (0 Monday) and hour there. */
function fortnight(busy: (day: number, hour: number) => number, timeZone = 'UTC'): Baseline {
  const clock = zoneClock(timeZone);
  const samples: LoadSample[] = Array.from({ length: 14 * 24 * 12 }, (_, index) => {
    const at = MONDAY + index * 300_000;
    const { hourOfWeek } = clock(at);
    const load = Math.max(0, busy(Math.floor(hourOfWeek / 24), hourOfWeek % 24) + noise(index));
    return {
      at,
      source: 'pg',
      signals: { hostCpu: load * 0.8, sessionsActive: load * 40, probeLatencyMs: 2 + load * load * 6, cacheHit: 0.99 },
    };
  });
  const rollups = [...seriesOf(samples)].flatMap(([key, points]) => rollUp(key, points, 'hour'));
  return updateBaseline(emptyBaseline(timeZone), rollups);
}
const recommend = (baseline: Baseline, changes: Partial<RecommendInput> = {}) => {
  const rules = { ...DEFAULT_RULES, timeZone: baseline.timeZone };
  return recommendWindows({ baseline, rules, backupMs: 80 * 60_000, ...changes });
};
/** Working hours, an evening, a batch job from 01:00 to 02:00 every night, quiet weekends. */
const shop = (day: number, hour: number) => {
  if (hour === 1) return 0.9;
  if (day >= 5) return hour >= 9 && hour < 21 ? 0.3 : 0.06;
  if (hour >= 8 && hour < 18) return 0.8;
  return hour >= 18 && hour < 23 ? 0.4 : 0.05;
};

test('a shop with a nightly job gets the middle of its quiet night, after the job', () => {
  const answer = recommend(fortnight(shop));
  if (!answer.ok) throw new Error(answer.reason);
  const [daily] = answer.windows;
  expect(daily!.window).toEqual({ days: [], from: '04:00', to: '06:00' });
  expect(daily!.load).toBeLessThan(0.1);
  expect(daily!.sureness).toBe('medium');
  expect(daily!.reasons).toEqual([
    expect.stringMatching(/^daily 04:00–06:00 \(UTC\): load \d %, 39 % on average \(0 % = the quietest hour/),
    expect.stringMatching(/^CPU of the host: 4\S* % there, 3\d\S* % on average$/),
    expect.stringMatching(/^active sessions: [\d.]+ there, [\d.]+ on average$/),
    'a backup takes about 1 h 20 min; 40 min are left over',
    'outside of peak hours',
    '2 h before and after are as quiet, for a late start or a long run',
  ]);
});

test('working days and the weekend are planned for themselves as well', () => {
  const answer = recommend(fortnight(shop));
  if (!answer.ok) throw new Error(answer.reason);
  expect(answer.windows.map(({ window }) => window.days.length)).toEqual([0, 5, 2]);
});

test('a business that works at night gets the day, and is told that these are peak hours', () => {
  const answer = recommend(
    fortnight((_, hour) => (hour >= 20 || hour < 8 ? 0.8 : hour < 10 || hour >= 18 ? 0.5 : 0.1)),
  );
  if (!answer.ok) throw new Error(answer.reason);
  expect(answer.windows[0]!.window).toEqual({ days: [], from: '13:00', to: '15:00' });
  expect(answer.windows[0]!.reasons).toContain('14 of its 14 hours are peak hours: expect it to be slowed');
});

test('hours are those of the time zone', () => {
  const answer = recommend(fortnight(shop, 'America/New_York'));
  expect(answer.ok && answer.windows[0]!.window.from).toBe('04:00');
});

test('protected times are avoided, and stated windows kept to', () => {
  const baseline = fortnight(shop);
  const night = { name: 'booking', days: [], from: '03:30', to: '07:15', action: 'noStart' as const };
  const clear = recommend(baseline, { rules: { ...DEFAULT_RULES, protected: [night] } });
  expect(clear.ok && clear.windows[0]!.window.from).toBe('23:00');
  const closed = recommend(baseline, {
    rules: { ...DEFAULT_RULES, windows: [{ days: [], from: '21:00', to: '01:00' }] },
  });
  expect(closed.ok && closed.windows[0]!.window.from).toBe('23:00');
  const never = recommend(baseline, {
    rules: { ...DEFAULT_RULES, windows: [{ days: [], from: '23:00', to: '00:00' }] },
  });
  expect(never).toEqual({ ok: false, reason: 'no window of that length is open' });
});

test('without enough that is known it does not guess', () => {
  expect(recommend(emptyBaseline('UTC'))).toEqual({
    ok: false,
    reason: '0 hours of the week are known, 24 are needed at least',
  });
  expect(recommend(fortnight(shop), { backupMs: 20 * HOUR }).ok).toBe(false);
});
