/** Numbers that Prometheus knows: of managed databases, of load balancers, of the application itself. */
import type { SignalName } from '../../../domain/load/signals';
import { samplingError } from '../../../errors/sampling';
import type { SecretResolver } from '../../../storage/secrets';
import { problemOf, type Sampler, type SamplerProblem, type Signals } from '../sampler';
import { createHttpClient, type HttpClient } from './http-client';
import { prometheusValue } from './prometheus-answer';

export interface PrometheusSamplerOptions {
  /** @default prometheus */
  readonly source?: string;
  /** Of the server, without `/api/v1/query`: `https://prometheus.internal:9090`. Never shown. */
  readonly url: string;
  /** Name (of the signal `prometheus:<name>`) → PromQL that gives one number, not negative, more of which is worse. */
  readonly queries: Readonly<Record<string, string>>;
  /** Of each query, at the server too. Milliseconds. @default 1000 */
  readonly timeoutMs?: number;
  /** Reference of a bearer token. */
  readonly bearerToken?: string;
  /** Reference of a password; sent with `user`. */
  readonly basicAuth?: { readonly user: string; readonly password: string };
  readonly headers?: Readonly<Record<string, string>>;
  /** Name of the header → reference of its value: `x-scope-orgid`. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  readonly secrets: SecretResolver;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
}

/** What stands for the whole authorization header, among the references of secret headers. */
const AUTHORIZATION = 'authorization';

export function createPrometheusSampler(options: PrometheusSamplerOptions): Sampler {
  const { source = 'prometheus', timeoutMs = 1_000, now = Date.now } = options;
  const base = new URL(options.url);
  const { bearerToken, basicAuth } = options;
  const client = createHttpClient({
    headers: options.headers,
    secretHeaders: {
      ...options.secretHeaders,
      ...(bearerToken || basicAuth ? { [AUTHORIZATION]: AUTHORIZATION } : {}),
    },
    secrets: async (reference) => {
      if (reference !== AUTHORIZATION) return options.secrets(reference);
      if (bearerToken) return `Bearer ${await options.secrets(bearerToken)}`;
      const login = `${basicAuth!.user}:${await options.secrets(basicAuth!.password)}`;
      return `Basic ${Buffer.from(login).toString('base64')}`;
    },
    timeoutMs,
  });

  return {
    source,
    async sample(signal) {
      const names = Object.keys(options.queries);
      const signals: Signals = {};
      const problems: SamplerProblem[] = [];
      await Promise.all(
        names.map(async (name) => {
          try {
            const url = queryUrl(base, options.queries[name]!, timeoutMs);
            signals[`prometheus:${name}` as SignalName] = prometheusValue(await ask(client, url, signal), now());
          } catch (error) {
            signal.throwIfAborted();
            const { kind, message } = problemOf(error);
            problems.push({ kind, message: `${name}: ${message}` });
          }
        }),
      );
      return { signals, problems };
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}

function queryUrl(base: URL, query: string, timeoutMs: number): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, '')}/api/v1/query`;
  url.searchParams.set('query', query);
  url.searchParams.set('timeout', `${timeoutMs}ms`);
  return url;
}

async function ask(client: HttpClient, url: URL, signal: AbortSignal): Promise<string> {
  const outcome = await client.ask(url, signal);
  switch (outcome.kind) {
    case 'timedOut':
      throw samplingError('SAMPLER_HUNG', `no answer within ${Math.round(outcome.ms)} ms`);
    case 'unreachable':
      throw samplingError('SAMPLER_FAILED', `Prometheus cannot be reached: ${outcome.code}`);
    case 'answered': {
      const { status, body, whole } = outcome;
      if (status === 401 || status === 403)
        throw samplingError('SAMPLER_DENIED', `Prometheus refuses the login with status ${status}`);
      if (!whole) throw samplingError('SAMPLER_FAILED', 'the answer is too long for one number');
      // A refused query has a status of its own and says why in JSON.
      if (status === 200 || status === 400 || status === 422 || status === 503) return body.toString('utf8');
      throw samplingError('SAMPLER_FAILED', `Prometheus answers with status ${status}`);
    }
  }
}
