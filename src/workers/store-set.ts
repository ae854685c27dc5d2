/** The stores of the config, each opened once and greeted (`holdfast.json` made or checked) at first use. */
import type { StoreSet } from '../activities/deps';
import type { HoldfastConfig, StoreConfig } from '../config/schema';
import type { StoreRole } from '../domain/names';
import { orchestrationError } from '../errors/orchestration';
import { ensureRepository } from '../repository/ensure';
import type { loadKeys } from '../repository/keys';
import { createStore, type SecretResolver, type StoreMetrics } from '../storage/create-store';
import type { ObjectStore } from '../storage/object-store';

const ROLES: readonly StoreRole[] = ['primary', 'secondary', 'offsite'];

export interface OpenStores extends StoreSet {
  close(): Promise<void>;
}

export function createStoreSet(
  config: HoldfastConfig,
  options: {
    readonly secrets: SecretResolver;
    readonly keys: () => Promise<ReturnType<typeof loadKeys>>;
    readonly metrics?: StoreMetrics;
  },
): OpenStores {
  const opened = new Map<string, Promise<ObjectStore>>();
  const made: ObjectStore[] = [];
  const find = (name: string): StoreConfig => {
    const found = config.stores.find((store) => store.name === name);
    if (found) return found;
    const configured = config.stores.map((store) => store.name).join(', ');
    throw orchestrationError('RUN_STORE_UNKNOWN', '', { context: { store: name, configured } });
  };
  const open = async (name: string): Promise<ObjectStore> => {
    const store = createStore(find(name), options.secrets, { metrics: options.metrics });
    made.push(store);
    await ensureRepository(store, await options.keys());
    return store;
  };
  return {
    namesFor(database) {
      const wanted = config.databases.find((one) => one.name === database)?.stores ?? [];
      return config.stores
        .filter((store) => wanted.length === 0 || wanted.includes(store.name))
        .sort((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role))
        .map((store) => store.name);
    },
    roleOf: (name) => find(name).role,
    open(name) {
      const known = opened.get(name);
      if (known) return known;
      const opening = open(name);
      opened.set(name, opening);
      // A store that could not be greeted is tried afresh by whoever asks next.
      opening.catch(() => opened.delete(name));
      return opening;
    },
    async close() {
      await Promise.allSettled(made.splice(0).map((store) => store.close()));
    },
  };
}
