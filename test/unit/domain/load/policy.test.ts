import type { Usual } from '../../../../src/domain/load/limits';
import { decidePace } from '../../../../src/domain/load/policy';
import { START_STATE, type PaceDecision, type PolicyInput } from '../../../../src/domain/load/policy-types';
import { DEFAULT_RULES, type LoadRules } from '../../../../src/domain/load/rules';
import type { LoadSample } from '../../../../src/domain/load/signals';

/** A Saturday, 23:00 UTC: no peak hour. */
const T = Date.UTC(2026, 10, 21, 23);
const USUAL: Usual = { median: 10, p90: 10.5 };
const MB = 1e6;

const INPUT: PolicyInput = {
  now: T,
  rules: DEFAULT_RULES,
  samples: [],
  failures: [],
  usual: () => USUAL,
  run: {
    kind: 'backup',
    startedAt: T,
    bytesDone: 0,
    bytesExpected: null,
    bytesPerSecond: 64 * MB,
    givesWayTo: null,
  },
  override: null,
  emergencyStop: null,
  state: START_STATE,
};
const rules = (changes: Partial<LoadRules>): LoadRules => ({ ...DEFAULT_RULES, ...changes });
/** Nobody uses the server: a backup begins at full pace. */
const GOOD = { hostCpu: 0.1, probeLatencyMs: 10, sessionsActive: 0 };
const sample = (at: number, signals: LoadSample['signals']): LoadSample => ({ at, source: 'all', signals });

/** Samples every 2 s and a decision after each; `signals` by seconds since the start. */
function play(
  seconds: number,
  signals: (second: number) => LoadSample['signals'],
  input: Partial<PolicyInput> = {},
): { decisions: PaceDecision[]; last: PaceDecision } {
  const decisions: PaceDecision[] = [];
  const samples: LoadSample[] = [];
  let state = input.state ?? START_STATE;
  const start = input.now ?? T;
  for (let second = 0; second <= seconds; second += 2) {
    samples.push(sample(start + second * 1_000, signals(second)));
    const decision = decidePace({ ...INPUT, ...input, now: start + second * 1_000, samples, state });
    ({ state } = decision);
    decisions.push(decision);
  }
  return { decisions, last: decisions.at(-1)! };
}

test('on an idle server a backup goes at full pace from the first samples on', () => {
  const { decisions } = play(60, () => GOOD);
  expect(decisions.filter(({ changed }) => changed)).toHaveLength(1);
  expect(decisions[0]!.target).toEqual({ maxBytesPerSecond: null, readers: null, uploads: null, paused: false });
});

test('on a server in use a backup begins at the safe pace and doubles it every few seconds while all is well', () => {
  for (const used of [{ sessionsActive: 1 }, { commitsPerSecond: 400 }, { sessionsActive: undefined }]) {
    const { decisions, last } = play(30, () => ({ ...GOOD, ...used }) as LoadSample['signals']);
    const rates = decisions.filter(({ changed }) => changed).map(({ target }) => target.maxBytesPerSecond);
    expect(rates).toEqual([8 * MB, 16 * MB, 32 * MB, null]);
    expect(decisions[0]!.reasons[0]!.code).toBe('beginning');
    expect(last.reasons[0]!.code).toBe('free');
    expect(last.state.beginning).toBe(false);
  }
});

test('a beginning ends with the first pace that proves too fast', () => {
  const { decisions } = play(40, (second) => ({
    ...GOOD,
    sessionsActive: 3,
    hostCpu: second >= 8 && second < 14 ? 0.8 : 0.4,
  }));
  const rates = decisions.filter(({ changed }) => changed).map(({ target }) => target.maxBytesPerSecond);
  expect(rates).toEqual([8 * MB, 16 * MB, 8 * MB]);
});

test('who comes after a backup began at full pace does not send it back to its beginning', () => {
  const { last } = play(30, (second) => ({ ...GOOD, sessionsActive: second > 4 ? 9 : 0 }));
  expect(last.target.maxBytesPerSecond).toBeNull();
});

