/** What reading from each store costs, by the prices that the config states. */
import type { HoldfastConfig } from './schema';

/** As text with its currency; null where the store states no price. */
export type ReadCosts = (store: string, read: { readonly bytes: number; readonly objects: number }) => string | null;

export function readCosts(_config: Pick<HoldfastConfig, 'stores'>): ReadCosts {
  return () => null;
}
