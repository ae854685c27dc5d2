/** The runs that watch the load of databases: one for each whose config says so. */
import type { Client } from '@temporalio/client';
import { watchedDatabases } from '../config/load-rules';
import type { HoldfastConfig } from '../config/schema';
import { loadWatchId } from '../workflows/ids';
import { attributes } from '../workflows/search-attributes';
import type { Calls } from './calls';
import type { HoldfastClient, LoadWatchChange } from './types';
import { startWatches, watchesOf, type WatchKind, type WatchStep } from './watches';

type LoadWatchCalls = Pick<HoldfastClient, 'planLoadWatches' | 'applyLoadWatches' | 'measureLoadNow'>;

const LOAD_WATCH: WatchKind = {
  workflow: 'loadWatch',
  idOf: loadWatchId,
  start: (database) => ({
    args: [{ database }],
    typedSearchAttributes: attributes({ database }),
    staticSummary: `Watch the load of ${database}`,
    staticDetails: 'Measures the load, learns what is usual, and tells a running backup how fast it may read.',
  }),
};

const changeOf = ({ subject, action }: WatchStep): LoadWatchChange => ({ database: subject, action });

/** Starts those that do not run; one that runs goes on as it is. */
export function startLoadWatches(client: Client, config: HoldfastConfig): Promise<void> {
  return startWatches(client, config, LOAD_WATCH, watchedDatabases(config));
}

export function loadWatchCalls(calls: Calls, config: HoldfastConfig): LoadWatchCalls {
  const watches = watchesOf(calls, config, LOAD_WATCH, watchedDatabases(config));
  return {
    planLoadWatches: async () => (await watches.plan()).map(changeOf),
    applyLoadWatches: async () => (await watches.apply()).map(changeOf),
    measureLoadNow: watches.lookNow,
  };
}
