/** What Prometheus sees of proofs and of reading objects again, per store and database. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ReadFact } from '../activities/deps';
import { intactRules, rotationFromCatalog } from '../catalog/verification-plan';
import type { Catalog } from '../catalog/types';
import type { DatabaseConfig } from '../config/schema';
import { BUCKETS } from '../domain/intact-plan';
import { PROOF_GRADES, gradeAtLeast } from '../domain/names';

export interface VerifiedDatabase {
  readonly config: Pick<DatabaseConfig, 'name' | 'verification'>;
  /** Its stores, in the config's order. */
  readonly stores: readonly string[];
}

export interface VerificationMetrics {
  reset(): void;
  collect(catalog: Catalog, database: VerifiedDatabase): Promise<void>;
  readAgain(fact: ReadFact): void;
}

export function verificationMetrics(registry: Registry): VerificationMetrics {
  const gauge = (name: string, help: string, labelNames: readonly string[]) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers: [registry] });
  const counter = (name: string, help: string) =>
    new Counter({ name: `holdfast_${name}`, help, labelNames: ['database', 'store'], registers: [registry] });
  const proofAge = gauge(
    'last_proof_age_seconds',
    'Time since a copy at this store was last proved to at least this grade; absent = never',
    ['database', 'store', 'grade'],
  );
  const overdue = gauge('copies_overdue', 'Copies in rotation whose last proof is older than maxAge', ['database']);
  const progress = gauge('intact_cycle_progress', 'Share of the cycle of reading all objects that is done, 0 to 1', [
    'database',
    'store',
  ]);
  const late = gauge('intact_cycle_late_seconds', 'How far an unfinished cycle is beyond its end; 0 = in time', [
    'database',
    'store',
  ]);
  const oldest = gauge(
    'intact_oldest_read_age_seconds',
    'Time since the part of the objects was read that was read longest ago; absent = not all were ever read',
    ['database', 'store'],
  );
  const objects = counter('intact_objects_read_total', 'Objects that this process read again');
  const bytes = counter('intact_bytes_read_total', 'Bytes of objects that this process read again');
  const damaged = counter('intact_damaged_objects_total', 'Missing or damaged objects that this process found');

  return {
    reset() {
      for (const one of [proofAge, overdue, progress, late, oldest]) one.reset();
    },
    async collect(catalog, { config, stores }) {
      const database = config.name;
      const now = Date.now();
      const since = (date: Date) => (now - date.getTime()) / 1_000;
      const summaries = await catalog.proofSummaries({ database });
      for (const store of stores)
        for (const grade of PROOF_GRADES) {
          const times = summaries.flatMap((one) =>
            one.store === store && gradeAtLeast(one.asked, grade) && one.provedAt !== null ? [one.provedAt] : [],
          );
          if (times.length > 0) proofAge.set({ database, store, grade }, Math.min(...times.map(since)));
        }
      const plan = await rotationFromCatalog(catalog, config, stores, { down: [], now: new Date(now) });
      overdue.set({ database }, plan.overdue);
      const { cycleMs } = intactRules(config);
      const seen = new Set<string>();
      for (const cycle of await catalog.intactCycles({ database, limit: 4 * stores.length })) {
        if (seen.has(cycle.store)) continue;
        seen.add(cycle.store);
        const labels = { database, store: cycle.store };
        progress.set(labels, cycle.nextBucket / BUCKETS);
        late.set(labels, cycle.completedAt === null ? Math.max(0, since(cycle.startedAt) - cycleMs / 1_000) : 0);
      }
      for (const { store, buckets, oldestReadAt } of await catalog.intactReadings({ database }))
        if (buckets === BUCKETS) oldest.set({ database, store }, since(oldestReadAt));
    },
    readAgain({ database, store, ...fact }) {
      objects.inc({ database, store }, fact.objects);
      bytes.inc({ database, store }, fact.bytes);
      damaged.inc({ database, store }, fact.damaged);
    },
  };
}