test('a signal over its limit slows a backup down within two samples, to half of what was measured', () => {
  const { decisions } = play(12, (second) => ({ ...GOOD, hostCpu: second >= 6 ? 0.78 : 0.2 }));
  expect(decisions[3]!.target.maxBytesPerSecond).toBeNull();
  expect(decisions[4]!.target).toEqual({ maxBytesPerSecond: 32 * MB, readers: 1, uploads: 2, paused: false });
  expect(decisions[4]!.reasons[0]).toEqual({
    code: 'signal',
    text: 'CPU of the host 78 % is over the limit 75 %',
  });
});

test('a single sample over a limit changes nothing', () => {
  const { decisions } = play(60, (second) => ({ ...GOOD, hostCpu: second === 20 ? 0.99 : 0.2 }));
  expect(decisions.filter(({ changed }) => changed)).toHaveLength(1);
});

test('far over its limit a signal costs two steps, over the pause limit it pauses', () => {
  const far = play(10, (second) => ({ ...GOOD, hostCpu: second >= 6 ? 0.88 : 0.2 }));
  expect(far.last.target.maxBytesPerSecond).toBe(16 * MB);
  const stop = play(10, (second) => ({ ...GOOD, hostCpu: second >= 6 ? 0.95 : 0.2 }));
  expect(stop.last.target.paused).toBe(true);
});

test('it is released when the signal fell below release and stayed there, one step at a time', () => {
  const { decisions, last } = play(600, (second) => ({ ...GOOD, hostCpu: second >= 6 && second < 30 ? 0.95 : 0.2 }));
  const rates = decisions
    .filter(({ changed }) => changed)
    .map(({ target }) => [target.paused, target.maxBytesPerSecond]);
  expect(rates.slice(0, 3)).toEqual([
    [false, null],
    [true, 1 * MB],
    [false, 1 * MB],
  ]);
  expect(last.target.maxBytesPerSecond).toBeNull();
});

test('between release and throttle it neither slows down nor goes faster', () => {
  const { decisions, last } = play(300, (second) => ({
    ...GOOD,
    hostCpu: second < 6 ? 0.2 : second < 12 ? 0.78 : 0.7,
  }));
  expect(decisions.filter(({ changed }) => changed)).toHaveLength(2);
  expect(last.target.maxBytesPerSecond).toBe(32 * MB);
});

test('in peak hours the limit of the CPU is 30 %', () => {
  const noon = Date.UTC(2026, 10, 21, 12);
  const cpu = () => ({ ...GOOD, hostCpu: 0.4 });
  expect(play(10, cpu, { now: noon }).last.target.maxBytesPerSecond).toBe(32 * MB);
  expect(play(10, cpu).last.target.maxBytesPerSecond).toBeNull();
});

test('a latency is held against what is usual at that hour, and against its noise', () => {
  const slow = (ms: number, usual: Usual) =>
    play(10, () => ({ ...GOOD, probeLatencyMs: ms }), { usual: () => usual }).last.target.maxBytesPerSecond;
  expect(slow(13, { median: 10, p90: 10.5 })).toBe(32 * MB);
  expect(slow(13, { median: 10, p90: 20 })).toBeNull();
  expect(slow(1.5, { median: 0.5, p90: 0.6 })).toBeNull();
});

test('without anything usual a relative limit counts as unknown', () => {
  const { last } = play(10, () => GOOD, { usual: () => null });
  expect(last.validSignals).toBe(1);
  expect(last.reasons[0]!.code).toBe('tooFewSignals');
});

