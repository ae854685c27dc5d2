/** What Prometheus is told of the copy policy: the newest backup of each database that a policy holds for. */
import { Gauge, type Registry } from 'prom-client';
import type { BackupJob, Catalog } from '../catalog/types';
import { complianceReport } from '../domain/compliance-report';

export interface ComplianceMetrics {
  reset(): void;
  /** `jobs`: complete ones that are not deleted, newest first. */
  collect(catalog: Catalog, database: string, jobs: readonly BackupJob[]): Promise<void>;
}

export function createComplianceMetrics(registry: Registry): ComplianceMetrics {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames: ['database'], registers: [registry] });
  const met = gauge('last_backup_copies', 'Copies in good state of the newest complete backup, at most those wanted');
  const wanted = gauge('last_backup_copies_wanted', 'Copies that the policy wants of each backup');
  const compliant = gauge('compliant', '1 when the newest complete backup meets the copy policy');
  const since = gauge(
    'since_compliant_seconds',
    'Seconds since the newest complete backup last met the copy policy; 0 while it does, absent when none ever did',
  );
  return {
    reset: () => [met, wanted, compliant, since].forEach((one) => one.reset()),
    async collect(catalog, database, jobs) {
      const last = jobs[0];
      if (last === undefined) return;
      const changes = await catalog.complianceHistory({ database });
      const row = changes.findLast(({ backupId }) => backupId === last.backupId);
      if (row === undefined) return;
      met.set({ database }, row.met);
      wanted.set({ database }, row.wanted);
      compliant.set({ database }, row.compliant ? 1 : 0);
      const to = new Date();
      const { lastCompliantAt } = complianceReport({ backups: jobs, changes, from: changes[0]!.at, to });
      if (lastCompliantAt)
        since.set({ database }, row.compliant ? 0 : (to.getTime() - lastCompliantAt.getTime()) / 1000);
    },
  };
}
