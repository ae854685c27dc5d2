/** The load of databases as the config wants it watched: rules, rhythm, and the samplers of each. */
import type { LoadWatching } from '../activities/deps';
import type { SecretResolver } from '../client/connection-options';
import { loadRulesOf, samplingOf, type Sampling } from '../config/load-rules';
import type { DatabaseConfig, HoldfastConfig } from '../config/schema';
import { storesOf } from '../config/database-stores';
import type { ConnectionTarget } from '../engines/engine';
import { createHostSampler } from '../load/samplers/host/host-sampler';
import { createHttpSampler } from '../load/samplers/http/http-sampler';
import { createPrometheusSampler } from '../load/samplers/http/prometheus-sampler';
import { createPostgresSampler } from '../load/samplers/postgres/postgres-sampler';
import type { Sampler } from '../load/samplers/sampler';
import { createSamplerSet } from '../load/samplers/sampler-set';
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
  return {
    of(name) {
      const found = database(name);
      const { watch, every, idleEvery } = samplingOf(config.load, found);
      if (!watch) return null;
      return {
        rules: loadRulesOf(config.load, found, { segmentsInFlight }),
        everyMs: every,
        idleEveryMs: idleEvery,
        keep: config.load.keep,
      };
    },
    sessions: createLoadSessions((name) => {
      const sampling = samplingOf(config.load, database(name));
      return createSamplerSet(samplersOf(options, name, sampling), { deadlineMs: sampling.timeout });
    }),
    log: options.log,
  };
}

function samplersOf(
  { config, secrets, connection, meter }: LoadWatchingOptions,
  database: string,
  { samplers, timeout }: Sampling,
): readonly Sampler[] {
  const { postgres, host, http, prometheus, stores } = samplers;
  return [
    ...(postgres.enabled
      ? [
          createPostgresSampler({
            target: () => connection(database),
            probeSql: postgres.probe,
            statementTimeoutMs: Math.max(100, timeout / 2),
          }),
        ]
      : []),
    ...(host.enabled ? [createHostSampler()] : []),
    ...http.map(({ name, url, authorization, timeout: timeoutMs }) =>
      createHttpSampler({
        name,
        url,
        timeoutMs,
        ...(authorization === undefined ? {} : { secretHeaders: { authorization } }),
        secrets,
      }),
    ),
    // A source for each, since each may have a server of its own.
    ...prometheus.map(({ name, url, query, token, timeout: timeoutMs }) =>
      createPrometheusSampler({
        source: `prometheus:${name}`,
        url,
        queries: { [name]: query },
        timeoutMs,
        ...(token === undefined ? {} : { bearerToken: token }),
        secrets,
      }),
    ),
    ...(stores ? storesOf(config, database).map((store) => meter.sampler(store)) : []),
  ];
}