test('with too few signals the safe pace holds, and says which samplers failed', () => {
  const { last } = play(60, (second) => (second < 20 ? GOOD : {}), {
    failures: [{ source: 'host', at: T + 50_000, kind: 'hung', message: 'no answer in 3 s' }],
  });
  expect(last.target).toEqual({ maxBytesPerSecond: 8 * MB, readers: 1, uploads: 1, paused: false });
  expect(last.reasons[0]!.text).toBe('0 of 2 signals are known (host hung): the safe pace');
  expect(last.alerts.map(({ code }) => code)).toEqual(['tooFewSignals']);
});

test('a run that paused before its samplers fell silent goes on at the safe pace, never faster', () => {
  const { decisions, last } = play(600, (second) => (second < 20 ? { ...GOOD, hostCpu: 0.95 } : {}));
  expect(decisions[20]!.target.paused).toBe(true);
  expect(last.target).toEqual({ maxBytesPerSecond: 8 * MB, readers: 1, uploads: 1, paused: false });
});

test('a fifth change within a minute waits, also one that a window asks for', () => {
  const window = { name: 'w', days: [], from: '00:00', to: '24:00' } as const;
  const timing = { ...DEFAULT_RULES.timing, climbAfterMs: 2_000 };
  const protectedAt = (second: number) =>
    second < 2 || second >= 10
      ? [{ ...window, action: 'pause' as const }]
      : second >= 8
        ? [{ ...window, action: 'noStart' as const }]
        : [];
  let state = START_STATE;
  const decisions: PaceDecision[] = [];
  for (let second = 0; second <= 70; second += 2) {
    const now = T + second * 1_000;
    const samples = [0, 2, 4].map((back) => sample(now - back * 1_000, GOOD));
    const decision = decidePace({
      ...INPUT,
      now,
      samples,
      state,
      rules: rules({ timing, protected: protectedAt(second) }),
    });
    ({ state } = decision);
    decisions.push(decision);
  }
  expect(decisions.map(({ changed }, index) => (changed ? index * 2 : -1)).filter((at) => at >= 0)).toEqual([
    0, 2, 4, 6, 8, 62,
  ]);
  expect(decisions[5]!.target.paused).toBe(false);
  expect(decisions[5]!.reasons.at(-1)!.code).toBe('tooManyChanges');
  expect(decisions.at(-1)!.target.paused).toBe(true);
});

test('a protected window pauses, or keeps a run at the lowest pace', () => {
  const window = { name: 'month-end booking', days: [], from: '22:30', to: '23:30' } as const;
  const held = (action: 'pause' | 'noStart') =>
    play(4, () => GOOD, { rules: rules({ protected: [{ ...window, action }] }) }).last;
  expect(held('pause').target.paused).toBe(true);
  expect(held('pause').reasons[0]!.text).toBe('month-end booking is protected until 23:30');
  expect(held('noStart').target).toMatchObject({ paused: false, maxBytesPerSecond: 1 * MB });
});

test('operators beat samples and windows; the emergency stop beats operators', () => {
  const override = {
    maxBytesPerSecond: 20 * MB,
    readers: null,
    uploads: null,
    paused: false,
    until: T + 3_600_000,
    by: 'ana',
    why: 'must be done by noon',
  };
  const loaded = () => ({ ...GOOD, hostCpu: 0.99 });
  const asked = play(10, loaded, { override });
  expect(asked.last.target).toMatchObject({ maxBytesPerSecond: 20 * MB, paused: false });
  expect(asked.last.reasons[0]!.text).toBe('asked by ana: must be done by noon, until 00:00');
  const over = play(10, loaded, { override: { ...override, until: T } });
  expect(over.last.target.paused).toBe(true);
  const stopped = play(4, () => GOOD, { override, emergencyStop: { by: 'bo', why: 'incident 7' } });
  expect(stopped.last.target.paused).toBe(true);
  expect(stopped.last.reasons).toEqual([{ code: 'emergencyStop', text: 'emergency stop by bo: incident 7' }]);
});

