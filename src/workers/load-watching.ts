/** The load of databases as the config wants it watched: rules, rhythm, and the samplers of each. */
import type { LoadWatching } from '../activities/deps';
import type { SecretResolver } from '../client/connection-options';
import { loadRulesOf, samplingOf } from '../config/load-rules';
import type { DatabaseConfig, HoldfastConfig } from '../config/schema';
import { storesOf } from '../config/database-stores';
import type { ConnectionTarget } from '../engines/engine';
import { createLoadSamplers } from '../load/samplers/create-samplers';
import type { StoreMeter } from '../load/samplers/store-meter';
import { createLoadSessions } from '../load/watch-session';

export interface LoadWatchingOptions {
  readonly config: HoldfastConfig;
  readonly secrets: SecretResolver;
  readonly database: (name: string) => DatabaseConfig;
  readonly connection: (database: string) => Promise<ConnectionTarget>;
  readonly meter: StoreMeter;
  readonly log: LoadWatching['log'];
}

export function createLoadWatching(options: LoadWatchingOptions): LoadWatching {
  const { config, database } = options;
  const { segmentsInFlight } = config.worker;
  const rulesOf = (name: string) => loadRulesOf(config.load, database(name), { segmentsInFlight });
  return {
    rulesOf,
    heavy: config.load.heavy,
    of(name) {
      const { watch, every, idleEvery } = samplingOf(config.load, database(name));
      if (!watch) return null;
      return {
        rules: rulesOf(name),
        everyMs: every,
        idleEveryMs: idleEvery,
        keep: config.load.keep,
      };
    },
    sessions: createLoadSessions((name) => {
      const { meter } = options;
      const sampler = (store: string) => meter.sampler(store, name);
      const stores = { names: storesOf(config, name), meter: { sampler } };
      const sampling = samplingOf(config.load, database(name));
      return createLoadSamplers({ sampling, target: () => options.connection(name), secrets: options.secrets, stores });
    }),
    hear: (name, dump) => options.meter.hear(name, dump),
    log: options.log,
  };
}
