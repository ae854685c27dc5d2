/** Which copy of a backup to read. */
import type { CopyRow } from '../catalog/types';
import { cheapestFirst, type SourcePrice } from '../domain/cost';
import { lifeOf } from '../domain/store-life';
import type { StoreAway } from '../domain/verification-runs';
import { orchestrationError } from '../errors/orchestration';
import { errorFacts } from '../errors/holdfast-error';
import type { ObjectStore } from '../storage/object-store';
import type { ActivityDeps } from './deps';
import { restingStores } from './resting';

type CopyDeps = Pick<ActivityDeps, 'stores' | 'catalog'> & Partial<Pick<ActivityDeps, 'terms'>>;

/**
 * Proved copies first, then complete ones, then the stores that the catalogue says nothing of; damaged and lost ones never.
 * Of equally good ones, the one that is cheapest to read from.
 */
export async function readableStores(deps: CopyDeps, database: string, backupId: string): Promise<readonly string[]> {
  return (await storesByCopy(deps, database, backupId)).readable;
}

/**
 * Stores to take single objects from, each of which is hashed before it is used: the readable ones, then those whose copy is
 * damaged or was given up. What they hold may be sound, and of a backup that no store holds whole it may be all there is.
 */
export async function storesOfObjects(deps: CopyDeps, database: string, backupId: string): Promise<readonly string[]> {
  const { readable, others } = await storesByCopy(deps, database, backupId);
  return [...readable, ...others];
}

async function storesByCopy(deps: CopyDeps, database: string, backupId: string) {
  const catalog = await deps.catalog();
  const [rows, stores] = await Promise.all([catalog.copies({ backupId }), livingStores(deps, database)]);
  const readable = orderReadable(stores, rows, (store) => deps.terms?.pricesOf(store) ?? null);
  return { readable, others: stores.filter((store) => !readable.includes(store)) };
}

export function orderReadable(
  stores: readonly string[],
  rows: readonly CopyRow[],
  priceOf: (store: string) => SourcePrice | null = () => null,
): readonly string[] {
  const rank = (store: string) => {
    switch (rows.find((row) => row.store === store)?.state) {
      case 'proved':
        return 0;
      case 'complete':
        return 1;
      case undefined:
        return 2;
      case 'pending':
      case 'copying':
        return 3;
      case 'damaged':
      case 'lost':
      case 'retired':
        return 4;
    }
  };
  return cheapestFirst(
    stores.filter((store) => rank(store) < 4),
    rank,
    priceOf,
  );
}

/** Stores of the database that are not retired, primary first. */
export async function livingStores(deps: CopyDeps, database: string): Promise<readonly string[]> {
  const lives = await (await deps.catalog()).storeLives();
  return deps.stores.namesFor(database).filter((store) => lifeOf(lives, store) !== 'retired');
}

/**
 * Which of the stores can be opened now, and why the others cannot; in the order given. One whose breaker is open is not
 * even tried.
 */
export async function openableStores(
  deps: Pick<ActivityDeps, 'stores' | 'catalog' | 'health'>,
  names: readonly string[],
): Promise<{ readonly open: readonly string[]; readonly away: readonly StoreAway[] }> {
  const resting = await restingStores(deps, await deps.catalog(), names);
  const tried = names.filter((name) => !resting.some(({ store }) => store === name));
  const opened = await Promise.allSettled(tried.map((name) => deps.stores.open(name)));
  const closed = opened.flatMap((result, index): StoreAway[] => {
    if (result.status === 'fulfilled') return [];
    const { code, message } = errorFacts(result.reason);
    return [{ store: tried[index]!, reason: `${code}: ${message}` }];
  });
  const away = names.flatMap((name) => [...resting, ...closed].filter(({ store }) => store === name));
  return { open: names.filter((name) => !away.some(({ store }) => store === name)), away };
}

/** Opens those that can be opened, in the order given. */
export async function openReachable(deps: CopyDeps, names: readonly string[]): Promise<readonly ObjectStore[]> {
  const opened = await Promise.allSettled(names.map((name) => deps.stores.open(name)));
  const stores = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (stores.length > 0) return stores;
  const cause: unknown = opened.find((result) => result.status === 'rejected')?.reason;
  throw orchestrationError('RUN_NO_GOOD_COPY', 'no store that has a copy can be opened', {
    context: { stores: names.join(',') },
    cause,
  });
}
