/**
 * A day of paces, replayed: backups of two sizes that begin at each hour of a day composed from recorded samples, under several
 * sets of rules, steered by the real policy. Nothing is read; the same seed gives the same figures on any machine.
 */
import { emptyBaseline, updateBaseline, type Baseline } from '../src/domain/load/baseline';
import { DEFAULT_RULES, type LoadRules } from '../src/domain/load/rules';
import { rollUp } from '../src/domain/load/rollups';
import { seriesOf } from '../src/domain/load/series';
import type { LoadSample } from '../src/domain/load/signals';
import { MINUTES_OF_DAY } from '../src/domain/load/windows';
import { composeDay, withBackup, type BackupEffect, type Recording } from './day/recording';
import { replayBackup, type Replay } from './day/replay';

const HOUR = 3_600_000;
/** A Monday, 00:00 in UTC. */
const MONDAY = Date.UTC(2026, 10, 23);
const BYTES_PER_SECOND = 60e6;
/** Half a core of two, and a tenth more on an idle server's queries. */
const EFFECT: BackupEffect = { cpu: 0.25, latency: 0.1 };
/** Hours at full pace. */
const SIZES = [0.25, 0.75];
/** With a deadline: a small one, and as large a one as is feasible. */
const SIZES_BY_DEADLINE = [0.25, 'hardest'] as const;
const LEARNT_DAYS = 14;
/** Enough for the median of an hour, and half of the work. */
const LEARNT_EVERY_MS = 60_000;
/** Hours at which backups begin: at rest, before and in office hours, in the evening. */
export const DAY_STARTS = [1, 9, 17, 21];
export const QUICK_STARTS = [1];

export const RULE_SETS: Readonly<Record<string, LoadRules>> = {
  'the defaults': DEFAULT_RULES,
  'done by 06:00': { ...DEFAULT_RULES, deadline: { doneBy: '06:00' } },
  'within 4 h, critical': { ...DEFAULT_RULES, deadline: { withinMs: 4 * HOUR }, priority: 'critical' },
  'within 6 h, nights protected': {
    ...DEFAULT_RULES,
    deadline: { withinMs: 6 * HOUR },
    protected: [{ name: 'nightly job', days: [], from: '02:00', to: '03:30', action: 'pause' }],
  },
  'within 2 h, no peak hours': {
    ...DEFAULT_RULES,
    deadline: { withinMs: 2 * HOUR },
    peak: { windows: [], limits: [] },
  },
};

export interface DayLane {
  readonly rules: string;
  readonly backups: number;
  /** Of those that were done within a day: middle of their time to that at full pace. */
  readonly timesUngoverned: number;
  readonly notDone: number;
  readonly pausedShare: number;
  readonly changesAnHour: number;
  readonly mostChangesAMinute: number;
  readonly feasible: number;
  readonly missed: number;
  /** Deadlines that were missed, feasible or not, without a word before. */
  readonly unwarned: number;
}

export interface DayResult {
  readonly lanes: readonly DayLane[];
  readonly decisions: number;
  readonly rounds: number;
  readonly seed: number;
}

export interface DayOptions {
  readonly recording: Recording;
  readonly seed: number;
  /** Hours of the day at which backups begin. */
  readonly starts: readonly number[];
  readonly rules?: readonly string[];
  say?(line: string): void;
}

