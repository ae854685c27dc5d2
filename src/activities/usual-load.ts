/** What is usual for each series: of this hour of the week where that was learnt, else of the minutes before the run. */
import type { Catalog } from '../catalog/types';
import type { UsualRow } from '../catalog/load-types';
import type { Usual } from '../domain/load/limits';
import type { SeriesKey } from '../domain/load/series';
import { zoneClock } from '../domain/load/windows';
import type { LoadSession } from '../load/watch-session';

type UsualOf = (key: SeriesKey) => Usual | null;

/** An hour of the week that was seen this often says more than the minutes before the run. */
const ENOUGH_HOURS = 2;
const BEFORE_MS = 30 * 60_000;
const ENOUGH_SAMPLES = 5;
/** What could not be found out is asked again after this. */
const AGAIN_MS = 30_000;

interface Known {
  readonly name: string;
  readonly of: UsualOf;
  readonly until: number;
}

/** Asks the catalogue once an hour and run; the session remembers. */
export async function usualOf(
  session: LoadSession,
  catalog: Catalog | null,
  database: string,
  timeZone: string,
  runStartedAt: number,
): Promise<UsualOf> {
  const now = Date.now();
  const { hourOfWeek } = zoneClock(timeZone)(now);
  const name = `${hourOfWeek}/${runStartedAt}`;
  const known = session.known.get('usual') as Known | undefined;
  if (known?.name === name && now < known.until) return known.of;
  try {
    if (catalog === null) throw new Error('no catalogue');
    const from = new Date(runStartedAt - BEFORE_MS);
    const recent = await catalog.recentUsual({
      database,
      from,
      to: new Date(runStartedAt),
      atLeast: ENOUGH_SAMPLES,
    });
    const learnt = (await catalog.loadBaseline({ database, hourOfWeek })).filter(({ hours }) => hours >= ENOUGH_HOURS);
    const rows = new Map<string, UsualRow>([...recent, ...learnt].map((row) => [`${row.source}/${row.signal}`, row]));
    const of: UsualOf = (key) => rows.get(key) ?? null;
    session.known.set('usual', { name, of, until: Infinity } satisfies Known);
    return of;
  } catch {
    const of = known?.of ?? (() => null);
    session.known.set('usual', { name, of, until: now + AGAIN_MS } satisfies Known);
    return of;
  }
}
