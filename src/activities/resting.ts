/** Stores that are left alone because their breaker is open, by what the watch wrote down. */
import type { Catalog, StoreHealthRow } from '../catalog/types';
import type { WatchLimits } from '../domain/store-watch';
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

/**
 * A word that is too old is none: while the breaker is open a trial follows each time that it rests, so a watch that is
 * silent for longer has stopped, and the store is tried. Pure; `now` is ms since the epoch.
 */
export function openBreakers(
  rows: readonly StoreHealthRow[],
  stores: readonly string[],
  limits: Pick<WatchLimits, 'openForMs' | 'intervalMs'>,
  now: number,
): readonly StoreAway[] {
  const longestSilence = 3 * (limits.openForMs + limits.intervalMs);
  return stores.flatMap((store): StoreAway[] => {
    const row = rows.find((one) => one.store === store);
    if (row === undefined || row.status.breaker.state !== 'open') return [];
    if (now - row.updatedAt.getTime() > longestSilence) return [];
    const { breakerSince, lastFault } = row.status;
    const why = lastFault === null ? '' : `: ${lastFault.code} ${lastFault.message}`;
    return [{ store, reason: `its breaker is open since ${breakerSince}${why}` }];
  });
}
