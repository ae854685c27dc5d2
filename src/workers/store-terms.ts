/** Limits and prices of the stores, from the config; free space, from their disks. */
import type { StoreTerms } from '../activities/deps';
import { pricesOf } from '../config/prices';
import type { HoldfastConfig, StoreConfig } from '../config/schema';
import { NO_LIMITS, type QuotaLimits } from '../domain/quota';
import { orchestrationError } from '../errors/orchestration';
import { freeBytes } from '../storage/filesystem/free-space';

export function createStoreTerms(config: Pick<HoldfastConfig, 'stores'>): StoreTerms {
  const find = (name: string): StoreConfig => {
    const found = config.stores.find((store) => store.name === name);
    if (found) return found;
    throw orchestrationError('RUN_STORE_UNKNOWN', '', { context: { store: name } });
  };
  return {
    limitsOf: (name) => limitsOf(find(name)),
    pricesOf: (name) => pricesOf(find(name)),
    diskOf: (name) => diskOf(find(name)),
  };
}

export function limitsOf({ quota }: StoreConfig): QuotaLimits {
  if (!quota) return NO_LIMITS;
  const { maxBytes = null, maxObjects = null, warnAt, stopAt } = quota;
  return { maxBytes, maxObjects, warnAt, stopAt };
}

export async function diskOf(
  store: StoreConfig,
): Promise<{ readonly freeBytes: number; readonly minFreeBytes: number } | null> {
  if (store.adapter !== 'filesystem') return null;
  const free = await freeBytes(store.path);
  return free === null ? null : { freeBytes: free, minFreeBytes: store.minFree };
}
