import fc from 'fast-check';
import { decidePace, sameTarget } from '../../../../src/domain/load/policy';
import {
  START_STATE,
  type PaceDecision,
  type PolicyInput,
  type PolicyState,
} from '../../../../src/domain/load/policy-types';
import { DEFAULT_RULES, type LoadRules } from '../../../../src/domain/load/rules';
import type { LoadSample } from '../../../../src/domain/load/signals';
import { zoneClock } from '../../../../src/domain/load/windows';

const T = Date.UTC(2026, 10, 21, 23);
const EVERY = 4_000;
const RULES: LoadRules = { ...DEFAULT_RULES, maxBytesPerSecond: 50e6 };
const CPU = DEFAULT_RULES.limits.find(({ signal }) => signal === 'hostCpu')!;
const clock = zoneClock('UTC');

type Signals = LoadSample['signals'];
/** Anything that samplers may answer: good, bad, at the edge, nothing, lies. */
const cpu = fc.oneof(
  { weight: 3, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0.1, CPU.release, CPU.throttle, CPU.pause!) },
  fc.constantFrom(Number.NaN, -1, Infinity, undefined),
);
const signals: fc.Arbitrary<Signals> = fc.record({
  hostCpu: cpu,
  probeLatencyMs: fc.oneof(fc.constantFrom(10, 11, 12, 30, undefined), fc.double({ min: 0, max: 100, noNaN: true })),
  poolUse: fc.constantFrom(0.2, 0.85, 0.99),
}) as fc.Arbitrary<Signals>;
/** One signal alone that is good, a little over its limit, between, or far over: what walks the ladder step by step. */
const alone: fc.Arbitrary<Signals> = fc
  .constantFrom(0.1, CPU.release, CPU.throttle, CPU.throttle, 0.9, CPU.pause!)
  .map((hostCpu) => ({ hostCpu, probeLatencyMs: 10, poolUse: 0.2 }));
/** A phase of alike samples, so that levels are reached and left, not only touched. */
const phase = fc.record({ signals: fc.oneof(signals, alone), times: fc.integer({ min: 1, max: 16 }) });
const story = fc
  .array(phase, { minLength: 1, maxLength: 12 })
  .map((phases) => phases.flatMap(({ signals: one, times }) => Array<Signals>(times).fill(one)));

const sampleAt = (index: number, one: Signals): LoadSample => ({ at: T + index * EVERY, source: 'all', signals: one });

function decide(
  now: number,
  samples: readonly LoadSample[],
  state: PolicyState,
  changes: Partial<PolicyInput> = {},
): PaceDecision {
  return decidePace({
    now,
    rules: RULES,
    clock,
    samples,
    failures: [],
    usual: () => ({ median: 10, p90: 10.5 }),
    run: { kind: 'backup', startedAt: T, bytesDone: 0, bytesExpected: null, bytesPerSecond: 40e6, givesWayTo: null },
    override: null,
    emergencyStop: null,
    state,
    ...changes,
  });
}

function replay(
  all: readonly Signals[],
  mix: (samples: readonly LoadSample[]) => readonly LoadSample[] = (samples) => samples,
): PaceDecision[] {
  let state = START_STATE;
  return all.map((_, index) => {
    const samples = all
      .slice(Math.max(0, index - 40), index + 1)
      .map((one, at) => sampleAt(Math.max(0, index - 40) + at, one));
    const decision = decide(T + index * EVERY, mix(samples), state);
    ({ state } = decision);
    return decision;
  });
}
const speed = ({ target }: PaceDecision) => (target.paused ? 0 : (target.maxBytesPerSecond ?? Infinity));
const over = (value: number | undefined, limit: number) => typeof value === 'number' && value >= limit && value <= 1;

test('it is never faster than a limit allows, and never goes faster while a signal is over its limit', () => {
  fc.assert(
    fc.property(story, (all) => {
      const decisions = replay(all);
      decisions.forEach((decision, index) => {
        expect(decision.target.maxBytesPerSecond).toBeLessThanOrEqual(50e6);
        if (index === 0) return;
        const two = [all[index - 1]!.hostCpu, all[index]!.hostCpu];
        const recent = decisions
          .slice(0, index + 1)
          .filter((one, at) => one.changed && at > 0 && (index - at) * EVERY < 60_000);
        if (two.every((value) => over(value, CPU.throttle)))
          expect(speed(decision)).toBeLessThanOrEqual(speed(decisions[index - 1]!));
        if (two.every((value) => over(value, CPU.pause!)) && recent.length < 4)
          expect(decision.target.paused).toBe(true);
      });
    }),
    { numRuns: 60 },
  );
});

