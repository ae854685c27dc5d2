/**
 * What is usual for each series that has a relative limit: at this hour of the week where that was learnt, else in the half hour
 * before the backup read. Once it reads, no sample teaches anything: its own load would count as usual.
 */
import { learntBaseline } from '../catalog/load-figures';
import type { Catalog } from '../catalog/types';
import { usualBefore, usualFrom, type Baseline } from '../domain/load/baseline';
import type { Usual } from '../domain/load/limits';
import type { LoadRules } from '../domain/load/rules';
import type { SeriesKey } from '../domain/load/series';
import type { LoadSample, SignalName } from '../domain/load/signals';
import { HOUR_MS } from '../domain/load/windows';
import type { LoadRound, LoadSession } from '../load/watch-session';

type UsualOf = (key: SeriesKey) => Usual | null;

const BEFORE_MS = 30 * 60_000;
/** Of the time before the backup; fewer say nothing. A watch that begins takes as many at once. */
export const ENOUGH_SAMPLES = 5;
/** What could not be found out is asked again after this. */
const AGAIN_MS = 30_000;
/** What a backup leaves behind, such as a cold cache, fades after its end. */
const AFTERMATH_MS = 60_000;

/** What a session remembers between its rounds. */
interface Memory {
  readonly rounds: number;
  /** Of the last half hour without a backup; signals with a relative limit alone. */
  readonly quiet: readonly LoadSample[];
  /** The backup that was seen to read last, when it was first and last seen so; milliseconds since the epoch. */
  readonly seen: (Omit<SeenRun, 'reads'> & { readonly readsAt: number; readonly lastAt: number }) | null;
}

const memoryOf = (session: LoadSession): Memory =>
  (session.known.get('usual') as Memory | undefined) ?? { rounds: 0, quiet: [], seen: null };

interface Learnt {
  readonly runId: string;
  readonly baseline: Baseline | null;
  readonly kept: readonly LoadSample[];
  readonly until: number;
}

export interface SeenRun {
  readonly runId: string;
  readonly backupId: string;
  readonly startedAt: number;
  /** It reads the database; before that it is only being admitted. */
  readonly reads: boolean;
}

/**
 * Takes a round in. Returns the backup whose load it shows, also for a minute after its end; null = it tells what is usual.
 * `unknown`: nobody could say; a backup that was seen to read is then taken to read still.
 */
export function noteRound(
  session: LoadSession,
  { samples }: Pick<LoadRound, 'samples'>,
  rules: RelativeLimits,
  asked: SeenRun | null | 'unknown',
  now: number,
): string | null {
  const { rounds, quiet, seen: before } = memoryOf(session);
  const goesOn = asked === 'unknown' && before !== null && now - before.lastAt < AFTERMATH_MS;
  const run = goesOn ? { ...before, reads: true } : asked === 'unknown' ? null : asked;
  // A process that took a running backup over knows only when it began.
  const firstSeen = run !== null && rounds === 0 ? Math.min(run.startedAt, now) : now;
  const seen = run?.reads
    ? { ...run, readsAt: before?.runId === run.runId ? before.readsAt : firstSeen, lastAt: now }
    : before;
  const busy = seen !== null && now - seen.lastAt < AFTERMATH_MS;
  const names = relativeSignals(rules);
  const added = busy ? [] : samples.flatMap((sample) => only(sample, names));
  const kept = [...quiet, ...added].filter(({ at }) => at >= now - BEFORE_MS);
  session.known.set('usual', { rounds: rounds + 1, quiet: kept, seen } satisfies Memory);
  return busy ? seen.backupId : null;
}

/** A session's first rounds follow each other quickly: a backup may begin at any moment. */
export const isNew = (session: LoadSession): boolean => memoryOf(session).rounds < ENOUGH_SAMPLES;

/** The catalogue is asked once an hour and run; the session remembers. */
export async function usualOf(
  session: LoadSession,
  catalog: Pick<Catalog, 'loadRollups' | 'loadSamples'> | null,
  database: string,
  rules: RelativeLimits & Pick<LoadRules, 'timeZone'>,
  run: SeenRun,
  now: number,
): Promise<UsualOf> {
  const signals = relativeSignals(rules);
  if (signals.length === 0) return () => null;
  const { seen, quiet } = memoryOf(session);
  const readsAt = seen?.runId === run.runId ? seen.readsAt : now;
  const learnt = await learntOf(session, catalog, { database, timeZone: rules.timeZone, signals, run, readsAt, now });
  const before = usualBefore([...learnt.kept, ...quiet], {
    from: readsAt - BEFORE_MS,
    to: readsAt,
    atLeast: ENOUGH_SAMPLES,
  });
  return usualFrom(learnt.baseline, before, now);
}

type RelativeLimits = Pick<LoadRules, 'limits' | 'peak'>;

function relativeSignals({ limits, peak }: RelativeLimits): readonly SignalName[] {
  const relative = [...limits, ...peak.limits].filter((limit) => limit.relative === true);
  return [...new Set(relative.map(({ signal }) => signal))];
}

interface Question {
  readonly database: string;
  readonly timeZone: string;
  readonly signals: readonly SignalName[];
  readonly run: SeenRun;
  readonly readsAt: number;
  readonly now: number;
}

async function learntOf(
  session: LoadSession,
  catalog: Pick<Catalog, 'loadRollups' | 'loadSamples'> | null,
  { database, timeZone, signals, run, readsAt, now }: Question,
): Promise<Learnt> {
  const known = session.known.get('learnt') as Learnt | undefined;
  if (known?.runId === run.runId && now < known.until) return known;
  let learnt: Learnt;
  try {
    if (catalog === null) throw new Error('no catalogue');
    const [baseline, samples] = await Promise.all([
      learntBaseline(catalog, { database, timeZone, signals, now: new Date(now) }),
      catalog.loadSamples({ database, from: new Date(readsAt - BEFORE_MS), to: new Date(readsAt) }),
    ]);
    const kept = samples.flatMap((sample) => (sample.backupId === null ? only(sample, signals) : []));
    // A few minutes past the hour its predecessor is rolled up.
    const until = Math.floor(now / HOUR_MS) * HOUR_MS + HOUR_MS + 6 * 60_000;
    learnt = { runId: run.runId, baseline, kept, until };
  } catch {
    const kept = known?.runId === run.runId ? known.kept : [];
    learnt = { runId: run.runId, baseline: known?.baseline ?? null, kept, until: now + AGAIN_MS };
  }
  session.known.set('learnt', learnt);
  return learnt;
}

function only({ at, source, signals }: LoadSample, names: readonly SignalName[]): readonly LoadSample[] {
  const kept = names.flatMap((name) => (signals[name] === undefined ? [] : [[name, signals[name]] as const]));
  return kept.length === 0 ? [] : [{ at, source, signals: Object.fromEntries(kept) }];
}
