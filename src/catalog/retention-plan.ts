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
  catalog: Pick<Catalog, 'jobs' | 'copies' | 'holds'>,
  { name, retention, verification }: Pick<DatabaseConfig, 'name' | 'retention' | 'verification'>,
  now: Date,
): Promise<CatalogPlan> {
  const of = { database: name };
  const [jobs, copies, holds] = await Promise.all([catalog.jobs(of), catalog.copies(of), catalog.holds(of)]);
  const proved = copies.filter((copy) => countsAsProved(copy, verification.grade));
  const plan = planRetention({
    backups: jobs.map((job) => ({
      backupId: job.backupId,
      status: job.status,
      startedAt: job.startedAt,
      provedCopies: proved.filter((copy) => copy.backupId === job.backupId).length,
      tombstonedAt: job.tombstonedAt,
      deletedAt: job.deletedAt,
    })),
    policy: retention,
    holds,
    now,
  });
  return { plan, jobs };
}