test('a restore is slowed by nothing but operators', () => {
  const run = { ...INPUT.run, kind: 'restore' as const };
  const protectedAll = rules({
    protected: [{ name: 'x', days: [], from: '00:00', to: '24:00', action: 'pause' }],
    maxBytesPerSecond: 5 * MB,
  });
  const { last } = play(10, () => ({ ...GOOD, hostCpu: 0.99 }), { run, rules: protectedAll });
  expect(last.target).toEqual({ maxBytesPerSecond: null, readers: null, uploads: null, paused: false });
  const stopped = play(2, () => GOOD, { run, emergencyStop: { by: 'bo', why: '' } });
  expect(stopped.last.target.paused).toBe(true);
});

test('a backup gives way to more important work, and a critical one is slowed where others pause', () => {
  const way = play(4, () => GOOD, { run: { ...INPUT.run, givesWayTo: 'restore of orders' } });
  expect(way.last.target).toMatchObject({ paused: false, maxBytesPerSecond: 1 * MB });
  const critical = play(10, () => ({ ...GOOD, hostCpu: 0.99 }), { rules: rules({ priority: 'critical' }) });
  expect(critical.last.target).toMatchObject({ paused: false, maxBytesPerSecond: 1 * MB });
});

test('three breaches of a hard limit in a row open the breaker for five minutes, then comes one trial', () => {
  const { decisions } = play(400, (second) => ({
    hostCpu: 0.1,
    probeLatencyMs: second >= 10 && second <= 16 ? 90 : 10,
  }));
  const opened = decisions.findIndex(({ state }) => state.impact.breaker.state === 'open');
  expect(opened).toBe(7);
  expect(decisions[opened]!.raised.map(({ code }) => code)).toEqual(['breakerOpen']);
  const at = (second: number) => decisions[second / 2]!;
  expect(at(300).target.paused).toBe(true);
  expect(at(316)).toMatchObject({ target: { paused: false, maxBytesPerSecond: 1 * MB } });
  expect(at(330).state.impact.breaker.state).toBe('closed');
});

test('a trial that breaches a hard limit opens the breaker again', () => {
  const { decisions } = play(360, (second) => ({
    hostCpu: 0.1,
    probeLatencyMs: (second >= 10 && second <= 16) || second >= 320 ? 90 : 10,
  }));
  expect(decisions.at(-1)!.state.impact.breaker.state).toBe('open');
  expect(decisions.at(-1)!.target.paused).toBe(true);
});

test('over the pause budget the snapshot is given up, and a warning comes before', () => {
  const { decisions } = play(660, () => ({ ...GOOD, hostCpu: 0.95 }));
  const warned = decisions.findIndex(({ raised }) => raised.some(({ code }) => code === 'pauseBudget'));
  const gaveUp = decisions.findIndex(({ snapshot }) => snapshot === 'giveUp');
  expect(warned * 2).toBe(482);
  expect(gaveUp * 2).toBe(602);
});

test('a deadline that the pace will miss is told before it is missed', () => {
  const run = { ...INPUT.run, bytesExpected: 100e9, bytesPerSecond: 10 * MB };
  const late = play(4, () => GOOD, { run, rules: rules({ deadline: { doneBy: '01:00' } }) }).last;
  expect(late.deadline).toMatchObject({ state: 'lost', deadlineAt: T + 7_200_000 });
  expect(late.alerts[0]!.text).toBe(
    'even at full pace it misses its deadline: it ends at about 01:46, 47 min after its deadline 01:00',
  );
  const good = play(4, () => GOOD, { run, rules: rules({ deadline: { withinMs: 4 * 3_600_000 } }) }).last;
  expect(good.deadline!.state).toBe('met');
});

