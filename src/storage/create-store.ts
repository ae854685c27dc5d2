import type { StoreConfig } from '../config/schema';
import { DEFAULT_BACKOFF, type BackoffPolicy } from './backoff';
import { withMetrics, type StoreMetrics } from './decorators/metrics';
import { withRate } from './decorators/rate';
import { withRetry } from './decorators/retry';
import { withTimeout } from './decorators/timeout';
import { createFilesystemStore } from './filesystem/filesystem-store';
import { openGcsStore } from './gcs/open-gcs';
import type { ObjectStore } from './object-store';
import { openS3Store } from './s3/open-s3';
import type { SecretResolver } from './secrets';
import { openSupabaseStore } from './supabase/open-supabase';
import { realTiming, type Timing } from './timing';

export type { SecretResolver } from './secrets';
export type { StoreMetrics } from './decorators/metrics';

export interface StoreDependencies {
  readonly metrics?: StoreMetrics;
  /** Clock, sleep and chance; real ones by default. */
  readonly timing?: Timing;
}

/**
 * A store as configured, ready for use: adapter, then from the inside out counters, timeout of each request, limits of
 * rate and of requests at once, retries. Nothing is contacted before the first call.
 */
export function createStore(config: StoreConfig, secrets: SecretResolver, deps: StoreDependencies = {}): ObjectStore {
  const { limits } = config;
  const timing = deps.timing ?? realTiming;
  const policy = { ...DEFAULT_BACKOFF, retries: limits.retries };
  if (limits.retries === 0) policy.throttledRetries = 0;
  const adapter = createAdapter(config, secrets, { timing, backoff: policy });
  const measured = deps.metrics ? withMetrics(adapter, deps.metrics, timing) : adapter;
  const timed = withTimeout(measured, limits.timeout);
  const limited = withRate(timed, {
    maxBytesPerSecond: limits.maxBytesPerSecond,
    maxRequests: limits.maxRequests,
    timing,
  });
  return withRetry(limited, { policy, timing, metrics: deps.metrics });
}

function createAdapter(
  config: StoreConfig,
  secrets: SecretResolver,
  deps: { readonly timing: Timing; readonly backoff: BackoffPolicy },
): ObjectStore {
  switch (config.adapter) {
    case 'filesystem':
      return createFilesystemStore(config);
    case 's3':
      return openS3Store(config, secrets, deps);
    case 'gcs':
      return openGcsStore(config, secrets, deps);
    case 'supabase':
      return openSupabaseStore(config, secrets, deps);
  }
}
