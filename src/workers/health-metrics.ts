/** What Prometheus sees of the stores' health, as the catalogue has it, and of the probes of this process. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Catalog } from '../catalog/types';
import type { BreakerState } from '../domain/breaker';
import { HEALTH_STATES } from '../domain/store-health';
import type { WatchLimits } from '../domain/store-watch';
import { isFresh } from '../domain/store-watch';

export interface WatchedStores {
  readonly stores: readonly string[];
  readonly limits: WatchLimits;
}

export interface HealthMetrics {
  reset(): void;
  collect(catalog: Pick<Catalog, 'storeHealth'>, watched: WatchedStores, now: Date): Promise<void>;
  probed(store: string, code: string | null): void;
}

const BREAKER_STATES: readonly BreakerState[] = ['closed', 'half-open', 'open'];

export function createHealthMetrics(registry: Registry): HealthMetrics {
  const gauge = (name: string, help: string, ...more: string[]) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames: ['store', ...more], registers: [registry] });
  const counter = (name: string, help: string, ...more: string[]) =>
    new Counter({ name: `holdfast_${name}`, help, labelNames: ['store', ...more], registers: [registry] });
  const state = gauge('store_state', '1 for the state that the store is in: healthy, degraded or down', 'state');
  const breaker = gauge('store_breaker', '1 for the state of its breaker: closed, half-open or open', 'state');
  const latency = gauge('store_latency_seconds', 'Moving average of the time that good answers of the store took');
  const errors = gauge('store_error_ratio', 'Moving average of the share of bad answers, 0 to 1');
  const probe = gauge('store_last_probe_timestamp_seconds', 'When the store was last probed');
  const watched = gauge(
    'store_watched',
    '1 while somebody watches the store; 0 = what is known of it is old, or nothing',
  );
  const probes = counter('store_probes_total', 'Probes by this process');
  const failures = counter('store_probe_failures_total', 'Failed probes by this process, by stable error code', 'code');
  const gauges = [state, breaker, latency, errors, probe, watched];
  return {
    reset: () => gauges.forEach((one) => one.reset()),
    async collect(catalog, { stores, limits }, now) {
      const rows = await catalog.storeHealth();
      for (const store of stores) {
        const row = rows.find((one) => one.store === store);
        const fresh = row !== undefined && isFresh(row.updatedAt, now, limits);
        watched.set({ store }, fresh ? 1 : 0);
        if (row?.status.lastProbeAt) probe.set({ store }, Date.parse(row.status.lastProbeAt) / 1_000);
        // An old word would look like a state of now.
        if (!fresh) continue;
        const { status } = row;
        for (const one of HEALTH_STATES) state.set({ store, state: one }, status.state === one ? 1 : 0);
        for (const one of BREAKER_STATES) breaker.set({ store, state: one }, status.breaker.state === one ? 1 : 0);
        if (status.average.latencyMs !== null) latency.set({ store }, status.average.latencyMs / 1_000);
        if (status.observations > 0) errors.set({ store }, 1 - status.average.share);
      }
    },
    probed(store, code) {
      probes.inc({ store });
      if (code !== null) failures.inc({ store, code });
    },
  };
}
