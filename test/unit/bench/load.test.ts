import fc from 'fast-check';
import { lostAround } from '../../../bench/around';
import type { ImpactLane } from '../../../bench/impact';
import { interleave } from '../../../bench/measure';
import { feltBetween, lastLagMs, parseLog, percentile } from '../../../bench/pgbench';
import { goals, report } from '../../../bench/report';
import { effectOf } from '../../../bench/steer';

const about = { at: '2026-11-21T10:00:00Z', megabytes: 800, rounds: 3, loadBefore: 0.1 };

describe('percentiles', () => {
  it('are values that occurred, at which so large a share of all is not exceeded', () => {
    const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0, 0.5, 0.95, 0.99, 1].map((share) => percentile(sorted, share))).toEqual([1, 50, 95, 99, 100]);
    expect(percentile([7], 0.95)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
    const some = fc.array(fc.nat(1_000), { minLength: 1 }).map((all) => all.sort((one, other) => one - other));
    fc.assert(
      fc.property(some, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, share) => {
        const value = percentile(all, share);
        expect(all).toContain(value);
        expect(all.filter((one) => one <= value).length).toBeGreaterThanOrEqual(Math.floor(all.length * share));
        expect(all.filter((one) => one < value).length).toBeLessThan(all.length * share + 1e-9);
      }),
    );
  });
});

describe('the log of pgbench', () => {
  it('gives ends and latencies, without the transactions that were skipped and a last line that was cut off', () => {
    const text = '0 1 2500 0 1700000000 500000 12\n1 2 skipped 0 1700000001 0 900\n0 3 1000 0 1700000002 0 0\n0 4 99';
    expect(parseLog(text)).toEqual([
      { at: 1_700_000_000_500, ms: 2.5 },
      { at: 1_700_000_002_000, ms: 1 },
    ]);
    expect(parseLog('0 1 2500 0 17')).toEqual([]);
  });

  it('tells how late the newest transaction began', () => {
    expect(lastLagMs('0 1 2500 0 17 5 12\n0 2 2500 0 17 9 40000\n0 3 25')).toBe(40);
    expect([lastLagMs(''), lastLagMs('0 3 25')]).toEqual([0, 0]);
  });

  it('is cut by time, several times together as one', () => {
    const all = Array.from({ length: 100 }, (_, index) => ({ at: index * 100, ms: index }));
    const felt = feltBetween(all, [
      { from: 0, to: 1_000 },
      { from: 9_000, to: 10_000 },
    ]);
    expect(felt).toEqual({ count: 20, perSecond: 10, p50: 9, p95: 98, p99: 99 });
    expect(feltBetween(all, [{ from: 20_000, to: 30_000 }])).toMatchObject({ count: 0, perSecond: 0, p95: NaN });
  });
});

describe('the cost of what happens again and again', () => {
  const cut = { feltMs: 250, cycleMs: 2_000 };
  const events = Array.from({ length: 31 }, (_, index) => index * 2_000 + 100);
  /** One piece of work each 2 ms, with a machine that doubles its speed over the minute; `stopMs` are lost after each event. */
  const work = (stopMs: number) =>
    Array.from({ length: 62_000 }, (_, at) => at).filter(
      (at) => at % (at < 31_000 ? 4 : 2) === 0 && (at < 100 || (at - 100) % 2_000 >= stopMs),
    );

  it('is found in the work that is missing after each event, whatever the machine does over time', () => {
    const { lost } = lostAround({ ...cut, events, done: work(20) });
    expect(lost).toBeGreaterThan(0.009);
    expect(lost).toBeLessThan(0.011);
    expect(Math.abs(lostAround({ ...cut, events, done: work(0) }).lost)).toBeLessThan(0.001);
    expect(lostAround({ ...cut, events, done: work(20) })).toMatchObject({ cycles: 30 });
  });

  it('does not count a cycle that was cut short or in which nothing was done', () => {
    const uneven = [0, 2_000, 3_000, 5_000, 7_000, 9_000];
    const done = work(0).filter((at) => at < 6_500);
    expect(lostAround({ ...cut, events: uneven, done }).cycles).toBe(3);
  });

  it('comes with an error that grows with the noise', () => {
    const noisy = work(20).filter((at) => (at * at * 31 + at * 17) % 101 < 60);
    const even = lostAround({ ...cut, events, done: work(20) });
    expect(lostAround({ ...cut, events, done: noisy }).error).toBeGreaterThan(even.error);
  });
});

describe('what the reads of a worker say of a word', () => {
  const ticks = [0, 100, 200, 300, 300, 300, 400].map((kibibytes, index) => ({
    at: 1_000 + index * 5,
    bytes: kibibytes * 1_024,
  }));

  it('a pause is obeyed with the last read, a resume with the first', () => {
    expect(effectOf(ticks.slice(0, 6), 1_003, true)).toBe(12);
    expect(effectOf(ticks.slice(3), 1_016, false)).toBe(14);
  });

  it('a pause that fell between two reads counts as nothing, a resume that was never heard as all of the time', () => {
    expect(effectOf(ticks.slice(3, 6), 1_016, true)).toBe(0);
    expect(effectOf(ticks.slice(3, 6), 1_016, false)).toBe(9);
    expect(effectOf([], 1_016, true)).toBe(0);
  });
});

it('runs lanes forwards and backwards in turns where that is asked for', async () => {
  const order: string[] = [];
  const make = (name: string) => ({ name, run: async (round: number) => ({ ms: order.push(`${name}${round}`) }) });
  await interleave([make('a'), make('b')], 3, () => undefined, { alternate: true });
  expect(order).toEqual(['a1', 'b1', 'b2', 'a2', 'a3', 'b3']);
});

