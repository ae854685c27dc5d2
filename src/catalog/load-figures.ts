/** Figures of the catalogue as the reports on load take them. */
import { BASELINE_WEEKS, emptyBaseline, updateBaseline, type Baseline } from '../domain/load/baseline';
import type { Interval, Rollup } from '../domain/load/rollups';
import { seriesKey } from '../domain/load/series';
import { isSignalName, type SignalName } from '../domain/load/signals';
import type { LoadEvent, LoadRollupRow } from './load-types';
import type { Catalog } from './types';

const HOUR_MS = 3_600_000;
/** Between backups one sample is kept for each half minute. */
const STANDS_FOR_MS = 30_000;

export interface BaselineQuestion {
  readonly database: string;
  readonly timeZone: string;
  readonly now: Date;
  /** Decisions need those with relative limits alone. @default all */
  readonly signals?: readonly SignalName[];
}

/** What is usual, from the hours without a backup of the last weeks: for decisions and for reports alike. */
export async function learntBaseline(
  catalog: Pick<Catalog, 'loadRollups'>,
  { database, timeZone, now, signals }: BaselineQuestion,
): Promise<Baseline> {
  const from = new Date(now.getTime() - BASELINE_WEEKS * 7 * 24 * HOUR_MS);
  const only = signals === undefined ? {} : { signals };
  const rows = await catalog.loadRollups({ database, grain: 'hour', from, busy: false, ...only });
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
