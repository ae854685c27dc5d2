/** What was seen of a backup under load: whether the pace followed, and how. Pure. */
import type { LoadEvent } from '../../../catalog/load-types';
import { quantile } from '../../../domain/load/statistics';
import type { Visit } from './traffic';
import { MINUTE_MS } from '../../../domain/time';

/** Part of the JSON object that `npm run demo -- --load --json` ends with. ISO times, milliseconds, bytes. */
export interface DemoLoad {
  /** `pgbench 15.20`. */
  readonly generator: string;
  readonly clients: number;
  readonly beganAt: string;
  /** null while it goes on. */
  readonly endedAt: string | null;
  /** From the load's beginning to the first slower pace; null when there was none. */
  readonly reactionMs: number | null;
  /** From the load's end until the pace was full again; null when the dump ended before. */
  readonly fullAgainMs: number | null;
  /** All after the pace that the backup began with, oldest first. */
  readonly changes: readonly PaceChange[];
  readonly mostChangesInAMinute: number;
  readonly pausedMs: number;
  /** Of 100 visits 95 took less, by stretch of time; null without visits. */
  readonly p95Ms: {
    readonly before: number | null;
    /** The load has begun, the backup still goes at full pace. */
    readonly fullPace: number | null;
    /** The load goes on, the backup has been slowed. */
    readonly governed: number | null;
    readonly after: number | null;
  };
  readonly visits: number;
  /** The SVG file. */
  readonly chart: string | null;
}

export type PaceName = 'full' | 'throttled' | 'paused';

export interface PaceChange {
  readonly at: string;
  readonly pace: PaceName;
  readonly bytesPerSecond: number;
  readonly why: string;
}

/** A pace that a run had from some instant on. Milliseconds since the epoch. */
export interface PaceStep {
  readonly at: number;
  readonly pace: PaceName;
  /** 0 while it is paused. */
  readonly bytesPerSecond: number;
  readonly why: string;
}

/** The catalogue's record of a run's paces, oldest first; what only repeats the pace before is left out. */
export function paceSteps(
  events: readonly Pick<LoadEvent, 'at' | 'kind' | 'word' | 'maxBytesPerSecond' | 'reasons'>[],
  fullRate: number,
): readonly PaceStep[] {
  return events
    .filter(({ kind }) => kind === 'pace')
    .map(({ at, word, maxBytesPerSecond, reasons }): PaceStep => {
      const rate = Math.min(fullRate, maxBytesPerSecond ?? fullRate);
      const pace = word === 'paused' ? 'paused' : rate >= fullRate ? 'full' : 'throttled';
      return { at: at.getTime(), pace, bytesPerSecond: pace === 'paused' ? 0 : rate, why: reasons[0] ?? '' };
    })
    .toSorted((a, b) => a.at - b.at)
    .filter(({ bytesPerSecond }, index, all) => bytesPerSecond !== all[index - 1]?.bytesPerSecond);
}

export interface LoadTimes {
  /** Milliseconds since the epoch; `dump` from the first row to the last. */
  readonly dump: { readonly from: number; readonly to: number };
  readonly load: { readonly from: number; readonly to: number };
}

export interface LoadSeen extends LoadTimes {
  readonly generator: string;
  readonly clients: number;
  readonly steps: readonly PaceStep[];
  readonly visits: readonly Visit[];
  readonly chart: string | null;
}

/** What was begun under the old pace or load is still under way for so long. */
const SETTLE_MS = 1_000;

