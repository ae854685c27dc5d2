/** The samplers of one database, as configured. */
import type { Sampling } from '../../config/load-rules';
import type { SecretResolver } from '../../storage/secrets';
import { createHostSampler } from './host/host-sampler';
import { createLocality } from './host/locality';
import { createHttpSampler } from './http/http-sampler';
import { createPrometheusSampler } from './http/prometheus-sampler';
import { createPostgresSampler } from './postgres/postgres-sampler';
import type { SamplingSessionOptions } from './postgres/session';
import type { Sampler } from './sampler';
import { createSamplerSet, type SamplerSet } from './sampler-set';
import type { StoreMeter } from './store-meter';

export interface LoadSamplersOptions {
  readonly sampling: Pick<Sampling, 'timeout' | 'samplers'>;
  /** Of the database; asked again for each new connection. */
  readonly target: SamplingSessionOptions['target'];
  readonly secrets: SecretResolver;
  /** The database's stores, and what counts the uploads to them; without it stores are not measured. */
  readonly stores?: { readonly names: readonly string[]; readonly meter: Pick<StoreMeter, 'sampler'> };
}

/** A sampler's own limits end before the set's: a slow answer is then a measurement, not a sampler that hangs. */
const SHARE_OF_DEADLINE = 0.9;

/** Nothing is contacted before the first round. Close the set when the watch ends. */
export function createLoadSamplers(options: LoadSamplersOptions): SamplerSet {
  const { sampling, secrets, stores } = options;
  const { timeout, samplers } = sampling;
  const within = (ms: number) => Math.min(ms, timeout * SHARE_OF_DEADLINE);
  const made: Sampler[] = [];
  const { ofDatabase } = samplers.host;
  const here = ofDatabase === 'auto' ? createLocality(options.target) : () => Promise.resolve(ofDatabase);
  if (samplers.postgres.enabled)
    made.push(
      createPostgresSampler({
        target: options.target,
        probeSql: samplers.postgres.probe,
        statements: samplers.postgres.statements,
        cpuWait: { here },
        // One statement that reaches its limit leaves time for the others.
        statementTimeoutMs: Math.min(1_000, timeout / 3),
        budgetMs: timeout * SHARE_OF_DEADLINE,
      }),
    );
  if (samplers.host.enabled) made.push(createHostSampler({ ofDatabase: here }));
  for (const { name, url, method, authorization, timeout: limit } of samplers.http)
    made.push(
      createHttpSampler({
        name,
        url,
        method,
        secretHeaders: authorization === undefined ? {} : { authorization },
        timeoutMs: within(limit),
        secrets,
      }),
    );
  for (const { name, url, query, token, timeout: limit } of samplers.prometheus)
    made.push(
      createPrometheusSampler({
        source: `prometheus:${name}`,
        url,
        queries: { [name]: query },
        bearerToken: token,
        timeoutMs: within(limit),
        secrets,
      }),
    );
  if (samplers.stores && stores) made.push(...stores.names.map((name) => stores.meter.sampler(name)));
  return createSamplerSet(made, { deadlineMs: timeout });
}
