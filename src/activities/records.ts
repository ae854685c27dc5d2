/** Rows of the catalogue that workflows write. Every one may be written twice. */
import { recordRegression } from '../catalog/load-figures';
import type { CopyRow } from '../catalog/types';
import { gradeAtLeast, type ProofGrade } from '../domain/names';
import { gradeAfter } from '../domain/proof';
import type { ActivityDeps } from './deps';
import type { CopyChange, DumpRecord, HoldfastActivities } from './types';

type RecordActivities = Pick<HoldfastActivities, 'openJob' | 'recordDump' | 'failJob' | 'recordCopy'>;

export function createRecordActivities(deps: Pick<ActivityDeps, 'catalog'>): RecordActivities {
  return {
    async openJob(job) {
      const catalog = await deps.catalog();
      await catalog.startJob({ ...job, startedAt: new Date(job.startedAt) });
    },

    async recordDump({ database, backupId, result }: DumpRecord) {
      const catalog = await deps.catalog();
      const at = new Date(result.completedAt);
      await catalog.completeJob(backupId, {
        completedAt: at,
        fileSize: result.sealedBytes,
        plainBytes: result.plainBytes,
        uploadedBytes: result.uploadedBytes,
        reusedBytes: result.reusedBytes,
        rows: result.rows,
        segments: result.segments,
        location: result.location,
      });
      // A repeated call must not take back what has been learnt since: copies that are known already stay as they are.
      await catalog.setCopies(
        [
          ...result.committed.map((store) => ({ backupId, database, store, state: 'complete' as const, at })),
          ...result.behind.map(({ store, code, message }) => ({
            backupId,
            database,
            store,
            state: 'pending' as const,
            detail: `${code}: ${message}`,
            at,
          })),
        ],
        { onlyNew: true },
      );
      for (const { store, sentBytes, ...counts } of result.transfers ?? [])
        await catalog.recordTransfer({
          ...{ ref: `dump/${backupId}`, store, database, backupId, kind: 'dump', at: new Date() },
          ...{ ...counts, bytes: sentBytes },
        });
      // The journal served its purpose: what it named is named by the manifest now.
      await catalog.journalClear(backupId);
      await recordRegression(catalog, { database, backupId, at });
    },

    async failJob({ backupId, code, message }) {
      const catalog = await deps.catalog();
      await catalog.failJob(backupId, { completedAt: new Date(), errorCode: code, errorMessage: message });
      // The next run has another id and cannot use it; what was stored is swept when its grace has passed.
      await catalog.journalClear(backupId);
    },

    async recordCopy({ database, backupId, store, state, grade, detail }: CopyChange) {
      const catalog = await deps.catalog();
      const [before] = await catalog.copies({ backupId, store });
      const kept = state === 'proved' && grade ? gradeAfter(before, grade) : (grade ?? null);
      await catalog.setCopy({ backupId, database, store, state, grade: kept, detail, at: new Date() });
      if (state !== 'proved' && state !== 'damaged') return;
      const strongest = strongestGrade(await catalog.copies({ backupId }));
      await catalog.setVerification(backupId, strongest ?? 'failed');
    },
  };
}

function strongestGrade(copies: readonly CopyRow[]): ProofGrade | null {
  return copies
    .filter((copy) => copy.state === 'proved')
    .reduce<ProofGrade | null>(
      (best, { grade }) => (grade !== null && (best === null || gradeAtLeast(grade, best)) ? grade : best),
      null,
    );
}