export function loadFacts({ dump, load, steps, visits, generator, clients, chart }: LoadSeen): DemoLoad {
  const slowed = firstSlower(steps, load.from);
  const full = steps.find(({ at, pace }) => pace === 'full' && slowed !== undefined && at > slowed.at);
  const changes = steps.slice(1);
  const iso = (at: number) => new Date(at).toISOString();
  const governedFrom = slowed === undefined ? load.to : Math.min(load.to, slowed.at + SETTLE_MS);
  return {
    generator,
    clients,
    beganAt: iso(load.from),
    endedAt: iso(load.to),
    reactionMs: slowed === undefined ? null : Math.round(slowed.at - load.from),
    fullAgainMs: full === undefined ? null : Math.round(full.at - load.to),
    changes: changes.map(({ at, pace, bytesPerSecond, why }) => ({ at: iso(at), pace, bytesPerSecond, why })),
    mostChangesInAMinute: mostWithin(changes, MINUTE_MS),
    pausedMs: Math.round(pausesOf(steps, dump.to).reduce((sum, { from, to }) => sum + to - from, 0)),
    p95Ms: {
      before: p95(visits, dump.from, load.from),
      fullPace:
        slowed === undefined ? p95(visits, load.from, load.to) : p95(visits, load.from, Math.min(slowed.at, load.to)),
      governed: p95(visits, governedFrom, load.to),
      after: p95(visits, load.to + SETTLE_MS, dump.to),
    },
    visits: visits.length,
    chart,
  };
}

/** What is missing from a load that was followed as promised. Empty when nothing is. */
export function loadFaults(load: DemoLoad | null): readonly string[] {
  if (load === null) return ['no load was made'];
  const { changes, reactionMs, endedAt, mostChangesInAMinute } = load;
  const faults: string[] = [];
  if (endedAt === null) faults.push('the load did not end');
  if (reactionMs === null || (endedAt !== null && Date.parse(load.beganAt) + reactionMs > Date.parse(endedAt)))
    faults.push('the pace was not lowered while the load went on');
  else {
    const lowest = changes.reduce(
      (found, { bytesPerSecond }, at) => (bytesPerSecond < changes[found]!.bytesPerSecond ? at : found),
      0,
    );
    if (!changes.slice(lowest + 1).some(({ bytesPerSecond }) => bytesPerSecond > changes[lowest]!.bytesPerSecond))
      faults.push('the pace was not released afterwards');
  }
  if (mostChangesInAMinute > 4) faults.push(`the pace changed ${mostChangesInAMinute} times within a minute`);
  return faults;
}

export function pausesOf(
  steps: readonly PaceStep[],
  end: number,
): readonly { readonly from: number; readonly to: number }[] {
  return steps.flatMap(({ at, pace }, index) => {
    const to = Math.min(steps[index + 1]?.at ?? end, end);
    return pace === 'paused' && to > at ? [{ from: at, to }] : [];
  });
}

export interface P95Options {
  readonly from: number;
  readonly to: number;
  /** Between two values. @default 1 s */
  readonly stepMs?: number;
  /** Each value is that of the visits that ended within so long before it. @default 2 s */
  readonly windowMs?: number;
}

/** Fewer visits than this say nothing of the slowest five of a hundred. */
const ENOUGH = 10;

export function p95Over(
  visits: readonly Visit[],
  { from, to, stepMs = 1_000, windowMs = 2_000 }: P95Options,
): readonly { readonly at: number; readonly value: number | null }[] {
  const sorted = visits.toSorted((a, b) => a.at - b.at);
  const points: { at: number; value: number | null }[] = [];
  for (let at = from; at <= to; at += stepMs) {
    const inside = sorted.filter((visit) => visit.at > at - windowMs && visit.at <= at).map(({ ms }) => ms);
    points.push({ at, value: inside.length < ENOUGH ? null : quantile(inside, 0.95) });
  }
  return points;
}

function p95(visits: readonly Visit[], from: number, to: number): number | null {
  const value = quantile(
    visits.filter(({ at }) => at >= from && at < to).map(({ ms }) => ms),
    0.95,
  );
  return value === null ? null : Math.round(value * 10) / 10;
}

function firstSlower(steps: readonly PaceStep[], from: number): PaceStep | undefined {
  return steps.find(
    ({ at, bytesPerSecond }, index) => at >= from && bytesPerSecond < (steps[index - 1]?.bytesPerSecond ?? Infinity),
  );
}

function mostWithin(changes: readonly { readonly at: number }[], spanMs: number): number {
  return Math.max(
    0,
    ...changes.map(({ at }) => changes.filter((other) => other.at > at - spanMs && other.at <= at).length),
  );
}