describe('the goals of load', () => {
  const felt = (p95: number) => ({ count: 9, perSecond: 900, p50: 1, p95, p99: p95 * 2 });
  const lane = (name: string, ratios: readonly number[], share = 1): ImpactLane => ({
    name,
    runs: ratios.map((value, index) => ({
      round: index + 1,
      ms: 20_000,
      share,
      paces: ['+1 s 8.0 MB/s: slowly', '+7 s full pace: good'],
      felt: felt(value * 2),
      quiet: felt(2),
    })),
  });
  const impact = (governed: ImpactLane) => ({
    ...about,
    values: {
      capacity: 2_000,
      asked: 1_000,
      script: 'simple-update',
      governed: { readers: 1, load: { maxRate: '2MB/s' } },
      longestMs: 30_000,
      alone: felt(2),
      aloneP95: [1.9, 2.1],
      lanes: [lane('pg_dump -Fd -j2', [1.5, 1.4, 9]), lane('Holdfast, not governed', [1.3]), governed],
    },
  });

  it('take the middle run, and want the governed backup to end', () => {
    const [p95, ends] = goals({ impact: impact(lane('Holdfast, governed', [1.01, 1.04, 3])) });
    expect(p95).toMatchObject({
      measured: '1.04 ×; Holdfast, not governed 1.30 ×, pg_dump -Fd -j2 1.50 ×',
      met: true,
    });
    expect(ends).toMatchObject({ measured: '20.00 s', met: true });
    const slow = goals({ impact: impact(lane('Holdfast, governed', [1.01], 0.43)) });
    expect(slow[1]).toMatchObject({ measured: '43.0 % read by then, at the least', met: false });
    expect(goals({ impact: impact(lane('Holdfast, governed', [1.06])) })[0]!.met).toBe(false);
  });

  it('are not met where the others cost no more either: then there was nothing to govern', () => {
    const values = { ...impact(lane('Holdfast, governed', [1.02])).values };
    const lanes = values.lanes.map((one) => (one.name === 'pg_dump -Fd -j2' ? lane(one.name, [1.01]) : one));
    expect(goals({ impact: { ...about, values: { ...values, lanes } } })[0]!.met).toBe(false);
  });

  it('tell beside them what a time without a backup does by itself', () => {
    const { values } = impact(lane('Holdfast, governed', [1.02]));
    const known = { ...values, idleGroup: true, lanes: [lane('no backup', [1.07]), ...values.lanes] };
    const results = { impact: { ...about, values: known } };
    expect(goals(results)[0]).toMatchObject({
      met: true,
      measured: expect.stringMatching(/no backup 1\.07 ×$/) as string,
    });
    const page = report(results);
    expect(page).toContain('CPUWeight=idle');
    expect(page).toMatch(/\| no backup \| 900 \|.*\| {2}\| {2}\| {2}\|$/m);
  });

  it('want no more of the pairs with a standstill, chance included', () => {
    const { values } = impact(lane('Holdfast, governed', [1.02]));
    const with_ = (ratio: number, error: number) => {
      const standstill = { pairs: 40, ratio, error, going: felt(2.1), still: felt(2) };
      return { impact: { ...about, values: { ...values, inMemory: true, standstill } } };
    };
    expect(goals(with_(1.02, 0.01))[1]).toMatchObject({ measured: '1.02 × (1.00 × to 1.04 ×), 40 pairs', met: true });
    expect(goals(with_(1.02, 0.03))[1]!.met).toBe(false);
    const page = report(with_(1.02, 0.01));
    expect(page).toContain('The files of those three are in memory');
    expect(page).toMatch(/\| standing \| 900 \|/);
  });

  it('count the slower of governor and reads', () => {
    const steer = { ...about, values: [{ name: 'one worker', governorMs: [10, 20], readsMs: [15, 1_200] }] };
    expect(goals({ steer })).toEqual([
      { what: 'signal to effect, p99 of 2 signals, one worker', goal: 'under 1 s', measured: '1200 ms', met: false },
    ]);
  });

  it('compare governed and ungoverned backups of a server at rest in pairs', () => {
    const samples = (all: readonly number[]) => all.map((ms) => ({ ms }));
    const idleGoverned = {
      ...about,
      values: [
        { name: 'not governed', samples: samples([1_000, 2_000, 3_000]) },
        { name: 'governed', samples: samples([1_020, 2_060, 3_030]) },
      ],
    };
    expect(goals({ idleGoverned })[0]).toMatchObject({ measured: '1.02 ×', met: true });
  });

  it('stand apart for a server with a CPU of its own', () => {
    const known = impact(lane('Holdfast, governed', [1.01]));
    const [, , p95, ends] = goals({ impact: known, impactApart: impact(lane('Holdfast, governed', [1.2])) });
    expect(p95).toMatchObject({ met: false, what: expect.stringContaining('on a CPU of its own') as string });
    expect(ends).toMatchObject({ met: true });
    expect(report({ impactApart: known })).toContain('## What the application feels, the server on a CPU of its own');
  });

  it('stand on a page that states the configuration and each lane', () => {
    const page = report({ impact: impact(lane('Holdfast, governed', [1.01], 0.5)) });
    expect(page).toContain('```yaml\nreaders: 1\nload:\n  maxRate: 2MB/s\n```');
    expect(page).not.toContain('CPUWeight');
    expect(page).not.toContain('on a CPU of its own');
    expect(page).toMatch(/\| Holdfast, governed \| 900 \| .* 50 % \| 2 \|/);
    expect(page).toMatch(/\| alone \| 900 \|/);
  });
});