test('a database that its sampler cannot look at gets the safe pace, however well the host does', () => {
  const known = { ...GOOD, hostIoWait: 0.01, hostMemory: 0.3 };
  const failed = (second: number) => [
    { source: 'postgres', at: T + second * 1_000, kind: 'hung' as const, message: 'no answer within 3000 ms' },
  ];
  const { last } = play(60, () => known, { failures: failed(58) });
  expect(last.target).toEqual({ maxBytesPerSecond: 8 * MB, readers: 1, uploads: 1, paused: false });
  expect(last.reasons[0]).toEqual({
    code: 'tooFewSignals',
    text: 'nothing is known of the database itself (postgres hung): the safe pace',
  });
  expect(last.alerts.map(({ code }) => code)).toEqual(['tooFewSignals']);
  // One that fails now and then, and another sampler that fails, cost nothing.
  expect(play(60, () => known, { failures: failed(20) }).last.target.maxBytesPerSecond).toBeNull();
  const seen = decidePace({
    ...INPUT,
    now: T + 60_000,
    samples: [...[58, 60].map((second) => ({ ...sample(T + second * 1_000, known), source: 'postgres' }))],
    failures: failed(59),
    state: last.state,
  });
  expect(seen.alerts).toEqual([]);
});

test('a moment in which it read next to nothing is not taken for the full pace that the steps hang from', () => {
  let state = START_STATE;
  const samples: LoadSample[] = [];
  const rates: (number | null)[] = [];
  for (let second = 0; second <= 44; second += 2) {
    const now = T + second * 1_000;
    samples.push(sample(now, { ...GOOD, hostCpu: second >= 40 ? 0.8 : 0.2 }));
    const run = { ...INPUT.run, bytesPerSecond: second < 36 ? 400 * MB : 1_000 };
    const decision = decidePace({ ...INPUT, now, samples, run, state });
    ({ state } = decision);
    if (decision.changed) rates.push(decision.target.maxBytesPerSecond);
  }
  expect(rates).toEqual([null, expect.any(Number)]);
  expect(rates[1]).toBeGreaterThan(150 * MB);
});

test('a clock that was set back does not blind the breaker', () => {
  const hour = 3_600_000;
  const before = play(20, () => GOOD, { now: T + hour });
  const after = play(20, () => ({ hostCpu: 0.1, probeLatencyMs: 90 }), { now: T, state: before.last.state });
  expect(after.last.state.impact.breaker.state).toBe('open');
});

test('a trial of the breaker stays at the lowest pace until it has ended', () => {
  const breaker = { ...DEFAULT_RULES.breaker, closeAfter: 60 };
  const { decisions } = play(
    420,
    (second) => ({ hostCpu: 0.1, probeLatencyMs: second >= 10 && second <= 16 ? 90 : 10 }),
    { rules: rules({ breaker }) },
  );
  for (const { target, reasons } of decisions.slice(-20)) {
    expect(target).toMatchObject({ paused: false, maxBytesPerSecond: 1 * MB });
    expect(reasons[0]!.code).toBe('breaker');
  }
});

test('the last change of a minute is kept for a pause', () => {
  const timing = { ...DEFAULT_RULES.timing, settleMs: 0 };
  const { decisions } = play(20, (second) => ({ ...GOOD, hostCpu: second < 2 ? 0.2 : second < 14 ? 0.78 : 0.95 }), {
    rules: rules({ timing }),
  });
  expect(decisions.filter(({ changed }, index) => changed && index > 0 && index < 7)).toHaveLength(3);
  expect(decisions[8]!.target.paused).toBe(true);
});

test('a protected time holds a run at the lowest pace also while a signal asks for one step alone', () => {
  const window = { name: 'x', days: [], from: '00:00', to: '24:00', action: 'noStart' as const };
  const { last } = play(4, () => ({ ...GOOD, hostCpu: 0.78 }), { rules: rules({ protected: [window] }) });
  expect(last.target).toMatchObject({ paused: false, maxBytesPerSecond: 1 * MB });
});

test('memory that a worker does not give back slows a backup down and never stops it', () => {
  const { decisions, last } = play(900, () => ({ ...GOOD, workerMemoryBytes: 900e6 }));
  expect(decisions.every(({ target }) => !target.paused)).toBe(true);
  expect(last.target.maxBytesPerSecond).toBe(1 * MB);
});