export function measureDay({ recording, seed, starts, rules: wanted, say }: DayOptions): DayResult {
  const alone = composeDay({ recording, seed, busy: busyAt });
  let decisions = 0;
  const names = wanted ?? Object.keys(RULE_SETS);
  const baseline = learnt(recording, seed);
  const lanes = names.map((name) => {
    const rules = RULE_SETS[name]!;
    const replays = starts.flatMap((hour) =>
      (rules.deadline === null ? SIZES : SIZES_BY_DEADLINE).map((size) =>
        replayBackup({
          rules,
          everyMs: recording.everyMs,
          startsAt: MONDAY + LEARNT_DAYS * 24 * HOUR + hour * HOUR,
          bytes: size === 'hardest' ? size : size * 3_600 * BYTES_PER_SECOND,
          bytesPerSecond: BYTES_PER_SECOND,
          alone,
          baseline,
          effect: EFFECT,
        }),
      ),
    );
    decisions += replays.reduce((sum, replay) => sum + replay.decisions, 0);
    const lane = laneOf(name, replays);
    say?.(
      `${name}: ${lane.backups} backups, ${lane.mostChangesAMinute} changes a minute at most, ${lane.missed} of ${lane.feasible} feasible deadlines missed`,
    );
    return lane;
  });
  return { lanes, decisions, rounds: recording.levels.reduce((sum, { rows }) => sum + rows.length, 0), seed };
}

function laneOf(rules: string, replays: readonly Replay[]): DayLane {
  const done = replays.flatMap(({ tookMs, ungovernedMs }) => (tookMs === null ? [] : [tookMs / ungovernedMs]));
  const hours = replays.reduce((sum, { tookMs }) => sum + (tookMs ?? 24 * HOUR) / HOUR, 0);
  const total = (value: (replay: Replay) => number) => replays.reduce((sum, replay) => sum + value(replay), 0);
  const deadlines = replays.flatMap(({ deadline }) => (deadline === null ? [] : [deadline]));
  return {
    rules,
    backups: replays.length,
    timesUngoverned: done.sort((a, b) => a - b)[Math.floor(done.length / 2)] ?? Number.NaN,
    notDone: replays.length - done.length,
    pausedShare: total(({ pausedMs }) => pausedMs) / HOUR / hours,
    changesAnHour: total(({ changes }) => changes) / hours,
    mostChangesAMinute: Math.max(...replays.map((replay) => replay.mostChangesAMinute)),
    feasible: deadlines.filter(({ feasible }) => feasible).length,
    missed: deadlines.filter(({ feasible, met }) => feasible && !met).length,
    unwarned: deadlines.filter(({ met, warned }) => !met && !warned).length,
  };
}

/** What the watch would have learnt of the weeks before, as it learns it. */
function learnt(recording: Recording, seed: number): Baseline {
  const alone = composeDay({ recording, seed: seed + 1, busy: busyAt });
  const samples: LoadSample[] = [];
  for (let at = MONDAY; at < MONDAY + LEARNT_DAYS * 24 * HOUR; at += LEARNT_EVERY_MS)
    samples.push(withBackup(at, alone(at), 0, EFFECT));
  const relative = new Set(DEFAULT_RULES.limits.filter((limit) => limit.relative).map(({ signal }) => signal));
  const rollups = [...seriesOf(samples)]
    .filter(([key]) => [...relative].some((signal) => key.endsWith(`/${signal}`)))
    .flatMap(([key, points]) => rollUp(key, points, 'hour'));
  return updateBaseline(emptyBaseline(DEFAULT_RULES.timeZone), rollups);
}

/** Office hours with two humps, an evening that fades, a job at 02:00, quiet weekends. */
function busyAt(at: number): number {
  const { minuteOfDay, minuteOfWeek } = CLOCK(at);
  const hump = (middle: number, width: number) => Math.exp(-(((minuteOfDay / 60 - middle) / width) ** 2));
  const people =
    (hump(10.5, 1.9) + hump(15.2, 2.2) + hump(20, 1.8) * 0.4) * (minuteOfWeek >= 5 * MINUTES_OF_DAY ? 0.2 : 1);
  const job = minuteOfDay >= 120 && minuteOfDay < 200 ? 1 : 0;
  return Math.min(1, 0.05 + people * 0.6 + job);
}

/** Of UTC, in which every day has 24 hours; faster than asking the platform each time. */
const CLOCK = (at: number) => {
  const minuteOfDay = Math.floor(at / 60_000) % MINUTES_OF_DAY;
  return { minuteOfDay, minuteOfWeek: (Math.floor(at / 60_000) + 3 * MINUTES_OF_DAY) % (7 * MINUTES_OF_DAY) };
};
