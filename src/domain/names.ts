/**
 * The vocabulary, defined once (see ARCHITECTURE.md for the words in prose).
 * This folder imports nothing: plain types and pure decisions.
 */

/** Logical: pg_dump + COPY of one database. Physical: base backup + WAL of a cluster. */
export type EngineKind = 'logical' | 'physical';

/** What a run may reuse: nothing older, segments of the last proved full, segments of the last complete backup. */
export type BackupType = 'full' | 'differential' | 'incremental';
export const BACKUP_TYPES: readonly BackupType[] = ['full', 'differential', 'incremental'];

export type StoreRole = 'primary' | 'secondary' | 'offsite';

/** One backup at one store. `retired`: the store was retired, and the copy counts for nothing any more. */
export type CopyState = 'pending' | 'copying' | 'complete' | 'proved' | 'damaged' | 'lost' | 'retired';

/** Grades of proof, weakest first; each includes the one before. */
export type ProofGrade = 'stored' | 'intact' | 'restored' | 'exact';
export const PROOF_GRADES: readonly ProofGrade[] = ['stored', 'intact', 'restored', 'exact'];

/** Why a proof failed: the copy is damaged, the surroundings were unfit, or it could not be tested at all. */
export type FaultClass = 'data' | 'environment' | 'not-tested';

/** Phases of a backup run, in order. */
export type BackupPhase =
  'admitting' | 'dumping' | 'replicating' | 'verifying' | 'retention' | 'reporting' | 'done' | 'failed';

/** True when `grade` is at least as strong as `floor`; `null` is weaker than every grade. */
export function gradeAtLeast(grade: ProofGrade | null, floor: ProofGrade): boolean {
  return grade !== null && PROOF_GRADES.indexOf(grade) >= PROOF_GRADES.indexOf(floor);
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Names of databases and stores in the config: also path parts in a store, so kept to a safe alphabet. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

const BACKUP_ID = /^\d{8}T\d{6}Z-(full|differential|incremental)-[0-9a-f]{8}$/;

/** `20261121T092530Z-full-1a2b3c4d`: sorts by start time, says its type, is unique by its suffix. */
export function makeBackupId(startedAt: Date, type: BackupType, suffix: string): string {
  const id = `${startedAt
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '')}-${type}-${suffix}`;
  if (!isBackupId(id)) throw new RangeError(`not a backup id [id=${id}]`);
  return id;
}

export function isBackupId(text: string): boolean {
  return BACKUP_ID.test(text);
}

export function backupTypeOf(backupId: string): BackupType {
  const match = BACKUP_ID.exec(backupId);
  if (!match) throw new RangeError(`not a backup id [id=${backupId}]`);
  return match[1] as BackupType;
}
