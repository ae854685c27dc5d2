/**
 * Two weeks of a shop's database, as the load watch would have kept them: office hours, a job at night, quiet weekends, noise,
 * and a backup each evening. The same seed gives the same figures.
 */
import { recordRegression } from '../../src/catalog/load-figures';
import type { Catalog } from '../../src/catalog/types';
import { makeBackupId, type BackupType } from '../../src/domain/names';
import type { LoadSample } from '../../src/domain/load/signals';
import { MINUTES_OF_DAY, zoneClock } from '../../src/domain/load/windows';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const GB = 1e9;

export interface SimulatedHistory {
  readonly database: string;
  readonly timeZone: string;
  /** Up to then; whole hours. */
  readonly now: Date;
  /** @default 14 */
  readonly days?: number;
  /** @default 1 */
  readonly seed?: number;
  /** When the backup of each day begins, minutes of the day. @default 21:30 */
  readonly backupAt?: number;
  /** When the job of each night begins, minutes of the day; it lasts 80 min. @default 02:00 */
  readonly jobAt?: number;
  /** Names of the stores that take a copy. @default none */
  readonly stores?: readonly string[];
}

interface SimulatedBackup {
  readonly id: string;
  readonly type: BackupType;
  readonly from: number;
  readonly to: number;
  readonly paused: { readonly from: number; readonly to: number } | null;
  readonly bytes: number;
  readonly sentBytes: number;
}

/** Writes it day by day, as the watch does, and keeps house as it does. */
export async function fillWithHistory(
  catalog: Pick<
    Catalog,
    'recordLoad' | 'maintainLoad' | 'startJob' | 'completeJob' | 'addLoadEvent' | 'saveMeasurement'
  > &
    Parameters<typeof recordRegression>[0],
  history: SimulatedHistory,
  keep = { samples: 7 * DAY, minutes: 30 * DAY, hours: 400 * DAY, days: 1_825 * DAY },
): Promise<void> {
  const { database, now, days = 14, stores = [] } = history;
  const end = now.getTime();
  const random = generator(history.seed ?? 1);
  const load = createLoad(history, random);
  const backups = backupsOf(history, end - days * DAY, end, random);
  let held = 140 * GB;
  for (let from = end - days * DAY; from < end; from += DAY) {
    const to = Math.min(end, from + DAY);
    const batches = new Map<string | null, LoadSample[]>();
    for (let at = from; at < to; at += 30 * SECOND) {
      const running = backups.find((one) => at >= one.from && at < one.to + MINUTE) ?? null;
      const reads = running !== null && at < running.to && !isPaused(running, at);
      const shown = running?.id ?? null;
      const batch = batches.get(shown) ?? [];
      batch.push(...samplesAt(at, load(at), reads, random));
      batches.set(shown, batch);
    }
    for (const [backupId, samples] of batches)
      for (let first = 0; first < samples.length; first += 3_000)
        await catalog.recordLoad({ database, backupId, samples: samples.slice(first, first + 3_000) });
    for (const backup of backups.filter((one) => one.from >= from && one.from < to)) {
      await recordBackup(catalog, database, backup);
      held += backup.sentBytes;
      for (const store of stores)
        await catalog.saveMeasurement({
          store,
          at: new Date(backup.to + HOUR),
          databases: [{ database, bytes: Math.round(held), objects: Math.round(held / 8e6) }],
        });
    }
    await catalog.maintainLoad({ database, now: new Date(to), keep });
  }
}

async function recordBackup(
  catalog: Parameters<typeof fillWithHistory>[0],
  database: string,
  { id: backupId, type, from, to, paused, bytes, sentBytes }: SimulatedBackup,
): Promise<void> {
  const run = { workflowId: null, runId: null };
  await catalog.startJob({
    ...{ backupId, database, engine: 'logical', backupType: type, basedOn: null, ...run },
    startedAt: new Date(from),
  });
  const pace = { database, kind: 'pace', backupId, readers: 1, uploads: 1, setBy: 'load watch' } as const;
  if (paused !== null) {
    const reasons = ['CPU of the host 93 % is over the pause limit 92 %'];
    await catalog.addLoadEvent({ ...pace, at: new Date(paused.from), word: 'paused', maxBytesPerSecond: 1e6, reasons });
    const free = ['all signals stayed within their limits: one step faster'];
    await catalog.addLoadEvent({
      ...pace,
      at: new Date(paused.to),
      word: 'full',
      maxBytesPerSecond: null,
      reasons: free,
    });
  }
  await catalog.completeJob(backupId, {
    ...{ completedAt: new Date(to), plainBytes: Math.round(bytes), fileSize: Math.round(bytes * 0.3) },
    ...{ uploadedBytes: Math.round(sentBytes), reusedBytes: Math.round(bytes * 0.3 - sentBytes) },
    ...{
      rows: Math.round(bytes / 200),
      segments: Math.round(bytes / 64e6),
      location: `${database}/manifests/${backupId}`,
    },
  });
  await recordRegression(catalog, { database, backupId, at: new Date(to) });
}

