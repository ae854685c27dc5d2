/** What Prometheus sees of the load of databases, as their watches wrote it down. */
import { Gauge, type Registry } from 'prom-client';
import type { Catalog } from '../catalog/types';

/** A watch that was not heard for so long says nothing of now. Milliseconds. */
const FRESH_MS = 120_000;

export interface LoadMetrics {
  reset(): void;
  collect(catalog: Pick<Catalog, 'loadWatches' | 'standingStop'>, databases: readonly string[]): Promise<void>;
}

export function createLoadMetrics(registry: Registry): LoadMetrics {
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers: [registry] });
  const watched = gauge('load_watched', '1 while the load is watched; 0 = the watch was not heard of late', 'database');
  const signal = gauge('load_signal', 'Newest value, in the unit of the signal', 'database', 'source', 'signal');
  const alert = gauge('load_alert', '1 for each alert of the load watch that holds', 'database', 'code');
  const failing = gauge('load_sampler_failing', '1 for each sampler whose last round failed', 'database', 'source');
  const paused = gauge('load_pace_paused', '1 while the watch holds the running backup back', 'database');
  const rate = gauge('load_pace_bytes', 'Bytes per second that the watch allows; absent = no limit', 'database');
  const stopped = gauge('emergency_stop', '1 while an emergency stop stands');
  const gauges = [watched, signal, alert, failing, paused, rate, stopped];
  return {
    reset: () => gauges.forEach((one) => one.reset()),
    async collect(catalog, databases) {
      stopped.set((await catalog.standingStop()) === null ? 0 : 1);
      const rows = await catalog.loadWatches();
      for (const database of databases) {
        const row = rows.find((one) => one.database === database);
        const fresh = row !== undefined && row.ageMs <= FRESH_MS;
        watched.set({ database }, fresh ? 1 : 0);
        // An old word would look like a load of now.
        if (!fresh) continue;
        const { signals, alerts, failures, target } = row.word;
        for (const [source, values] of Object.entries(signals))
          for (const [name, value] of Object.entries(values)) signal.set({ database, source, signal: name }, value!);
        for (const { code } of alerts) alert.set({ database, code }, 1);
        for (const { source } of failures) failing.set({ database, source }, 1);
        if (target === null) continue;
        paused.set({ database }, target.paused ? 1 : 0);
        if (target.maxBytesPerSecond !== null) rate.set({ database }, target.maxBytesPerSecond);
      }
    },
  };
}
