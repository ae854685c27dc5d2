import { Registry } from 'prom-client';
import type { Catalog } from '../../../src/catalog/types';
import { configSchema } from '../../../src/config/schema';
import { createUsageMetrics } from '../../../src/workers/usage-metrics';

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;
const config = (quota: object | undefined) =>
  configSchema.parse({
    version: 1,
    databases: [{ name: 'shop', connection: { url: 'env:SHOP_URL' } }],
    stores: [{ name: 'far', adapter: 's3', bucket: 'b', ...(quota ? { quota } : {}) }],
    keys: { repository: './keys', idKey: 'env:ID' },
    catalog: { connection: { url: 'env:CATALOG_URL' } },
  });
/** A MiB more each day, up to `last`. */
const catalog = (last: number): Catalog =>
  ({
    jobs: async () => [],
    usageHistory: async () =>
      Array.from({ length: 20 }, (_, index) => ({
        ...{ store: 'far', database: 'shop', objects: 100 + index, source: 'measured' },
        ...{ at: new Date(Date.now() - (19 - index) * DAY_MS), bytes: (last - 19 + index) * MIB },
      })),
  }) as unknown as Catalog;

async function scrape(last: number, quota?: object): Promise<Record<string, number>> {
  const registry = new Registry();
  const metrics = createUsageMetrics(registry);
  await metrics.collect(catalog(last), config(quota));
  const found = await registry.getMetricsAsJSON();
  const values = found.flatMap(({ name, values }) =>
    (values as readonly { value: number; labels: Record<string, string> }[]).map(
      ({ value, labels }) =>
        [`${name.replace('holdfast_store_', '')}${labels['state'] ? `.${labels['state']}` : ''}`, value] as const,
    ),
  );
  return Object.fromEntries(values);
}

test('tell what is held, what may be held, and in how many days it is full', async () => {
  const found = await scrape(50, { maxBytes: '100MiB', maxObjects: 1_000 });
  expect(found).toMatchObject({
    held_bytes: 50 * MIB,
    held_objects: 119,
    limit_bytes: 100 * MIB,
    limit_objects: 1_000,
    used_share: 0.5,
    'quota_state.ok': 1,
    'quota_state.stop': 0,
  });
  expect(found['days_to_full']).toBeCloseTo(50, 0);
});

test('a store at its stop says so, and one without a limit says nothing of one', async () => {
  expect(await scrape(98, { maxBytes: '100MiB' })).toMatchObject({ 'quota_state.stop': 1, 'quota_state.ok': 0 });
  const free = await scrape(50);
  expect(Object.keys(free).sort()).toEqual([
    'held_bytes',
    'held_objects',
    'quota_state.ok',
    'quota_state.stop',
    'quota_state.warn',
  ]);
});
