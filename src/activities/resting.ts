/** Stores that are left alone because their breaker is open, by what the watch wrote down. */
import type { Catalog, StoreHealthRow } from '../catalog/types';
import type { KnownStore } from '../domain/failover';
import { isFresh, type WatchLimits } from '../domain/store-watch';
import type { StoreAway } from '../domain/verification-runs';
import type { ActivityDeps } from './deps';

type RestingDeps = Pick<ActivityDeps, 'health'>;

/** Of the stores given those whose breaker is open, and why. None where nobody watches. */
export async function restingStores(
  deps: RestingDeps,
  catalog: Pick<Catalog, 'storeHealth'>,
  stores: readonly string[],
): Promise<readonly StoreAway[]> {
  const { watched, limits } = deps.health;
  if (!watched) return [];
  return openBreakers(await catalog.storeHealth(), stores, limits, Date.now());
}

/** A word that is too old is none: the watch has stopped, and the store is tried. Pure; `now` is ms since the epoch. */
export function openBreakers(
  rows: readonly StoreHealthRow[],
  stores: readonly string[],
  limits: Pick<WatchLimits, 'openForMs' | 'intervalMs'>,
  now: number,
): readonly StoreAway[] {
  return stores.flatMap((store): StoreAway[] => {
    const row = rows.find((one) => one.store === store);
    if (row === undefined || row.status.breaker.state !== 'open') return [];
    if (!isFresh(row.updatedAt, new Date(now), limits)) return [];
    const { breakerSince, lastFault } = row.status;
    const why = lastFault === null ? '' : `: ${lastFault.code} ${lastFault.message}`;
    return [{ store, reason: `its breaker is open since ${breakerSince}${why}` }];
  });
}

/** What is known of each store, in the order given. Nothing where nobody watches, or nobody has for too long. */
export async function knownStores(
  deps: Pick<ActivityDeps, 'health' | 'stores'>,
  catalog: Pick<Catalog, 'storeHealth'>,
  names: readonly string[],
): Promise<readonly KnownStore[]> {
  const { watched, limits } = deps.health;
  const rows = watched ? await catalog.storeHealth() : [];
  const now = new Date();
  return names.map((name): KnownStore => {
    const role = deps.stores.roleOf(name);
    const row = rows.find((one) => one.store === name && isFresh(one.updatedAt, now, limits));
    if (row === undefined) return { name, role, breaker: null, since: null, error: null };
    const { state, breaker, breakerSince, lastFault } = row.status;
    // Each trial that fails opens the breaker anew: people want to know since when the store is not well.
    const since = state === 'healthy' || row.status.since > breakerSince ? breakerSince : row.status.since;
    const error = lastFault === null ? null : `${lastFault.code}: ${lastFault.message}`;
    return { name, role, breaker: breaker.state, since, error };
  });
}
