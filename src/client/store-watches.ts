/** The runs that watch stores: one for each that the config names. */
import type { Client } from '@temporalio/client';
import type { HoldfastConfig } from '../config/schema';
import { storeHealthId } from '../workflows/ids';
import type { Calls } from './calls';
import type { HoldfastClient, StoreWatchChange } from './types';
import { startWatches, watchesOf, type WatchKind, type WatchStep } from './watches';

type StoreWatchCalls = Pick<HoldfastClient, 'planStoreWatches' | 'applyStoreWatches' | 'probeStoreNow'>;

const STORE_HEALTH: WatchKind = {
  workflow: 'storeHealth',
  idOf: storeHealthId,
  start: (store) => ({
    args: [{ store }],
    staticSummary: `Watch the store ${store}`,
    staticDetails: 'Probes the store with a canary, keeps its health and its breaker, and tells who waits for it.',
  }),
};

const changeOf = ({ subject, action }: WatchStep): StoreWatchChange => ({ store: subject, action });
const namesOf = (config: HoldfastConfig) => config.stores.map(({ name }) => name);

/** Starts those that do not run; one that runs goes on as it is. */
export function startStoreWatches(client: Client, config: HoldfastConfig): Promise<void> {
  return startWatches(client, config, STORE_HEALTH, namesOf(config));
}

export function storeWatchCalls(calls: Calls, config: HoldfastConfig): StoreWatchCalls {
  const watches = watchesOf(calls, config, STORE_HEALTH, config.health.watch ? namesOf(config) : []);
  return {
    planStoreWatches: async () => (await watches.plan()).map(changeOf),
    applyStoreWatches: async () => (await watches.apply()).map(changeOf),
    probeStoreNow: watches.lookNow,
  };
}
