import type { WatchLimits } from '../domain/store-watch';
import type { HoldfastConfig } from './schema';

/** How stores are watched, as the config states it. */
export function watchLimits(health: HoldfastConfig['health']): WatchLimits {
  const { interval, slowAfter, openFor, window, degradedBelow, downBelow, recovery, openAfter, closeAfter } = health;
  return {
    intervalMs: interval,
    slowAfterMs: slowAfter,
    openForMs: openFor,
    ...{ window, degradedBelow, downBelow, recovery, openAfter, closeAfter },
  };
}
