import { emptyBaseline, updateBaseline, type Baseline } from '../../../../src/domain/load/baseline';
import {
  recommendWindows,
  type RecommendInput,
  type WindowRecommendation,
} from '../../../../src/domain/load/recommend';
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
    expect.stringMatching(/^load \d %, 39 % on average \(0 % = the quietest hour/),
    expect.stringMatching(/^CPU of the host: 4\S* % there, 3\d\S* % on average$/),
    expect.stringMatching(/^active sessions: [\d.]+ there, [\d.]+ on average$/),
    'a backup takes about 1 h 20 min; 40 min are left over',
    'outside of peak hours',
    '2 h before and after are as quiet, for a late start or a long run',
  ]);
});

test('working days and the weekend are planned for themselves only where another time is better then', () => {
  const alike = recommend(fortnight(shop));
  expect(alike.ok && alike.windows.map(({ window }) => window.days.length)).toEqual([0]);
  // At the weekend people shop at night and a job runs all morning.
  const night = (day: number, hour: number) => (day < 5 ? shop(day, hour) : hour >= 12 && hour < 20 ? 0.05 : 0.6);
  const answer = recommend(fortnight(night));
  if (!answer.ok) throw new Error(answer.reason);
  expect(answer.windows.map(({ window: { days, from } }) => [days.length, from])).toEqual([
    // The best that fits all days, which is as good as any at the weekend, and what is better on working days.
    [0, '18:00'],
    [5, '04:00'],
  ]);
});

test('says why not at other times: the job, what runs into it, the busy day, the deadline, protected times', () => {
  const protectedTime = { name: 'booking', days: [], from: '20:00', to: '21:00', action: 'noStart' as const };
  const rules = { ...DEFAULT_RULES, deadline: { doneBy: '07:30' }, protected: [protectedTime] };
  const answer = recommend(fortnight(shop), { rules });
  if (!answer.ok) throw new Error(answer.reason);
  const [{ window, others, reasons }] = answer.windows as [WindowRecommendation];
  expect(window.from).toBe('03:00');
  expect(reasons).toContain('the deadline (07:30) leaves 3 h 10 min after its end');
  expect(others.map(({ from, to, code }) => `${from}–${to} ${code}`)).toEqual([
    '04:00–06:00 asQuiet',
    '06:00–07:00 deadline',
    '07:00–08:00 deadline',
    '08:00–19:00 busy',
    '19:00–21:00 protected',
    '21:00–23:00 busy',
    '23:00–00:00 asQuiet',
    '00:00–01:00 runsIntoJob',
    '01:00–02:00 job',
    '02:00–03:00 asQuiet',
  ]);
  expect(others.find(({ code }) => code === 'job')!.text).toMatch(
    /^busy in the middle of a quiet time, as by a job: CPU of the host 7\d(\.\d)? %, [456]\S* % around it$/,
  );
  expect(others.find(({ code }) => code === 'runsIntoJob')!.text).toBe(
    'less than the 2 h that are needed until the job of 01:00–02:00',
  );
});

test('an hour in which a backup always reads is judged by what its users do then', () => {
  const quiet = fortnight(shop);
  const without = (hours: Baseline['series'][string], hour: number) =>
    Object.fromEntries(Object.entries(hours).filter(([at]) => Number(at) % 24 !== hour));
  const only = (hours: Baseline['series'][string], hour: number) =>
    Object.fromEntries(Object.entries(hours).filter(([at]) => Number(at) % 24 === hour));
  const split = (of: typeof without, hour: number): Baseline => ({
    ...quiet,
    series: Object.fromEntries(Object.entries(quiet.series).map(([key, hours]) => [key, of(hours, hour)])),
  });
  // Each backup so far met the job at 01:00: no hour without one shows it.
  const met = recommend(split(without, 1), { during: split(only, 1), backupMs: 4 * HOUR });
  expect(met.ok && met.windows[0]!.others.find(({ from }) => from === '01:00')?.code).toBe('job');
  expect(met.ok && met.windows[0]!.window.from).not.toBe('00:00');
  // And one that reads at a quiet hour does not make that hour look busy.
  const calm = recommend(split(without, 4), { during: split(only, 4) });
  expect(calm.ok && calm.windows[0]!.window.from).toBe('04:00');
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
  expect(never).toEqual({ ok: false, reason: 'no window of the 2 h that a backup needs is open' });
});

test('without enough that is known it does not guess', () => {
  expect(recommend(emptyBaseline('UTC'))).toEqual({
    ok: false,
    reason: '0 hours of the week are known, 24 are needed at least',
  });
  expect(recommend(fortnight(shop), { backupMs: 20 * HOUR }).ok).toBe(false);
});
