/**
 * The stores of the config, each opened once, and greeted at every use: its `holdfast.json` is read again, so that a disk
 * that is not mounted any more is told from a store that lost everything.
 */
import type { StoreSet } from '../activities/deps';
import { storesOf } from '../config/database-stores';
import type { HoldfastConfig, StoreConfig } from '../config/schema';
import { orchestrationError } from '../errors/orchestration';
import { assertNotForeign, ensureRepository } from '../repository/ensure';
import type { loadKeys } from '../repository/keys';
import { createStore, type SecretResolver, type StoreMetrics } from '../storage/create-store';
import { withDeadline } from '../storage/deadline';
import type { ObjectStore } from '../storage/object-store';
import { probeStore, type ProbeResult } from '../storage/probe';

/** A greeting that takes longer, retries included, ends: the store is not there for this piece of work. */
const GREETING_MS = 8_000;

export interface OpenStores extends StoreSet {
  /** A small round trip without retries; a store that was used before must still hold its `holdfast.json`. */
  probe(store: string, signal: AbortSignal): Promise<ProbeResult>;
  close(): Promise<void>;
}

export function createStoreSet(
  config: HoldfastConfig,
  options: {
    readonly secrets: SecretResolver;
    readonly keys: () => Promise<ReturnType<typeof loadKeys>>;
    /** Whether backups were stored there before, by what the catalogue knows. */
    readonly usedBefore: (store: string) => Promise<boolean>;
    readonly metrics?: StoreMetrics;
    /** @default 8000 */
    readonly greetingMs?: number;
    /** Bound of one probe. @default 10000 */
    readonly probeMs?: number;
  },
): OpenStores {
  const opened = new Map<string, Promise<ObjectStore>>();
  const made: ObjectStore[] = [];
  const watched = new Map<string, ObjectStore>();
  const find = (name: string): StoreConfig => {
    const found = config.stores.find((store) => store.name === name);
    if (found) return found;
    const configured = config.stores.map((store) => store.name).join(', ');
    throw orchestrationError('RUN_STORE_UNKNOWN', '', { context: { store: name, configured } });
  };
  const open = async (name: string): Promise<ObjectStore> => {
    const store = createStore(find(name), options.secrets, { metrics: options.metrics });
    try {
      await greet(store, !(await options.usedBefore(name)));
    } catch (error) {
      await store.close();
      throw error;
    }
    made.push(store);
    return store;
  };
  const greet = async (store: ObjectStore, isNew: boolean): Promise<void> => {
    const keys = await options.keys();
    await withDeadline(store.name, options.greetingMs ?? GREETING_MS, undefined, (signal) =>
      ensureRepository(store, keys, signal, isNew),
    );
  };
  /** Its own, without retries and without counting: what it sends is not a backup's. */
  const watchedStore = (name: string): ObjectStore => {
    const known = watched.get(name);
    if (known) return known;
    const config = find(name);
    const store = createStore({ ...config, limits: { ...config.limits, retries: 0 } }, options.secrets);
    watched.set(name, store);
    made.push(store);
    return store;
  };
  return {
    async probe(name, signal) {
      const store = watchedStore(name);
      // A catalogue that is down says nothing about the store.
      const used = await options.usedBefore(name).catch(() => false);
      return probeStore(store, {
        signal,
        timeoutMs: options.probeMs,
        greet: async (bounded) => {
          const keys = await options.keys();
          if (used) await ensureRepository(store, keys, bounded, false);
          else await assertNotForeign(store, keys.repositoryId, bounded);
        },
      });
    },
    namesFor: (database) => storesOf(config, database),
    roleOf: (name) => find(name).role,
    open(name) {
      const known = opened.get(name);
      if (known)
        return known.then(async (store) => {
          await greet(store, false);
          return store;
        });
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
