/** The application as its users meet it: how long it takes to answer, and whether it does. */
import { samplingError } from '../../../errors/sampling';
import type { SecretResolver } from '../../../storage/secrets';
import type { Sampler } from '../sampler';
import { createHttpClient } from './http-client';

export interface HttpSamplerOptions {
  /** The source is `http:<name>`. */
  readonly name: string;
  /** http or https. Never shown. */
  readonly url: string;
  /** @default GET */
  readonly method?: 'GET' | 'HEAD';
  /** An answer later than this counts as failed. Milliseconds. @default 1000 */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Name of the header → reference of its value. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  /** Statuses that are a good answer. @default 200 to 399 */
  readonly expectStatus?: readonly number[];
  readonly secrets: SecretResolver;
}

/** A name that nobody knows, a certificate that is not trusted, another protocol: nothing that load does to an application. */
const PROBE_FAULTS =
  /^(ENOTFOUND|EAI_|EPROTO$|CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH)/;

/**
 * A failed probe is a measurement, not a failure of the sampler: it is what the application's users see. Only a probe that the
 * application turns away (401, 403), or that does not get as far as the application, measures nothing.
 */
export function createHttpSampler(options: HttpSamplerOptions): Sampler {
  const { name, timeoutMs = 1_000, expectStatus } = options;
  const url = new URL(options.url);
  const client = createHttpClient({ ...options, timeoutMs });
  const good = (status: number) => expectStatus?.includes(status) ?? (status >= 200 && status < 400);
  return {
    source: `http:${name}`,
    async sample(signal) {
      const outcome = await client.ask(url, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw samplingError('SAMPLER_FAILED', 'a secret header cannot be resolved', { cause: error });
      });
      switch (outcome.kind) {
        case 'unreachable':
          if (PROBE_FAULTS.test(outcome.code))
            throw samplingError('SAMPLER_FAILED', `the application cannot be asked: ${outcome.code}`);
          return { signals: { httpFailures: 1 }, problems: [] };
        // It took at least that long, and that is the figure that matters most of all.
        case 'timedOut':
          return { signals: { httpFailures: 1, httpLatencyMs: outcome.ms }, problems: [] };
        case 'answered': {
          const { status, ms } = outcome;
          if (good(status)) return { signals: { httpFailures: 0, httpLatencyMs: ms }, problems: [] };
          if (status === 401 || status === 403)
            throw samplingError('SAMPLER_DENIED', `the application turns the probe away with status ${status}`);
          return { signals: { httpFailures: 1, httpLatencyMs: ms }, problems: [] };
        }
      }
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}
