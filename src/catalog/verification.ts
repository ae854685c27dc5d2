import type { Database } from './database';
import { limit, where } from './filter';
import { storableMessage } from './text';
import type {
  IntactCycleRow,
  IntactReading,
  ProofSummary,
  RotationTurnRow,
  VerificationCatalog,
} from './verification-types';

const BUCKETS = 256;

/** Rows of `rotation_turns`, `intact_cycles` and `intact_buckets`, and what `proofs` says of each copy. */
export function verificationQueries(db: Database): VerificationCatalog {
  const turns = db.table('rotation_turns');
  const cycles = db.table('intact_cycles');
  const buckets = db.table('intact_buckets');
  const proofs = db.table('proofs');
  return {
    async beginTurn(turn) {
      await db.rows(
        `INSERT INTO ${turns} (turn_id, database, store, backup_id, asked, started_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (turn_id) DO NOTHING`,
        [turn.turnId, turn.database, turn.store, turn.backupId, turn.asked, turn.startedAt],
      );
    },

    async finishTurn({ turnId, finishedAt, outcome, detail }) {
      await db.rows(
        `UPDATE ${turns} SET finished_at = $2, outcome = $3, detail = $4 WHERE turn_id = $1 AND finished_at IS NULL`,
        [turnId, finishedAt, outcome, detail === null ? null : storableMessage(detail)],
      );
    },

    async turns(filter) {
      const { sql, parameters } = where([['database', filter.database]]);
      return db.rows<RotationTurnRow>(
        `SELECT turn_id AS "turnId", database, store, backup_id AS "backupId", asked, started_at AS "startedAt",
                finished_at AS "finishedAt", outcome, detail
           FROM ${turns}${sql} ORDER BY started_at DESC, turn_id${limit(filter.limit)}`,
        parameters,
      );
    },

    async proofSummaries(filter) {
      const { sql, parameters } = where([['database', filter.database]]);
      return db.rows<ProofSummary>(
        `SELECT backup_id AS "backupId", database, store, record->>'asked' AS asked, max(started_at) AS "triedAt",
                max(started_at) FILTER (WHERE record->>'failure' IS NULL) AS "provedAt"
           FROM ${proofs}${sql} GROUP BY backup_id, database, store, record->>'asked'
          ORDER BY backup_id DESC, store, asked`,
        parameters,
      );
    },

    async intactCycles(filter) {
      const { sql, parameters } = where([
        ['database', filter.database],
        ['store', filter.store],
      ]);
      return db.rows<IntactCycleRow>(
        `SELECT database, store, started_at AS "startedAt", next_bucket AS "nextBucket", bytes, objects, damaged,
                read_ms AS "readMs", last_share_at AS "lastShareAt", completed_at AS "completedAt"
           FROM ${cycles}${sql} ORDER BY started_at DESC, database, store${limit(filter.limit)}`,
        parameters,
      );
    },

    async beginIntactCycle({ database, store, startedAt }) {
      await db.rows(
        `INSERT INTO ${cycles} (database, store, started_at) VALUES ($1, $2, $3)
         ON CONFLICT (database, store, started_at) DO NOTHING`,
        [database, store, startedAt],
      );
    },

    async recordBucket(read) {
      await db.transaction(async ({ rows }) => {
        const { database, store, cycleStartedAt, bucket, at, bytes, objects, damaged, ms } = read;
        const moved = await rows(
          `UPDATE ${cycles} SET next_bucket = $4 + 1, bytes = bytes + $5, objects = objects + $6, damaged = damaged + $7,
                  read_ms = read_ms + $8, last_share_at = $9,
                  completed_at = CASE WHEN $4 + 1 = ${BUCKETS} THEN $9::timestamptz END
            WHERE database = $1 AND store = $2 AND started_at = $3 AND next_bucket = $4::integer RETURNING 1`,
          [database, store, cycleStartedAt, bucket, bytes, objects, damaged, Math.round(ms), at],
        );
        if (moved.length === 0) return;
        await rows(
          `INSERT INTO ${buckets} (database, store, bucket, read_at, bytes, objects) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (database, store, bucket) DO UPDATE SET
             read_at = excluded.read_at, bytes = excluded.bytes, objects = excluded.objects`,
          [database, store, bucket, at, bytes, objects],
        );
      });
    },

    async intactReadings(filter) {
      const { sql, parameters } = where([['database', filter.database]]);
      return db.rows<IntactReading>(
        `SELECT database, store, count(*) AS buckets, min(read_at) AS "oldestReadAt",
                sum(bytes)::bigint AS bytes, sum(objects)::bigint AS objects
           FROM ${buckets}${sql} GROUP BY database, store ORDER BY database, store`,
        parameters,
      );
    },

    async bucketSizes({ database, store, from, to }) {
      const [sum] = await db.rows<{ buckets: number; bytes: number; objects: number }>(
        `SELECT count(*) AS buckets, coalesce(sum(bytes), 0)::bigint AS bytes, coalesce(sum(objects), 0)::bigint AS objects
           FROM ${buckets} WHERE database = $1 AND store = $2 AND bucket >= $3 AND bucket < $4`,
        [database, store, from, to],
      );
      return sum!.buckets === to - from ? { bytes: sum!.bytes, objects: sum!.objects } : null;
    },
  };
}
