import { Registry } from 'prom-client';
import type { StoreHealthRow } from '../../../src/catalog/types';
import { DEFAULT_WATCH_LIMITS, freshForMs, observe, untriedStatus } from '../../../src/domain/store-watch';
import { createHealthMetrics } from '../../../src/workers/health-metrics';

const NOW = new Date('2026-11-21T12:00:00Z');
const T = NOW.getTime();
const watched = { stores: ['disk', 's3', 'new'], limits: DEFAULT_WATCH_LIMITS };
const status = (store: string, ok: boolean) => {
  const seen = { id: 'a', source: 'probe' as const, at: T - 1_000, ok, latencyMs: 250, fault: null };
  return observe(untriedStatus(store, T - 2_000), seen, { ...DEFAULT_WATCH_LIMITS, openAfter: 1 }).status;
};

async function shown(rows: readonly StoreHealthRow[]): Promise<string> {
  const registry = new Registry();
  const metrics = createHealthMetrics(registry);
  await metrics.collect({ storeHealth: async () => rows }, watched, NOW);
  return registry.metrics();
}

test('state, breaker, latency, errors and the last probe are told of each store that is watched', async () => {
  const text = await shown([
    { store: 'disk', status: status('disk', true), updatedAt: NOW },
    { store: 's3', status: status('s3', false), updatedAt: NOW },
  ]);
  expect(text).toContain('holdfast_store_state{store="disk",state="healthy"} 1');
  expect(text).toContain('holdfast_store_state{store="disk",state="down"} 0');
  expect(text).toContain('holdfast_store_breaker{store="s3",state="open"} 1');
  expect(text).toContain('holdfast_store_breaker{store="s3",state="closed"} 0');
  expect(text).toContain('holdfast_store_latency_seconds{store="disk"} 0.25');
  expect(text).not.toContain('holdfast_store_latency_seconds{store="s3"}');
  expect(text).toMatch(/holdfast_store_error_ratio{store="s3"} 0\.3/);
  expect(text).toContain(`holdfast_store_last_probe_timestamp_seconds{store="s3"} ${(T - 1_000) / 1_000}`);
  expect(text).toContain('holdfast_store_watched{store="s3"} 1');
  expect(text).toContain('holdfast_store_watched{store="new"} 0');
});

test('of a store that nobody watches any more no state is told, so that an alarm on what is watched fires', async () => {
  const updatedAt = new Date(T - freshForMs(DEFAULT_WATCH_LIMITS) - 1);
  const text = await shown([{ store: 's3', status: status('s3', false), updatedAt }]);
  expect(text).toContain('holdfast_store_watched{store="s3"} 0');
  expect(text).not.toContain('holdfast_store_state{store="s3"');
  expect(text).toContain('holdfast_store_last_probe_timestamp_seconds{store="s3"}');
});

test('probes and failed ones are counted by store and code', async () => {
  const registry = new Registry();
  const metrics = createHealthMetrics(registry);
  metrics.probed('s3', null);
  metrics.probed('s3', 'STORE_TIMEOUT');
  const text = await registry.metrics();
  expect(text).toContain('holdfast_store_probes_total{store="s3"} 2');
  expect(text).toContain('holdfast_store_probe_failures_total{store="s3",code="STORE_TIMEOUT"} 1');
});
