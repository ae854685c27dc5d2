import { Registry } from 'prom-client';
import type { LoadWatchRow } from '../../../src/catalog/load-types';
import { createLoadMetrics } from '../../../src/workers/load-metrics';

const row = (changes: Partial<LoadWatchRow>): LoadWatchRow => ({
  database: 'shop',
  at: new Date(0),
  ageMs: 1_000,
  word: {
    rhythm: 'backup',
    backupId: 'b',
    target: { maxBytesPerSecond: 8e6, readers: 1, uploads: 1, paused: false },
    reasons: [],
    alerts: [{ code: 'tooFewSignals', text: 'few' }],
    signals: { host: { hostCpu: 0.5 } },
    failures: [{ source: 'http:shop', kind: 'hung', message: 'no answer' }],
  },
  ...changes,
});
const lines = async (rows: readonly LoadWatchRow[], stop: unknown = null) => {
  const registry = new Registry();
  const catalog = { loadWatches: async () => rows, standingStop: async () => stop as null };
  await createLoadMetrics(registry).collect(catalog, ['shop', 'other']);
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
};

test('shows signals, alerts, failing samplers and the pace of a watch that was heard of late', async () => {
  expect((await lines([row({})])).sort()).toEqual([
    'holdfast_emergency_stop 0',
    'holdfast_load_alert{database="shop",code="tooFewSignals"} 1',
    'holdfast_load_pace_bytes{database="shop"} 8000000',
    'holdfast_load_pace_paused{database="shop"} 0',
    'holdfast_load_sampler_failing{database="shop",source="http:shop"} 1',
    'holdfast_load_signal{database="shop",source="host",signal="hostCpu"} 0.5',
    'holdfast_load_watched{database="other"} 0',
    'holdfast_load_watched{database="shop"} 1',
  ]);
});

test('an old word is no load of now, and a stop that stands shows', async () => {
  expect((await lines([row({ ageMs: 200_000 })], { id: 1 })).sort()).toEqual([
    'holdfast_emergency_stop 1',
    'holdfast_load_watched{database="other"} 0',
    'holdfast_load_watched{database="shop"} 0',
  ]);
});
