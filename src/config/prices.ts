/** Prices of a store as the config states them. */
import { pricesFor, type Prices } from '../domain/cost';
import type { StoreConfig } from './schema';

/** Of the storage class that is written; null where none are stated. */
export function pricesOf(store: StoreConfig): Prices | null {
  if (!store.price) return null;
  return pricesFor(store.price, 'storageClass' in store ? (store.storageClass ?? null) : null);
}
