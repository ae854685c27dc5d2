/** What Prometheus scrapes from a worker, and whether it is healthy. Ages and sizes come from the catalogue at each scrape. */
import { createServer, type Server } from 'node:http';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Catalog } from '../catalog/types';
import type { ReadFact } from '../activities/deps';
import type { HoldfastConfig } from '../config/schema';
import type { GovernorRegistry } from '../load/registry';
import { createComplianceMetrics } from './compliance-metrics';
import { createHealthMetrics, type WatchedStores } from './health-metrics';
import { createLoadMetrics } from './load-metrics';
import type { MetricsGuard } from './metrics-guard';
import { createUsageMetrics } from './usage-metrics';
import { verificationMetrics, type VerifiedDatabase } from './verification-metrics';

export interface MetricsSource {
  readonly databases: readonly string[];
  /** Whether a copy policy holds for a database. @default none does */
  readonly held?: (database: string) => boolean;
  /** Whose proofs are shown store by store. @default none */
  readonly verified?: readonly VerifiedDatabase[];
  /** Whose health is shown. @default none */
  readonly watched?: WatchedStores;
  /** Whose load is shown. @default none */
  readonly loads?: readonly string[];
  /** Whose stores' room is shown. @default none */
  readonly room?: HoldfastConfig;
  catalog(): Promise<Catalog>;
  readonly governors: GovernorRegistry;
}

export interface WorkerMetrics {
  readonly registry: Registry;
  failed(fact: { readonly activity: string; readonly code: string }): void;
  stored(store: string, direction: 'sent' | 'received', bytes: number): void;
  readAgain(fact: ReadFact): void;
  /** A probe by this process. */
  probed(store: string, code: string | null): void;
}

const FRESH_MS = 5_000;

