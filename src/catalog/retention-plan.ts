/** The retention plan of one database from what the catalogue knows: one piece for what is shown and for what is done. */
import type { DatabaseConfig } from '../config/schema';
import { countsAsProved } from '../domain/proof';
import { planRetention, type RetentionPlan } from '../domain/retention';
import type { BackupJob, Catalog } from './types';

export interface CatalogPlan {
  readonly plan: RetentionPlan;
  readonly jobs: readonly BackupJob[];
}

export async function planFromCatalog(
  catalog: Pick<Catalog, 'jobs' | 'copies' | 'holds' | 'compliance'>,
  { name, retention, verification }: Pick<DatabaseConfig, 'name' | 'retention' | 'verification'>,
  now: Date,
): Promise<CatalogPlan> {
  const of = { database: name };
  const [jobs, copies, holds, judged] = await Promise.all([
    catalog.jobs(of),
    catalog.copies(of),
    catalog.holds(of),
    catalog.compliance(of),
  ]);
  const compliant = new Set(judged.filter((row) => row.compliant).map((row) => row.backupId));
  const proved = copies.filter((copy) => countsAsProved(copy, verification.grade));
  const plan = planRetention({
    backups: jobs.map((job) => ({
      backupId: job.backupId,
      status: job.status,
      startedAt: job.startedAt,
      provedCopies: proved.filter((copy) => copy.backupId === job.backupId).length,
      compliant: compliant.has(job.backupId),
      tombstonedAt: job.tombstonedAt,
      deletedAt: job.deletedAt,
    })),
    policy: retention,
    holds,
    now,
  });
  return { plan, jobs };
}
