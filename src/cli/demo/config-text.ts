import { stringify } from 'yaml';
import type { HoldfastConfigInput } from '../../config/schema';

export interface DemoConfigFacts {
  readonly postgresBin: string;
  readonly s3: { readonly endpoint: string; readonly bucket: string };
  readonly gcs: { readonly endpoint: string; readonly bucket: string };
  readonly temporal: { readonly address: string; readonly namespace: string; readonly webUi: string };
  readonly scratchDir: string;
  /** `127.0.0.1:port`. */
  readonly metrics: string;
  /** What decides the pace of backups. */
  readonly load: NonNullable<HoldfastConfigInput['load']>;
  /** Now; the schedules are set half a day away from it, so that none fires while the demo runs. */
  readonly now: Date;
}

/** Files next to holdfast.yaml that its references name. */
export const DEMO_FILES = {
  shopUrl: 'secrets/shop.url',
  catalogUrl: 'secrets/catalog.url',
  s3AccessKeyId: 'secrets/s3-access-key-id',
  s3SecretAccessKey: 'secrets/s3-secret-access-key',
  keys: 'keys',
  disk: 'stores/disk',
} as const;

export const DEMO_DATABASE = 'shop';
export const DEMO_STORES = ['disk', 's3', 'gcs'] as const;
export type DemoStore = (typeof DEMO_STORES)[number];
export const FULL_SCHEDULE = 'monthly-full';

/** Made-up prices of the usual size, so that `holdfast store cost` has something to reckon with. */
const PRICES = {
  disk: { currency: 'USD', storagePerGbMonth: '0.01' },
  s3: {
    currency: 'USD',
    storagePerGbMonth: '0.023',
    per1000Writes: '0.005',
    per1000Reads: '0.0004',
    egressPerGb: '0.09',
  },
  gcs: {
    currency: 'USD',
    storagePerGbMonth: '0.02',
    per1000Writes: '0.005',
    per1000Reads: '0.0004',
    egressPerGb: '0.12',
  },
} as const;

/** The holdfast.yaml of the demo: what a small shop would write. */
export function demoConfig(facts: DemoConfigFacts): string {
  const later = new Date(facts.now.getTime() + 12 * 3_600_000);
  const at = `${String(later.getUTCHours()).padStart(2, '0')}:00`;
  const config: HoldfastConfigInput = {
    version: 1,
    databases: [
      {
        name: DEMO_DATABASE,
        connection: { url: `file:${DEMO_FILES.shopUrl}` },
        readers: 2,
        schedules: [
          {
            name: FULL_SCHEDULE,
            type: 'full',
            every: 'monthly',
            dayOfMonth: dayAfter(later),
            at,
            overlap: 'wait',
            note: 'a fresh start',
          },
          { name: 'nightly', type: 'incremental', every: 'daily', at, overlap: 'skip', note: 'what changed' },
        ],
        retention: { last: 14, daily: 14, weekly: 8, monthly: 12 },
        verification: {
          grade: 'exact',
          stores: 'all',
          assertions: [
            { name: 'there are customers', sql: 'select count(*) > 0 from shop.customers', expect: 'true' },
            { name: 'every order has its customer', sql: 'select count(*) from shop.orders o left join shop.customers c on c.id = o.customer_id where c.id is null', expect: 0 }, // prettier-ignore
          ],
        },
      },
    ],
    stores: [
      { name: 'disk', adapter: 'filesystem', role: 'primary', path: DEMO_FILES.disk, price: PRICES.disk },
      {
        name: 's3',
        adapter: 's3',
        role: 'offsite',
        provider: 's3',
        bucket: facts.s3.bucket,
        endpoint: facts.s3.endpoint,
        pathStyle: true,
        accessKeyId: `file:${DEMO_FILES.s3AccessKeyId}`,
        secretAccessKey: `file:${DEMO_FILES.s3SecretAccessKey}`,
        price: PRICES.s3,
      },
      {
        name: 'gcs',
        adapter: 'gcs',
        role: 'offsite',
        provider: 'gcs',
        bucket: facts.gcs.bucket,
        endpoint: facts.gcs.endpoint,
        anonymous: true,
        price: PRICES.gcs,
      },
    ],
    policy: { copies: 3, media: 3, offsite: 1 },
    // Looked at more often than usual, so that a store that is back is seen while one watches.
    health: { interval: '5s', openFor: '10s' },
    keys: {
      repository: DEMO_FILES.keys,
      idKey: `file:${DEMO_FILES.keys}/id.key`,
      signingKey: `file:${DEMO_FILES.keys}/signing.key`,
      identities: [`file:${DEMO_FILES.keys}/identity.txt`],
    },
    catalog: { connection: { url: `file:${DEMO_FILES.catalogUrl}` } },
    temporal: facts.temporal,
    tools: { postgresBin: [facts.postgresBin] },
    scratch: { dir: facts.scratchDir },
    load: facts.load,
    worker: { metrics: facts.metrics },
  };
  return `# Written by the demo. Every setting is explained in docs/configuration.md. The prices are made up.\n${stringify(config)}`;
}

/** A day of the month that is not the next to come, between 1 and 28. */
function dayAfter(date: Date): number {
  return ((date.getUTCDate() + 13) % 28) + 1;
}
