/** Samples that were recorded beside pgbench at some rates, and a day that is composed from them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadSample, SignalName } from '../../src/domain/load/signals';
import { median } from '../../src/domain/load/statistics';
import { MINUTE_MS } from '../../src/domain/load/windows';

export interface Recording {
  readonly everyMs: number;
  readonly signals: readonly SignalName[];
  /** The quietest first; `rate` in transactions per second, null = as many as it could. */
  readonly levels: readonly {
    readonly rate: number | null;
    /** One value a signal; null = not measured in that round. */
    readonly rows: readonly (readonly (number | null)[])[];
  }[];
}

/** Beside the sources, wherever this is compiled to. */
export function readRecording(folder: string): Recording {
  return JSON.parse(readFileSync(join(folder, 'samples.json'), 'utf8')) as Recording;
}

export type Signals = Partial<Record<SignalName, number>>;

export interface DayOptions {
  readonly recording: Recording;
  readonly seed: number;
  /** How busy people and jobs make it: 0..1 at an instant. */
  readonly busy: (at: number) => number;
}

/** CPU at rest and at the busiest level: that of the recording is stretched to it, for a machine shared with others shows less. */
const CPU = { rest: 0.04, busiest: 0.75 };
/** Samples stay together for about so long: what follows what was recorded too. */
const BLOCK_MS = MINUTE_MS;

/**
 * What would be measured without a backup, at any instant: blocks of recorded rounds of the level that is as busy as the hour,
 * beginning anywhere in it, between two levels now one and now the other. The same seed gives the same day.
 */
export function composeDay({ recording, seed, busy }: DayOptions): (at: number) => Signals {
  const { levels, signals, everyMs } = recording;
  const cpuPlace = signals.indexOf('hostCpu');
  const stretch = levels.map(({ rows }, index) => {
    const usual = median(rows.flatMap((row) => row[cpuPlace] ?? [])) ?? 0;
    return (CPU.rest + ((CPU.busiest - CPU.rest) * index) / (levels.length - 1)) / usual;
  });
  return (at) => {
    const block = Math.floor(at / BLOCK_MS);
    const place = Math.min(1, Math.max(0, busy(at))) * (levels.length - 1);
    const low = Math.floor(place);
    const taken = chance(seed, block, 1) < place - low ? Math.min(levels.length - 1, low + 1) : low;
    const level = levels[taken]!;
    const first = Math.floor(chance(seed, block, 2) * level.rows.length);
    const row = level.rows[(first + Math.floor((at % BLOCK_MS) / everyMs)) % level.rows.length]!;
    const measured: Signals = {};
    signals.forEach((name, index) => {
      const value = row[index];
      if (typeof value === 'number') measured[name] = index === cpuPlace ? Math.min(1, value * stretch[taken]!) : value;
    });
    return measured;
  };
}

/** 0 ≤ x < 1, the same for the same three numbers. */
export function chance(seed: number, place: number, which: number): number {
  let mixed = (seed * 0x9e3779b1) ^ (place * 0x85ebca6b) ^ (which * 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
}

export interface BackupEffect {
  /** CPU of the host that a backup at full pace takes: 0..1. */
  readonly cpu: number;
  /** Share by which it slows a query of an idle server; of a busy one more. */
  readonly latency: number;
}

/** What is measured when a backup reads at a share of its full pace. */
export function withBackup(at: number, alone: Signals, share: number, effect: BackupEffect): LoadSample {
  const cpu = Math.min(1, (alone.hostCpu ?? 0) + effect.cpu * share);
  const slower = 1 + effect.latency * share * (1 + 3 * cpu ** 3);
  const times = (name: SignalName) => (alone[name] === undefined ? {} : { [name]: alone[name] * slower });
  return {
    at,
    source: 'postgres',
    signals: { ...alone, hostCpu: cpu, ...times('probeLatencyMs'), ...times('statementMeanMs') },
  };
}