function backupsOf(
  { timeZone, backupAt = 21 * 60 + 30 }: SimulatedHistory,
  from: number,
  end: number,
  random: () => number,
): readonly SimulatedBackup[] {
  const clock = zoneClock(timeZone);
  const backups: SimulatedBackup[] = [];
  for (let at = from; at < end; at += MINUTE) {
    if (clock(at).minuteOfDay !== backupAt || at - (backups.at(-1)?.from ?? 0) < 12 * HOUR) continue;
    const day = backups.length;
    const bytes = (180 + day * 1.2 + random()) * GB;
    // The third from the end reads at less than half of its usual speed, as from a failing disk.
    const speed = (day === 11 ? 18e6 : 42e6) * (1 + (random() - 0.5) * 0.06);
    const paused = day === 12 ? { from: at + 10 * MINUTE, to: at + 30 * MINUTE } : null;
    const to = at + (bytes / speed) * SECOND + (paused === null ? 0 : paused.to - paused.from);
    const sentBytes = (day === 0 ? bytes * 0.3 : (1.5 + random() * 0.2) * GB) as number;
    if (to > end) break;
    const type = day === 0 ? 'full' : 'incremental';
    const id = makeBackupId(new Date(at), type, (day + 10).toString(16).padStart(8, '0'));
    backups.push({ id, type, from: at, to, paused, bytes, sentBytes });
  }
  return backups;
}

const isPaused = ({ paused }: SimulatedBackup, at: number) => paused !== null && at >= paused.from && at < paused.to;

/** How busy everybody else is: 0..1. */
function createLoad({ timeZone, jobAt = 120 }: SimulatedHistory, random: () => number): (at: number) => number {
  const clock = zoneClock(timeZone);
  let drift = 0;
  return (at) => {
    const { minuteOfDay, minuteOfWeek } = clock(at);
    const weekend = minuteOfWeek >= 5 * MINUTES_OF_DAY;
    // What happens comes in waves of some minutes, not by the sample.
    drift = drift * 0.95 + (random() - 0.5) * 0.02;
    const inJob = (minuteOfDay - jobAt + MINUTES_OF_DAY) % MINUTES_OF_DAY < 80;
    const people = workday(minuteOfDay / 60) * (weekend ? 0.18 : 1);
    const spike = random() < 0.002 ? 0.25 : 0;
    return Math.min(1, Math.max(0.01, 0.03 + people * 0.72 + (inJob ? 0.78 : 0) + drift + spike));
  };
}

/** Two humps around a lunch, and an evening that fades. */
function workday(hour: number): number {
  const hump = (middle: number, width: number) => Math.exp(-(((hour - middle) / width) ** 2));
  return Math.min(1, hump(10.5, 1.9) + hump(15.2, 2.2) * 0.95 + hump(20, 1.8) * 0.35);
}

function samplesAt(at: number, load: number, reads: boolean, random: () => number): readonly LoadSample[] {
  const noisy = (value: number, share = 0.08) => Math.max(0, value * (1 + (random() - 0.5) * 2 * share));
  const share = (value: number) => Math.min(1, noisy(value, 0.05));
  const total = Math.min(1, load + (reads ? 0.12 : 0));
  const slower = 1 + 1.6 * total ** 3 + (reads ? 0.06 : 0);
  return [
    {
      at,
      source: 'postgres',
      signals: {
        sessionsActive: Math.round(noisy(load * 38)),
        sessionsWaiting: Math.round(noisy(load * 6)),
        sessionsIdleInTransaction: Math.round(noisy(load * 3)),
        poolUse: share(0.08 + load * 0.4),
        lockWaiters: random() < load * 0.1 ? 1 : 0,
        commitsPerSecond: noisy(15 + load * 2_400),
        rollbacksPerSecond: noisy(load * 4),
        rowsPerSecond: noisy(400 + load * 90_000 + (reads ? 220_000 : 0)),
        blocksReadPerSecond: noisy(40 + load * 3_000 + (reads ? 5_200 : 0)),
        cacheHit: Math.min(1, 0.995 - load * 0.01 - (reads ? 0.05 : 0)),
        tempBytesPerSecond: noisy(load * 2e6),
        longestTransactionMs: noisy(200 + load * 9_000),
        replicationLagBytes: noisy(load * 4e6),
        replicationLagMs: noisy(5 + load * 60),
        ioReadMs: noisy(0.3 * slower),
        ioWriteMs: noisy(0.2 * slower),
        statementMeanMs: noisy(1.8 * slower),
        probeLatencyMs: noisy(2.4 * slower),
      },
    },
    {
      at,
      source: 'host',
      signals: {
        hostCpu: share(0.03 + total * 0.8),
        hostIoWait: share(0.01 + total * 0.12),
        hostMemory: share(0.55 + load * 0.1),
        hostLoad: noisy(0.1 + total * 1.2),
        diskBytesPerSecond: noisy(1e6 + load * 80e6 + (reads ? 42e6 : 0)),
        networkBytesPerSecond: noisy(0.2e6 + load * 20e6 + (reads ? 12e6 : 0)),
        workerMemoryBytes: noisy(reads ? 210e6 : 120e6),
      },
    },
    {
      at,
      source: 'http:shop',
      signals: { httpLatencyMs: noisy(38 * slower, 0.04), httpFailures: 0 },
    },
  ];
}

/** Mulberry32: the same numbers for the same seed, 0 ≤ x < 1. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
