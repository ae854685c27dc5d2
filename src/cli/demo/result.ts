import type { CopyState, BackupType, ProofGrade } from '../../domain/names';
import type { BackupResult } from '../../domain/runs';
import type { DemoLoad } from './load/facts';
import type { DemoOutage } from './outage-facts';

/** The JSON object that `npm run demo -- --json` ends with. Bytes and milliseconds. */
export interface DemoResult {
  readonly ok: boolean;
  readonly backups: readonly DemoBackup[];
  readonly restore: { readonly rows: number; readonly equal: boolean; readonly durationMs: number } | null;
  readonly pause: { readonly askedAt: string; readonly effectiveMs: number } | null;
  /** With --outage alone; null when no store was taken down. */
  readonly outage?: DemoOutage | null;
  /** With --load alone; null when no load was made. */
  readonly load?: DemoLoad | null;
  /** Absent when all went well. */
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

export interface DemoBackup {
  readonly id: string;
  readonly type: BackupType;
  readonly grade: ProofGrade | null;
  readonly rows: number;
  readonly plainBytes: number;
  readonly sealedBytes: number;
  readonly uploadedBytes: number;
  readonly reusedBytes: number;
  readonly durationMs: number;
  readonly copies: readonly { readonly store: string; readonly state: CopyState; readonly grade: ProofGrade | null }[];
}

export function demoBackup(backup: BackupResult): DemoBackup {
  return {
    id: backup.backupId,
    type: backup.type,
    grade: backup.grade,
    rows: backup.rows,
    plainBytes: backup.plainBytes,
    sealedBytes: backup.sealedBytes,
    uploadedBytes: backup.uploadedBytes,
    reusedBytes: backup.reusedBytes,
    durationMs: backup.durationMs,
    copies: backup.copies.map(({ store, state, grade }) => ({ store, state, grade })),
  };
}

/** What keeps a backup from being a good one here: every copy is to be proved exact. Empty when nothing does. */
export function faultsOf(backup: BackupResult, stores: readonly string[]): readonly string[] {
  return stores.flatMap((store) => {
    const copy = backup.copies.find((candidate) => candidate.store === store);
    if (!copy) return [`${store} has no copy`];
    if (copy.grade === 'exact') return [];
    return [
      `the copy at ${store} is ${copy.state}, grade ${copy.grade ?? 'none'}${copy.detail ? `: ${copy.detail}` : ''}`,
    ];
  });
}
