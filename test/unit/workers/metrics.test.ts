import type { BackupJob, Catalog, CopyRow } from '../../../src/catalog/types';
import { FULL_PACE } from '../../../src/domain/pace';
import { createGovernor } from '../../../src/load/create-governor';
import { createGovernorRegistry } from '../../../src/load/registry';
import type { ProofRecord } from '../../../src/repository/types';
import { createMetrics, serveMetrics } from '../../../src/workers/metrics';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 9, minute));
const job = (backupId: string, minute: number) =>
  ({
    backupId,
    startedAt: at(minute),
    completedAt: at(minute + 2),
    deletedAt: null,
    rows: 12,
    plainBytes: 100,
    fileSize: 50,
    uploadedBytes: 40,
    reusedBytes: 10,
  }) as BackupJob;
const copy = (backupId: string, store: string, state: CopyRow['state']) => ({ backupId, store, state }) as CopyRow;

function catalogOf(jobs: BackupJob[], copies: CopyRow[]): Catalog {
  return {
    jobs: async () => jobs,
    copies: async () => copies,
    proofs: async () => [{ restoreMs: 1_500 } as ProofRecord],
    auditHead: async () => ({ seq: 7, hash: 'a head' }),
  } as unknown as Catalog;
}

function metricsOver(catalog: () => Promise<Catalog>) {
  const governors = createGovernorRegistry();
  return { governors, metrics: createMetrics({ databases: ['shop'], catalog, governors }) };
}

test('the age that is shown is that of the newest backup with a proved copy, not of the newest backup', async () => {
  const catalog = catalogOf(
    [job('new', 30), job('old', 10)],
    [copy('new', 'disk', 'complete'), copy('old', 'disk', 'proved')],
  );
  const { metrics } = metricsOver(async () => catalog);
  const text = await metrics.registry.metrics();
  expect(text).toContain(`holdfast_last_proved_backup_timestamp_seconds{database="shop"} ${at(10).getTime() / 1000}`);
  expect(text).toContain(`holdfast_last_backup_timestamp_seconds{database="shop"} ${at(30).getTime() / 1000}`);
  expect(text).toContain('holdfast_last_backup_bytes{database="shop",kind="uploaded"} 40');
  expect(text).toContain('holdfast_last_backup_duration_seconds{database="shop"} 120');
  expect(text).toContain('holdfast_last_restore_duration_seconds{database="shop"} 1.5');
  expect(text).toContain('holdfast_copies{database="shop",store="disk",state="proved"} 1');
  expect(text).toContain('holdfast_audit_entries 7');
});

test('without a proved backup there is no age, so that an alarm on its absence fires', async () => {
  const { metrics } = metricsOver(async () => catalogOf([job('new', 30)], [copy('new', 'disk', 'complete')]));
  expect(await metrics.registry.metrics()).not.toContain('holdfast_last_proved_backup_age_seconds{');
});

test('where a copy policy holds it is told how far the newest backup meets it, and since when not', async () => {
  const row = (backupId: string, minute: number, met: number) => ({
    backupId,
    at: at(minute),
    met,
    wanted: 3,
    state: `${met}/3`,
    compliant: met === 3,
    missing: [],
  });
  const catalog = {
    ...catalogOf([job('new', 30), job('old', 10)], []),
    complianceHistory: async () => [row('old', 12, 3), row('new', 32, 2)],
  } as unknown as Catalog;
  const governors = createGovernorRegistry();
  const metrics = createMetrics({ databases: ['shop'], held: () => true, catalog: async () => catalog, governors });
  const text = await metrics.registry.metrics();
  expect(text).toContain('holdfast_last_backup_copies{database="shop"} 2');
  expect(text).toContain('holdfast_last_backup_copies_wanted{database="shop"} 3');
  expect(text).toContain('holdfast_compliant{database="shop"} 0');
  const since = Number(/holdfast_since_compliant_seconds\{database="shop"\} (\S+)/.exec(text)?.[1]);
  const expected = (Date.now() - at(32).getTime()) / 1000;
  expect(since).toBeGreaterThan(expected - 60);
  expect(since).toBeLessThanOrEqual(expected + 1);
});

test('a catalogue that is down is said, and what this process counts is still told', async () => {
  const { metrics, governors } = metricsOver(() => Promise.reject(new Error('down')));
  metrics.failed({ activity: 'dump', code: 'PG_LOST' });
  metrics.stored('disk', 'sent', 4_096);
  const pace = { ...FULL_PACE, paused: true, maxBytesPerSecond: 1_000, sequence: 1 };
  const forget = governors.add('b', { database: 'shop', governor: createGovernor({ pace }) });
  const text = await metrics.registry.metrics();
  expect(text).toContain('holdfast_catalog_up 0');
  expect(text).toContain('holdfast_activity_failures_total{activity="dump",code="PG_LOST"} 1');
  expect(text).toContain('holdfast_store_bytes_total{store="disk",direction="sent"} 4096');
  expect(text).toContain('holdfast_dump_paused{database="shop"} 1');
  forget();
  expect(await metrics.registry.metrics()).not.toContain('holdfast_dump_paused{');
});

test('metrics and health are served on the address that the config names', async () => {
  const { metrics } = metricsOver(async () => catalogOf([], []));
  let ok = true;
  const server = await serveMetrics('127.0.0.1:0', metrics, () => ({ ok, queues: { a: 'RUNNING' } }));
  try {
    const get = (page: string) => fetch(`http://${server.address}${page}`);
    expect(await (await get('/metrics')).text()).toContain('holdfast_catalog_up 1');
    expect((await get('/healthz')).status).toBe(200);
    ok = false;
    expect((await get('/healthz')).status).toBe(503);
    expect((await get('/other')).status).toBe(404);
  } finally {
    await server.close();
  }
});

test('metrics are told apart by names of the configuration, states and codes alone', () => {
  const { metrics } = metricsOver(async () => catalogOf([], []));
  const labels = metrics.registry
    .getMetricsAsArray()
    .flatMap((metric) => (metric as unknown as { labelNames: readonly string[] }).labelNames);
  const known = ['activity', 'code', 'database', 'direction', 'grade', 'kind', 'signal', 'source', 'state', 'store'];
  expect([...new Set(labels)].filter((label) => !known.includes(label))).toEqual([]);
  expect(labels.length).toBeGreaterThan(30);
});