export function createMetrics(source: MetricsSource): WorkerMetrics {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: readonly string[]) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers: [registry] });
  const counter = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name: `holdfast_${name}`, help, labelNames, registers: [registry] });

  const proved = gauge('last_proved_backup_timestamp_seconds', 'Start of the newest backup that has a proved copy', [
    'database',
  ]);
  const age = gauge('last_proved_backup_age_seconds', 'Age of the newest backup that has a proved copy', ['database']);
  const completed = gauge('last_backup_timestamp_seconds', 'Start of the newest complete backup', ['database']);
  const sizes = gauge('last_backup_bytes', 'Bytes of the newest complete backup', ['database', 'kind']);
  const rows = gauge('last_backup_rows', 'Rows of the newest complete backup', ['database']);
  const duration = gauge('last_backup_duration_seconds', 'Time from start to commit of the newest complete backup', [
    'database',
  ]);
  const restore = gauge('last_restore_duration_seconds', 'Measured restore of the newest proof: the recovery time', [
    'database',
  ]);
  const copies = gauge('copies', 'Copies that are not deleted, by state', ['database', 'store', 'state']);
  const paused = gauge('dump_paused', '1 while a dump in this process is paused', ['database']);
  const rate = gauge(
    'dump_rate_limit_bytes',
    'Bytes per second that a dump in this process may read; absent = no limit',
    ['database'],
  );
  const audited = gauge('audit_entries', 'Entries of the audit log; it never falls unless some were taken away', []);
  const up = gauge('catalog_up', '1 when the catalogue answered the last scrape', []);
  const failures = counter('activity_failures_total', 'Failed activity attempts by stable error code', [
    'activity',
    'code',
  ]);
  const bytes = counter('store_bytes_total', 'Bytes moved to and from a store by this process', ['store', 'direction']);

  const compliance = createComplianceMetrics(registry);
  const verification = verificationMetrics(registry);
  const usage = createUsageMetrics(registry);
  const stores = createHealthMetrics(registry);
  const loads = createLoadMetrics(registry);

  const collectDatabase = async (catalog: Catalog, database: string) => {
    const jobs = (await catalog.jobs({ database, status: 'completed', limit: 200 })).filter(
      (job) => job.deletedAt === null,
    );
    const copyRows = await catalog.copies({ database });
    const living = new Set(jobs.map((job) => job.backupId));
    const isProved = (id: string) => copyRows.some((copy) => copy.backupId === id && copy.state === 'proved');
    const seconds = (date: Date) => date.getTime() / 1000;
    const lastProved = jobs.find((job) => isProved(job.backupId));
    if (lastProved) {
      proved.set({ database }, seconds(lastProved.startedAt));
      age.set({ database }, Date.now() / 1000 - seconds(lastProved.startedAt));
    }
    const last = jobs[0];
    if (last) {
      completed.set({ database }, seconds(last.startedAt));
      if (last.completedAt) duration.set({ database }, seconds(last.completedAt) - seconds(last.startedAt));
      rows.set({ database }, last.rows ?? 0);
      for (const [kind, value] of [
        ['plain', last.plainBytes],
        ['sealed', last.fileSize],
        ['uploaded', last.uploadedBytes],
        ['reused', last.reusedBytes],
      ] as const)
        sizes.set({ database, kind }, value ?? 0);
    }
    if (source.held?.(database)) await compliance.collect(catalog, database, jobs);
    const [proof] = (await catalog.proofs({ database, limit: 20 })).filter((one) => one.restoreMs !== null);
    if (proof) restore.set({ database }, proof.restoreMs! / 1000);
    const counts = new Map<string, number>();
    for (const { store, state } of copyRows.filter((copy) => living.has(copy.backupId))) {
      const key = JSON.stringify([store, state]);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, count] of counts) {
      const [store, state] = JSON.parse(key) as [string, string];
      copies.set({ database, store, state }, count);
    }
  };

  let collectedAt = -Infinity;
  const collect = async () => {
    if (performance.now() - collectedAt < FRESH_MS) return;
    for (const one of [proved, age, completed, sizes, rows, duration, restore, copies]) one.reset();
    compliance.reset();
    verification.reset();
    usage.reset();
    stores.reset();
    loads.reset();
    try {
      const catalog = await source.catalog();
      for (const database of source.databases) await collectDatabase(catalog, database);
      for (const one of source.verified ?? []) await verification.collect(catalog, one);
      if (source.room) await usage.collect(catalog, source.room);
      if (source.watched) await stores.collect(catalog, source.watched, new Date());
      if (source.loads?.length) await loads.collect(catalog, source.loads);
      audited.set((await catalog.auditHead())?.seq ?? 0);
      up.set(1);
      collectedAt = performance.now();
    } catch {
      up.set(0);
    }
  };
  const collectPace = () => {
    paused.reset();
    rate.reset();
    for (const { database, governor } of source.governors.all()) {
      paused.set({ database }, governor.pace.paused ? 1 : 0);
      if (governor.pace.maxBytesPerSecond !== null) rate.set({ database }, governor.pace.maxBytesPerSecond);
    }
  };
  const plainMetrics = registry.metrics.bind(registry);
  registry.metrics = async () => {
    await collect();
    collectPace();
    return plainMetrics();
  };

  return {
    registry,
    failed: ({ activity, code }) => failures.inc({ activity, code }),
    stored: (store, direction, count) => bytes.inc({ store, direction }, count),
    readAgain: (fact) => verification.readAgain(fact),
    probed: (store, code) => stores.probed(store, code),
  };
}

export interface MetricsServer {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * `/metrics` for Prometheus, to whom the guard lets in; `/healthz` for whatever restarts this process, to everybody: 200
 * when every queue is polled.
 */
export async function serveMetrics(
  address: string,
  metrics: WorkerMetrics,
  health: () => { readonly ok: boolean; readonly queues: Readonly<Record<string, string>> },
  guard: MetricsGuard | null = null,
): Promise<MetricsServer> {
  const server: Server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string, more: Readonly<Record<string, string>> = {}) =>
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...more }).end(body);
    if (request.method !== 'GET') return answer(405, 'text/plain', 'GET only\n');
    if (request.url === '/healthz') {
      const state = health();
      return answer(state.ok ? 200 : 503, 'application/json', `${JSON.stringify(state)}\n`);
    }
    if (request.url !== '/metrics') return answer(404, 'text/plain', '/metrics, /healthz\n');
    const refusal = guard?.(request) ?? null;
    if (refusal !== null) return answer(refusal.status, 'text/plain', refusal.text, refusal.headers);
    metrics.registry.metrics().then(
      (body) => answer(200, metrics.registry.contentType, body),
      () => answer(500, 'text/plain', 'the metrics could not be collected\n'),
    );
  });
  const [host, port] = splitAddress(address);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return {
    address: `${host}:${boundPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function splitAddress(address: string): [string, number] {
  const at = address.lastIndexOf(':');
  const host = at > 0 ? address.slice(0, at).replace(/^\[|\]$/g, '') : '127.0.0.1';
  return [host, Number(address.slice(at + 1))];
}
