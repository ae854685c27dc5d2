/** What Prometheus is told of how full each store is. */
import { Gauge, type Registry } from 'prom-client';
import type { Catalog } from '../catalog/types';
import type { HoldfastConfig } from '../config/schema';
import { limitsOf } from './store-terms';
import { usageReports } from './usage-reports';

export interface UsageMetrics {
  reset(): void;
  collect(catalog: Catalog, config: HoldfastConfig): Promise<void>;
}

const STATES = ['ok', 'warn', 'stop'] as const;

export function createUsageMetrics(registry: Registry): UsageMetrics {
  const gauge = (name: string, help: string, labelNames: readonly string[] = ['store']) =>
    new Gauge({ name: `holdfast_store_${name}`, help, labelNames, registers: [registry] });
  const bytes = gauge('held_bytes', 'Bytes that the store holds, by the catalogue');
  const objects = gauge('held_objects', 'Objects that the store holds, by the catalogue');
  const limitBytes = gauge('limit_bytes', 'Bytes that the store may hold, or its disk has for it; absent = no limit');
  const limitObjects = gauge('limit_objects', 'Objects that the store may hold; absent = no limit');
  const share = gauge('used_share', 'Share of the fullest limit that is used, 0 to 1 and beyond; absent = no limit');
  const days = gauge(
    'days_to_full',
    'Days until the bytes reach their limit by the trend; absent = not in sight, or no trend',
  );
  const state = gauge('quota_state', '1 for the state that the store is in: ok, warn, or stop (backups leave it out)', [
    'store',
    'state',
  ]);
  const all = [bytes, objects, limitBytes, limitObjects, share, days, state];
  return {
    reset: () => all.forEach((one) => one.reset()),
    async collect(catalog, config) {
      for (const report of await usageReports(catalog, config, config.stores, { now: new Date() })) {
        const { store, quota } = report;
        bytes.set({ store }, report.bytes);
        objects.set({ store }, report.objects);
        if (report.maxBytes !== null) limitBytes.set({ store }, report.maxBytes);
        const { maxObjects } = limitsOf(config.stores.find(({ name }) => name === store)!);
        if (maxObjects !== null) limitObjects.set({ store }, maxObjects);
        if (quota.share !== null) share.set({ store }, quota.share);
        if (report.daysLeft !== null) days.set({ store }, report.daysLeft);
        for (const one of STATES) state.set({ store, state: one }, one === quota.state ? 1 : 0);
      }
    },
  };
}
