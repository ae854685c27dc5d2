import { createHash } from 'node:crypto';
import { catalogError } from '../errors/catalog';
import type { Database } from './database';
import { limit, where } from './filter';
import { storableMessage } from './text';
import type { BackupJob, Catalog } from './types';

type JobQueries = Pick<
  Catalog,
  | 'startJob'
  | 'completeJob'
  | 'failJob'
  | 'setVerification'
  | 'job'
  | 'jobs'
  | 'tombstone'
  | 'restoreTombstoned'
  | 'markDeleted'
>;

const COLUMNS = `id, backup_id AS "backupId", database, engine, backup_type AS "backupType", based_on AS "basedOn", status,
  file_size AS "fileSize", plain_bytes AS "plainBytes", uploaded_bytes AS "uploadedBytes", reused_bytes AS "reusedBytes",
  rows, segments, location, verification_status AS "verificationStatus", error_message AS "errorMessage",
  error_code AS "errorCode", workflow_id AS "workflowId", run_id AS "runId", started_at AS "startedAt",
  completed_at AS "completedAt", tombstoned_at AS "tombstonedAt", tombstone_reason AS "tombstoneReason",
  deleted_at AS "deletedAt"`;

/** Rows of `backup_jobs`. */
export function jobQueries(db: Database): JobQueries {
  const table = db.table('backup_jobs');

  /** Runs an UPDATE of one backup; false when its condition did not hold, throws when there is no such backup. */
  const change = async (backupId: string, assignments: string, condition: string, values: readonly unknown[]) => {
    const [answer] = await db.rows<{ known: boolean; changed: boolean }>(
      `WITH changed AS (UPDATE ${table} SET ${assignments} WHERE backup_id = $1 AND ${condition} RETURNING 1)
       SELECT EXISTS (SELECT 1 FROM ${table} WHERE backup_id = $1) AS known, EXISTS (SELECT 1 FROM changed) AS changed`,
      [backupId, ...values],
    );
    if (!answer!.known) throw catalogError('CATALOG_JOB_UNKNOWN', '', { context: { backup: backupId } });
    return answer!.changed;
  };
  const find = async (backupId: string) => {
    const [row] = await db.rows<BackupJob>(`SELECT ${COLUMNS} FROM ${table} WHERE backup_id = $1`, [backupId]);
    return row ?? null;
  };

  return {
    async startJob(job) {
      await db.rows(
        `INSERT INTO ${table} (id, backup_id, database, engine, backup_type, based_on, status, workflow_id, run_id, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9) ON CONFLICT DO NOTHING`,
        [
          jobUuid(job.backupId),
          job.backupId,
          job.database,
          job.engine,
          job.backupType,
          job.basedOn,
          job.workflowId,
          job.runId,
          job.startedAt,
        ],
      );
      return (await find(job.backupId))!;
    },

    async completeJob(backupId, facts) {
      // The first completion counts: an attempt that only adopted the manifest knows less. A manifest beats a failure.
      await change(
        backupId,
        `status = 'completed', completed_at = $2, file_size = $3, plain_bytes = $4, uploaded_bytes = $5, reused_bytes = $6,
         rows = $7, segments = $8, location = $9, error_code = NULL, error_message = NULL`,
        `status <> 'completed'`,
        [
          facts.completedAt,
          facts.fileSize,
          facts.plainBytes,
          facts.uploadedBytes,
          facts.reusedBytes,
          facts.rows,
          facts.segments,
          facts.location,
        ],
      );
    },

    async failJob(backupId, failure) {
      // A late failure of another attempt does not undo a committed backup, nor replace the first reason.
      await change(
        backupId,
        `status = 'failed', completed_at = $2, error_code = $3, error_message = $4`,
        `status = 'running'`,
        [failure.completedAt, failure.errorCode, storableMessage(failure.errorMessage)],
      );
    },

    async setVerification(backupId, status) {
      await change(backupId, 'verification_status = $2', 'true', [status]);
    },

    job: find,

    async jobs(filter) {
      const { sql, parameters } = where(
        [
          ['database', filter.database],
          ['status', filter.status],
        ],
        filter.includeDeleted ? [] : ['deleted_at IS NULL'],
      );
      return db.rows<BackupJob>(
        `SELECT ${COLUMNS} FROM ${table}${sql} ORDER BY started_at DESC, backup_id DESC${limit(filter.limit)}`,
        parameters,
      );
    },

    async tombstone(backupId, reason, at) {
      await change(
        backupId,
        'tombstoned_at = $2, tombstone_reason = $3',
        'tombstoned_at IS NULL AND deleted_at IS NULL',
        [at, storableMessage(reason)],
      );
    },

    restoreTombstoned(backupId) {
      return change(
        backupId,
        'tombstoned_at = NULL, tombstone_reason = NULL',
        'tombstoned_at IS NOT NULL AND deleted_at IS NULL',
        [],
      );
    },

    async markDeleted(backupId, at) {
      await change(backupId, 'deleted_at = $2', 'deleted_at IS NULL AND tombstoned_at IS NOT NULL', [at]);
    },
  };
}

/** Made from the backup id, so that a rebuilt catalogue has the same ids. A version 8 UUID (RFC 9562). */
export function jobUuid(backupId: string): string {
  const bytes = createHash('sha256').update(`holdfast backup job\n${backupId}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
