/** A backup that the pace policy steers through a composed day, and what could have been done at best. */
import { usualFrom, type Baseline } from '../../src/domain/load/baseline';
import { calendarAt } from '../../src/domain/load/calendar';
import { deadlineAt } from '../../src/domain/load/deadline';
import { ladder } from '../../src/domain/load/ladder';
import { thresholdsOf } from '../../src/domain/load/limits';
import { decidePace } from '../../src/domain/load/policy';
import { START_STATE, type PolicyState } from '../../src/domain/load/policy-types';
import type { LoadRules } from '../../src/domain/load/rules';
import { seriesKey } from '../../src/domain/load/series';
import type { LoadSample } from '../../src/domain/load/signals';
import { zoneClock } from '../../src/domain/load/windows';
import { withBackup, type BackupEffect, type Signals } from './recording';

const DAY_MS = 86_400_000;
/** The policy looks back so far. */
const REMEMBERED_MS = 125_000;

export interface ReplayOptions {
  readonly rules: LoadRules;
  readonly everyMs: number;
  readonly startsAt: number;
  /** `hardest`: as many as count as feasible by the deadline. */
  readonly bytes: number | 'hardest';
  /** At full pace. */
  readonly bytesPerSecond: number;
  readonly alone: (at: number) => Signals;
  readonly baseline: Baseline;
  readonly effect: BackupEffect;
}

export interface Replay {
  /** Null: not within a day. */
  readonly tookMs: number | null;
  /** What it would have taken at full pace. */
  readonly ungovernedMs: number;
  readonly pausedMs: number;
  readonly changes: number;
  readonly mostChangesAMinute: number;
  readonly decisions: number;
  /** Null: no deadline. */
  readonly deadline: { readonly feasible: boolean; readonly met: boolean; readonly warned: boolean } | null;
}

/** How much of what the limits leave at best may be asked for: a policy neither knows the future nor tries every pace. */
export const FEASIBLE_SHARE = 0.8;

export function replayBackup(options: ReplayOptions): Replay {
  const { rules, everyMs, startsAt, bytesPerSecond, alone, baseline, effect } = options;
  const clock = zoneClock(rules.timeZone);
  const ends = rules.deadline === null ? null : deadlineAt(rules.deadline, startsAt, clock);
  const feasible = ends === null ? Infinity : bytesAtBest(options, ends) * FEASIBLE_SHARE;
  const bytes = options.bytes === 'hardest' ? feasible : options.bytes;
  if (!Number.isFinite(bytes)) throw new Error('without a deadline nothing is the hardest');
  const changedAt: number[] = [];
  let samples: LoadSample[] = [];
  let state: PolicyState = START_STATE;
  let [done, rate, pausedMs, decisions, warned] = [0, 0, 0, 0, false];
  let usual = usualFrom(baseline, {}, startsAt);
  let at = startsAt;
  for (; at < startsAt + DAY_MS && done < bytes; at += everyMs) {
    if (at % 3_600_000 < everyMs) usual = usualFrom(baseline, {}, at);
    const sample = withBackup(at, alone(at), rate / bytesPerSecond, effect);
    samples = [...samples.filter((one) => one.at > at - REMEMBERED_MS), sample];
    const decision = decidePace({
      ...{ now: at, rules, clock, samples, failures: [], usual, override: null, emergencyStop: null, state },
      run: {
        ...{ kind: 'backup', startedAt: startsAt, bytesDone: done, bytesExpected: bytes, givesWayTo: null },
        bytesPerSecond: decisions === 0 ? null : rate,
      },
    });
    state = decision.state;
    if (decision.changed && decisions > 0) changedAt.push(at);
    decisions += 1;
    warned ||= decision.raised.some(({ code }) => code === 'deadlineAtRisk' || code === 'deadlineLost');
    const { target } = decision;
    rate = target.paused ? 0 : Math.min(bytesPerSecond, target.maxBytesPerSecond ?? Infinity);
    if (target.paused) pausedMs += everyMs;
    done += rate * (everyMs / 1_000);
  }
  const met = done >= bytes && (ends === null || at <= ends);
  return {
    tookMs: done >= bytes ? at - startsAt : null,
    ungovernedMs: (bytes / bytesPerSecond) * 1_000,
    pausedMs,
    changes: changedAt.length,
    mostChangesAMinute: Math.max(
      0,
      ...changedAt.map((from) => changedAt.filter((time) => time >= from && time < from + 60_000).length),
    ),
    decisions,
    deadline: ends === null ? null : { feasible: bytes <= bytesAtBest(options, ends) * FEASIBLE_SHARE, met, warned },
  };
}

/**
 * Bytes that could be read by then if each minute the fastest pace of the ladder were taken that breaks no limit in it. What
 * paused by a limit goes on when all signals stayed within their release, as the rules say.
 */
export function bytesAtBest(options: ReplayOptions, ends: number): number {
  const { rules, everyMs, startsAt, bytesPerSecond, alone, baseline, effect } = options;
  const clock = zoneClock(rules.timeZone);
  const { maxBytesPerSecond, minBytesPerSecond, readers, uploads } = rules;
  const rates = ladder({
    ...{ maxBytesPerSecond, minBytesPerSecond, readers, uploads },
    measuredBytesPerSecond: bytesPerSecond,
  }).map((rung) => Math.min(bytesPerSecond, rung.maxBytesPerSecond ?? Infinity));
  let [bytes, paused] = [0, false];
  for (let minute = startsAt; minute < ends; minute += 60_000) {
    const { limits, protectedBy } = calendarAt(rules, minute, clock);
    const usual = usualFrom(baseline, {}, minute);
    const known = limits.map(({ signal }) => usual(seriesKey('postgres', signal)));
    const thresholds = limits.map((limit, index) => thresholdsOf(limit, known[index] ?? null));
    const breaks = (rate: number, which: 'throttle' | 'pause') => {
      let before = false;
      for (let at = minute; at < Math.min(ends, minute + 60_000); at += everyMs) {
        const { signals } = withBackup(at, alone(at), rate / bytesPerSecond, effect);
        const over = limits.some(
          ({ signal }, index) => (signals[signal] ?? 0) >= (thresholds[index]?.[which] ?? Infinity),
        );
        // One sample alone may be chance, for the policy as for what could be done at best.
        if (over && before) return true;
        before = over;
      }
      return false;
    };
    const lowest = rates.at(-1)!;
    const seconds = Math.min(ends - minute, 60_000) / 1_000;
    const released = () => {
      let clear = 0;
      for (let at = minute; at < minute + 60_000 && clear * everyMs < rules.timing.releaseAfterMs; at += everyMs) {
        const signals = alone(at);
        const over = limits.some(
          ({ signal }, index) => (signals[signal] ?? 0) >= (thresholds[index]?.release ?? Infinity),
        );
        clear = over ? 0 : clear + 1;
      }
      return clear * everyMs >= rules.timing.releaseAfterMs;
    };
    if (breaks(lowest, 'pause') && rules.priority !== 'critical') paused = true;
    else if (paused && released()) paused = false;
    if (paused || protectedBy?.action === 'pause') continue;
    const allowed = protectedBy ? [lowest] : rates;
    bytes += (allowed.find((rate) => !breaks(rate, 'throttle')) ?? lowest) * seconds;
  }
  return bytes;
}
