/** What the load watch puts on record, whether the catalogue answers or not. */
import type { Catalog } from '../catalog/types';
import type { LoadWatchWord } from '../catalog/load-types';
import type { LoadSample } from '../domain/load/signals';
import { isHoldfastError } from '../errors/holdfast-error';
import { orchestrationError } from '../errors/orchestration';
import type { LoadRound, LoadSession } from '../load/watch-session';
import type { ActivityDeps, WatchedLoad } from './deps';
import { inTime } from './in-time';
import type { LoadWatchState } from './load-types';

type RecordDeps = Pick<ActivityDeps, 'load' | 'catalog'>;

const RECORD_MS = 30_000;
/** While a backup reads: what a short one cost is to be told too. */
const RECORD_READING_MS = 10_000;
/** The last word is written so often while a backup reads: its age tells the dump whether anybody watches. */
const WORD_MS = 5_000;
const MAINTAIN_MS = 300_000;
/** A catalogue that answers later than this is not waited for. */
const CATALOG_PATIENCE_MS = 3_000;
/** One that hung is not asked again before. */
const LEFT_ALONE_MS = 15_000;
const HUNG = 'catalogue hung';

export interface Where {
  readonly database: string;
  readonly state: LoadWatchState;
}

/** Samples at most each half minute, the last word more often while a backup reads, old figures now and then. */
export async function keep(
  deps: RecordDeps,
  { rules, keep: retention }: WatchedLoad,
  session: LoadSession,
  { database, state }: Where,
  { samples, failures, shows }: LoadRound & { readonly shows: string | null },
): Promise<void> {
  const due = (what: string, everyMs: number) => {
    const last = session.written.get(what);
    // A round that comes a little early is still the one of its time.
    if (last !== undefined && performance.now() - last < everyMs * 0.95) return false;
    session.written.set(what, performance.now());
    return true;
  };
  const { rhythm } = state;
  if (due('samples', shows === null ? RECORD_MS : RECORD_READING_MS))
    await patiently(deps, session, database, (catalog) => catalog.recordLoad({ database, backupId: shows, samples }));
  const said = `${rhythm} ${state.policy.impact.breaker.state} ${state.reasons.join()}`;
  const changed = session.known.get('word') !== said;
  const wordMs = Math.min(WORD_MS, rules.silentAfterMs / 3);
  if (due('word', rhythm === 'backup' ? wordMs : RECORD_MS) || changed) {
    session.known.set('word', said);
    const word = wordOf(state, newestOf(session.samples), failures);
    await patiently(deps, session, database, (catalog) => catalog.saveLoadWatch({ database, at: new Date(), word }));
  }
  if (due('maintenance', MAINTAIN_MS)) {
    // May take long after a time without a worker, so it is not waited for.
    void deps
      .catalog()
      .then((catalog) => catalog.maintainLoad({ database, now: new Date(), keep: retention }))
      .catch((error: unknown) =>
        deps.load.log('warn', 'figures of load could not be rolled up', { database, error: String(error) }),
      );
  }
}

function wordOf(
  { rhythm, backupId, policy, reasons, alerts }: LoadWatchState,
  signals: LoadWatchWord['signals'],
  failures: LoadRound['failures'],
): LoadWatchWord {
  const { target } = policy;
  return {
    rhythm,
    backupId,
    target: rhythm === 'backup' ? target : null,
    reasons,
    breaker: policy.impact.breaker,
    alerts,
    signals,
    failures: failures.map(({ source, kind, message }) => ({ source, kind, message })),
  };
}

function newestOf(samples: readonly LoadSample[]): LoadWatchWord['signals'] {
  return Object.fromEntries(samples.map(({ source, signals }) => [source, signals]));
}

/**
 * Whether the catalogue answers or not, the watch goes on; null when it did not. One that hangs is left alone for a while: a
 * round that waited for it again and again would come too late for the database's users.
 */
export async function patiently<Result>(
  deps: RecordDeps,
  session: LoadSession,
  database: string,
  work: (catalog: Catalog) => Promise<Result>,
): Promise<Result | null> {
  const hungAt = session.written.get(HUNG);
  if (hungAt !== undefined && performance.now() - hungAt < LEFT_ALONE_MS) return null;
  try {
    return await inTime(deps.catalog().then(work), CATALOG_PATIENCE_MS, () =>
      orchestrationError('RUN_RECORD_LATE', '', { context: { database } }),
    );
  } catch (error) {
    if (isHoldfastError(error, 'RUN_RECORD_LATE')) session.written.set(HUNG, performance.now());
    deps.load.log('warn', 'the catalogue could not be used by the load watch', { database, error: String(error) });
    return null;
  }
}
