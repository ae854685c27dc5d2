/** Figures of the catalogue as the reports on load take them. */
import { BASELINE_WEEKS, emptyBaseline, updateBaseline, type Baseline } from '../domain/load/baseline';
import { regressionOf, type BackupFigures, type RegressionReport } from '../domain/load/regression';
import type { Interval, Rollup } from '../domain/load/rollups';
import { seriesKey, type SeriesKey } from '../domain/load/series';
import { isSignalName, type SignalName } from '../domain/load/signals';
import type { LoadEvent, LoadRollupRow } from './load-types';
import type { BackupJob, Catalog } from './types';
import { HOUR_MS } from '../domain/time';

/** Between backups one sample is kept for each half minute. */
const STANDS_FOR_MS = 30_000;

export interface BaselineQuestion {
  readonly database: string;
  readonly timeZone: string;
  readonly now: Date;
  /** Decisions need those with relative limits alone. @default all */
  readonly signals?: readonly SignalName[];
  /** Of the time in which a backup read, which says nothing of what is usual without one. @default false */
  readonly during?: boolean;
}

/** What is usual, from the hours without a backup of the last weeks: for decisions and for reports alike. */
export async function learntBaseline(
  catalog: Pick<Catalog, 'loadRollups'>,
  { database, timeZone, now, signals, during = false }: BaselineQuestion,
): Promise<Baseline> {
  const from = new Date(now.getTime() - BASELINE_WEEKS * 7 * 24 * HOUR_MS);
  const only = signals === undefined ? {} : { signals };
  const rows = await catalog.loadRollups({ database, grain: 'hour', from, busy: during, ...only });
  return updateBaseline(emptyBaseline(timeZone), rows.flatMap(quietHours));
}

function quietHours({ start, source, signals }: LoadRollupRow): readonly Rollup[] {
  return Object.entries(signals).flatMap(([signal, figures]): Rollup[] => {
    if (!isSignalName(signal)) return [];
    const { count, min, max, mean, median, p90 } = figures;
    const quiet = { median, p90, coveredMs: Math.min(HOUR_MS, count * STANDS_FOR_MS) };
    const key = seriesKey(source, signal);
    return [{ key, unit: 'hour', at: start.getTime(), samples: count, min, max, mean, ...quiet, quiet }];
  });
}

/** Days of each series without the time of backups, for its trend. Oldest first. */
export async function quietDays(
  catalog: Pick<Catalog, 'loadRollups'>,
  { database, now, days = 90 }: { readonly database: string; readonly now: Date; readonly days?: number },
): Promise<ReadonlyMap<SeriesKey, readonly Rollup[]>> {
  const from = new Date(now.getTime() - days * 24 * HOUR_MS);
  const found = new Map<SeriesKey, Rollup[]>();
  for (const row of await catalog.loadRollups({ database, grain: 'day', from, busy: false }))
    for (const rollup of quietHours(row))
      found.set(rollup.key, [...(found.get(rollup.key) ?? []), { ...rollup, unit: 'day' }]);
  return found;
}

/** When a run stood still, from its changes of pace in any order; a pause that nobody ended lasts until `end`. */
export function pausesOf(events: readonly LoadEvent[], end: Date): readonly Interval[] {
  const paces = events.filter(({ kind }) => kind === 'pace').sort((a, b) => a.at.getTime() - b.at.getTime());
  const pauses: Interval[] = [];
  let since: number | null = null;
  for (const { at, word } of paces) {
    if (word === 'paused') since ??= at.getTime();
    else if (since !== null) {
      pauses.push({ from: since, to: at.getTime() });
      since = null;
    }
  }
  return since === null ? pauses : [...pauses, { from: since, to: end.getTime() }];
}

/** Backups that are compared with each other, at most. */
const COMPARED = 60;

/** Finished backups of a database, the newest first, with how long each stood still. Deleted ones tell as much as kept ones. */
export async function backupHistory(
  catalog: Pick<Catalog, 'jobs' | 'loadEvents'>,
  database: string,
  limit: number = COMPARED,
): Promise<readonly BackupFigures[]> {
  const jobs = await catalog.jobs({ database, status: 'completed', includeDeleted: true, limit });
  const oldest = jobs.at(-1);
  if (oldest === undefined) return [];
  const events = new Map<string, LoadEvent[]>();
  for (const event of await catalog.loadEvents({ database, since: oldest.startedAt }))
    if (event.backupId !== null) events.set(event.backupId, [...(events.get(event.backupId) ?? []), event]);
  return jobs.flatMap((job) => figuresOf(job, events.get(job.backupId) ?? []));
}

function figuresOf(job: BackupJob, events: readonly LoadEvent[]): readonly BackupFigures[] {
  const { backupId, backupType, startedAt, completedAt, plainBytes, uploadedBytes } = job;
  // One that was found again in a store tells when it began and not how it went.
  if (completedAt === null || plainBytes === null || uploadedBytes === null) return [];
  const pausedMs = pausesOf(events, completedAt).reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
  return [
    {
      id: backupId,
      type: backupType,
      startedAt: startedAt.getTime(),
      durationMs: completedAt.getTime() - startedAt.getTime(),
      pausedMs,
      bytesRead: plainBytes,
      bytesStored: uploadedBytes,
    },
  ];
}

/** Null when the backup is not among them: it did not finish, or is too old. */
export function regressionIn(history: readonly BackupFigures[], backupId: string): RegressionReport | null {
  const backup = history.find(({ id }) => id === backupId);
  return backup === undefined ? null : regressionOf(backup, history);
}

/** Puts on record that a backup which just ended was much slower or larger than its peers; once, however often it is called. */
export async function recordRegression(
  catalog: Pick<Catalog, 'jobs' | 'loadEvents' | 'addLoadEvent'>,
  { database, backupId, at }: { readonly database: string; readonly backupId: string; readonly at: Date },
): Promise<void> {
  const flags = regressionIn(await backupHistory(catalog, database), backupId)?.flags ?? [];
  if (flags.length === 0) return;
  const reasons = flags.map(({ text }) => text);
  const setBy = 'its history';
  await catalog.addLoadEvent({ database, at, kind: 'alert', word: 'regression', backupId, setBy, reasons });
}