test('there are at most four changes in any minute, whatever samplers say and windows do', () => {
  fc.assert(
    fc.property(
      story,
      fc.array(
        fc.nat(40).map((n) => n === 0),
        { minLength: 150, maxLength: 150 },
      ),
      (all, windows) => {
        let state = START_STATE;
        const changes: number[] = [];
        all.forEach((one, index) => {
          const now = T + index * EVERY;
          const window = { name: 'w', days: [], from: '00:00', to: '24:00', action: 'pause' as const };
          const rules = { ...RULES, protected: windows[index] ? [window] : [] };
          const decision = decide(now, [sampleAt(index - 1, one), sampleAt(index, one)], state, { rules });
          if (decision.changed && index > 0) changes.push(now);
          ({ state } = decision);
        });
        for (const from of changes)
          expect(changes.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(4);
      },
    ),
    { numRuns: 100 },
  );
});

test('when all signals fall it is always released in the end, after anything that happened before', () => {
  fc.assert(
    fc.property(
      story,
      fc.oneof(
        fc.integer({ min: -300_000, max: 300_000 }),
        fc.integer({ min: -30, max: 30 }).map((days) => days * 86_400_000),
      ),
      (all, jump) => {
        let { state } = replay(all).at(-1)!;
        const good: Signals = { hostCpu: 0.1, probeLatencyMs: 10, poolUse: 0.1 };
        // The clock may have jumped as well, either way.
        const start = T + all.length * EVERY + jump;
        let last: PaceDecision | null = null;
        for (let step = 0; step < 400; step++) {
          const now = start + step * 6_000;
          const samples = [3, 2, 1, 0].map((back) => ({ at: now - back * 6_000, source: 'all', signals: good }));
          last = decide(now, samples, state);
          ({ state } = last);
        }
        expect(last!.target).toEqual({ maxBytesPerSecond: 50e6, readers: null, uploads: null, paused: false });
        expect(last!.alerts).toEqual([]);
      },
    ),
    { numRuns: 20 },
  );
});

test('doubled and reordered samples change no decision', () => {
  fc.assert(
    fc.property(story, fc.nat(1_000), (all, salt) => {
      const mixed = replay(all, (samples) =>
        [...samples, ...samples].sort((a, b) => ((a.at / EVERY + salt) % 7) - ((b.at / EVERY + salt) % 7)),
      );
      expect(mixed).toEqual(replay(all));
    }),
    { numRuns: 60 },
  );
});

test('asked again at the same instant it answers the same and changes nothing', () => {
  fc.assert(
    fc.property(story, (all) => {
      const { state, target } = replay(all).at(-1)!;
      const samples = all.map((one, index) => sampleAt(index, one));
      const again = decide(T + (all.length - 1) * EVERY, samples, state);
      expect(again.changed).toBe(false);
      expect(sameTarget(again.target, target)).toBe(true);
      expect(again.raised).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

test('its state survives being written down', () => {
  fc.assert(
    fc.property(story, (all) => {
      const { state } = replay(all).at(-1)!;
      const samples = all.map((one, index) => sampleAt(index, one));
      const now = T + all.length * EVERY;
      const written = JSON.parse(JSON.stringify(state)) as PolicyState;
      expect(written).toEqual(state);
      expect(decide(now, samples, written)).toEqual(decide(now, samples, state));
    }),
    { numRuns: 50 },
  );
});

test('operators and the emergency stop hold at once, whatever was decided before', () => {
  fc.assert(
    fc.property(story, (all) => {
      const { state } = replay(all).at(-1)!;
      const now = T + all.length * EVERY;
      const override = {
        maxBytesPerSecond: 7e6,
        readers: 1,
        uploads: 1,
        paused: false,
        until: null,
        by: 'ana',
        why: 'x',
      };
      expect(decide(now, [], state, { override }).target).toEqual({
        maxBytesPerSecond: 7e6,
        readers: 1,
        uploads: 1,
        paused: false,
      });
      const emergencyStop = { since: now, by: 'bo', why: 'x' };
      expect(decide(now, [], state, { override, emergencyStop }).target.paused).toBe(true);
    }),
    { numRuns: 50 },
  );
});
