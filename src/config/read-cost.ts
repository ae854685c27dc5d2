/** What reading from each store costs, by the prices that the config states. */
import { readBackCost } from '../domain/cost';
import { moneyLabel } from '../domain/money';
import { pricesOf } from './prices';
import type { HoldfastConfig } from './schema';

/** As text with its currency (`0.0123 EUR`); null where the store states no price, or is not one of the config. */
export type ReadCosts = (store: string, read: { readonly bytes: number; readonly objects: number }) => string | null;

/** One request an object, and the egress of its bytes. */
export function readCosts(config: Pick<HoldfastConfig, 'stores'>): ReadCosts {
  const prices = new Map(config.stores.map((store) => [store.name, pricesOf(store)]));
  return (store, read) => {
    const stated = prices.get(store) ?? null;
    return stated === null ? null : moneyLabel(readBackCost(stated, read));
  };
}
