/** A database under a day of load, with a backup that the policy paces: what the samplers would measure, and what happened. */
import { decidePace } from '../../src/domain/load/policy';
import { START_STATE, type PaceDecision, type PaceTarget, type PolicyState } from '../../src/domain/load/policy-types';
import { DEFAULT_RULES, type LoadRules } from '../../src/domain/load/rules';
import type { LoadSample } from '../../src/domain/load/signals';
import { zoneClock } from '../../src/domain/load/windows';

export interface SimulatedDay {
  /** Milliseconds since the epoch. */
  readonly startsAt: number;
  readonly lastsMs: number;
  readonly bytes: number;
  /** What the source gives at full pace on an idle server, bytes per second. */
  readonly fullBytesPerSecond: number;
  /** CPU that a backup at full pace costs: a share of the host. */
  readonly backupCpu: number;
  /** CPU of everybody else at an instant: 0..1. */
  readonly others: (at: number) => number;
  readonly rules?: LoadRules;
  /** @default 2 s */
  readonly everyMs?: number;
  /** What the samplers make of a sample: loss, doubles, lies. */
  readonly samplers?: (sample: LoadSample, index: number) => readonly LoadSample[];
}

export interface SimulatedChange {
  readonly at: number;
  readonly target: PaceTarget;
  readonly reasons: readonly string[];
}

export interface Simulation {
  readonly changes: readonly SimulatedChange[];
  readonly doneAt: number | null;
  readonly bytesDone: number;
  /** Samples with others and backup together over the throttle limit, and all that were taken while the backup ran. */
  readonly over: number;
  readonly taken: number;
  readonly decisions: readonly PaceDecision[];
}

export function simulateDay(day: SimulatedDay): Simulation {
  const { startsAt, lastsMs, bytes, fullBytesPerSecond, backupCpu, others } = day;
  const { rules = DEFAULT_RULES, everyMs = 2_000, samplers = (sample) => [sample] } = day;
  const clock = zoneClock(rules.timeZone);
  const changes: SimulatedChange[] = [];
  const decisions: PaceDecision[] = [];
  let samples: LoadSample[] = [];
  let state: PolicyState = START_STATE;
  let [done, rate, over, taken] = [0, 0, 0, 0];
  for (let at = startsAt, index = 0; at < startsAt + lastsMs; at += everyMs, index++) {
    const cpu = Math.min(1, others(at) + backupCpu * (rate / fullBytesPerSecond));
    const probe = latencyAt(cpu);
    samples = [
      ...samples.filter((sample) => sample.at > at - 130_000),
      ...samplers({ at, source: 'all', signals: { hostCpu: cpu, probeLatencyMs: probe, poolUse: 0.2 } }, index),
    ];
    const decision = decidePace({
      now: at,
      rules,
      clock,
      samples,
      failures: [],
      usual: () => ({ median: latencyAt(others(at)), p90: latencyAt(others(at)) * 1.1 }),
      run: {
        kind: 'backup',
        startedAt: startsAt,
        bytesDone: done,
        bytesExpected: bytes,
        bytesPerSecond: rate,
        givesWayTo: null,
      },
      override: null,
      emergencyStop: null,
      state,
    });
    ({ state } = decision);
    decisions.push(decision);
    const { target } = decision;
    if (decision.changed) changes.push({ at, target, reasons: decision.reasons.map(({ text }) => text) });
    // A machine that is full gives a backup less as well.
    const possible = fullBytesPerSecond * Math.min(1, Math.max(0.05, 1 - others(at)) / Math.max(backupCpu, 0.05));
    rate = target.paused ? 0 : Math.min(possible, target.maxBytesPerSecond ?? Infinity);
    taken += 1;
    if (decision.reasons.some(({ code }) => code === 'signal') && cpu >= 0.3) over += 1;
    done += rate * (everyMs / 1_000);
    if (done >= bytes) return { changes, doneAt: at + everyMs, bytesDone: bytes, over, taken, decisions };
  }
  return { changes, doneAt: null, bytesDone: done, over, taken, decisions };
}

/** Of a machine with some cores: queries hardly notice until it fills up. Milliseconds. */
const latencyAt = (cpu: number): number => 5 * (1 + 3 * cpu ** 3);

/** The most changes within any minute. The first one states the pace at the start. */
export function mostChangesAMinute(changes: readonly SimulatedChange[]): number {
  const times = changes.slice(1).map(({ at }) => at);
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 60_000).length));
}

/** Changes whose direction is not that of the one before: slower, faster, slower. */
export function turns(changes: readonly SimulatedChange[]): number {
  const speed = ({ target }: SimulatedChange) => (target.paused ? 0 : (target.maxBytesPerSecond ?? Infinity));
  const directions = changes.slice(1).map((change, index) => Math.sign(speed(change) - speed(changes[index]!)));
  return directions.filter((direction, index) => index > 0 && direction !== directions[index - 1]).length;
}
