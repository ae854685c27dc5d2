import type { QuotaState } from '../domain/quota';
import type { UsageRow } from '../domain/usage';
import type { Database, Queries } from './database';
import { where } from './filter';
import { storableMessage } from './text';
import type { QuotaStateRow, Transfer, TransferSum, UsageCatalog } from './usage-types';

const USAGE = `store, database, at, bytes, objects, source`;
const TRANSFER = `ref, store, database, backup_id AS "backupId", kind, at, bytes, objects, writes, reads,
  received_bytes AS "receivedBytes"`;
/** Estimates say nothing beside the measurements around them once they are this old. */
const ESTIMATES_KEPT = '62 days';

/** Rows of `store_usage`, `store_transfers` and `store_quota`. */
export function usageQueries(db: Database): UsageCatalog {
  const usage = db.table('store_usage');
  const moved = db.table('store_transfers');
  const quota = db.table('store_quota');

  return {
    recordTransfer(transfer) {
      return db.transaction(async (queries) => {
        // Figures build on each other: two writers must not build on the same one.
        await queries.rows(`LOCK TABLE ${usage} IN SHARE ROW EXCLUSIVE MODE`);
        const added = await insertTransfer(queries, transfer);
        if (added && (transfer.bytes !== 0 || transfer.objects !== 0)) await addEstimate(queries, transfer);
        return added;
      });
    },

    saveMeasurement({ store, at, databases }) {
      return db.transaction(async ({ rows, table }) => {
        await rows(`LOCK TABLE ${usage} IN SHARE ROW EXCLUSIVE MODE`);
        const absent = await rows<{ database: string }>(
          `SELECT DISTINCT database FROM ${table('store_usage')} WHERE store = $1 AND NOT (database = ANY ($2::text[]))`,
          [store, databases.map(({ database }) => database)],
        );
        const all = [...databases, ...absent.map(({ database }) => ({ database, bytes: 0, objects: 0 }))];
        for (const { database, bytes, objects } of all)
          await rows(
            `INSERT INTO ${usage} (${USAGE}) VALUES ($1, $2, $3, $4, $5, 'measured')
             ON CONFLICT (store, database, at) DO UPDATE SET
               bytes = excluded.bytes, objects = excluded.objects, source = excluded.source`,
            [store, database, at, bytes, objects],
          );
        await rows(
          `DELETE FROM ${usage} WHERE store = $1 AND source = 'estimated' AND at < $2::timestamptz - interval '${ESTIMATES_KEPT}'`,
          [store, at],
        );
      });
    },

    currentUsage: (filter = {}) => {
      const { sql, parameters } = where([
        ['store', filter.store],
        ['database', filter.database],
      ]);
      return db.rows<UsageRow>(
        `SELECT DISTINCT ON (store, database) ${USAGE} FROM ${usage}${sql} ORDER BY store, database, at DESC`,
        parameters,
      );
    },

    usageHistory({ store, database, since }) {
      return db.rows<UsageRow>(
        `SELECT ${USAGE} FROM ${usage} AS u
          WHERE ($1::text IS NULL OR store = $1) AND ($2::text IS NULL OR database = $2)
            AND at >= coalesce((SELECT max(before.at) FROM ${usage} AS before
                                 WHERE before.store = u.store AND before.database = u.database AND before.at <= $3), $3)
          ORDER BY at, store, database`,
        [store ?? null, database ?? null, since],
      );
    },

    transfers: ({ backupId }) =>
      db.rows<Transfer>(`SELECT ${TRANSFER} FROM ${moved} WHERE backup_id = $1 ORDER BY at, store, ref`, [backupId]),

    transferSums: ({ from, to }) =>
      db.rows<TransferSum>(
        `SELECT store, database, sum(writes)::bigint AS writes, sum(reads)::bigint AS reads,
                sum(received_bytes)::bigint AS "receivedBytes"
           FROM ${moved} WHERE at >= $1 AND at < $2 GROUP BY store, database ORDER BY store, database`,
        [from, to],
      ),

    quotaStates: () => db.rows<QuotaStateRow>(`SELECT store, state, since, reason FROM ${quota} ORDER BY store`),

    setQuotaState({ store, state, reason, at }) {
      return db.transaction(async ({ rows }) => {
        await rows(`LOCK TABLE ${quota} IN SHARE ROW EXCLUSIVE MODE`);
        const [before] = await rows<{ state: QuotaState }>(`SELECT state FROM ${quota} WHERE store = $1`, [store]);
        await rows(
          `INSERT INTO ${quota} AS old (store, state, since, reason) VALUES ($1, $2, $3, $4)
           ON CONFLICT (store) DO UPDATE SET state = excluded.state, reason = excluded.reason,
             since = CASE WHEN old.state = excluded.state THEN old.since ELSE excluded.since END`,
          [store, state, at, storableMessage(reason)],
        );
        const previous = before?.state ?? 'ok';
        return previous === state ? null : previous;
      });
    },
  };
}

async function insertTransfer({ rows, table }: Queries, transfer: Transfer): Promise<boolean> {
  const { ref, store, database, backupId, kind, at, bytes, objects, writes, reads, receivedBytes } = transfer;
  const added = await rows(
    `INSERT INTO ${table('store_transfers')}
       (ref, store, database, backup_id, kind, at, bytes, objects, writes, reads, received_bytes)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (ref, store) DO NOTHING RETURNING 1`,
    [ref, store, database, backupId, kind, at, bytes, objects, writes, reads, receivedBytes],
  );
  return added.length > 0;
}

/**
 * The figure before, and what came or went. Where there is none, the figure before is what the catalogue knows to have been
 * sent there: a catalogue that was just brought up to date has backups and no figures.
 */
async function addEstimate({ rows, table }: Queries, transfer: Transfer): Promise<void> {
  const { store, database, backupId, at, bytes, objects } = transfer;
  await rows(
    `INSERT INTO ${table('store_usage')} (${USAGE})
     SELECT $1, $2, greatest($3::timestamptz, before.at + interval '1 millisecond'),
            greatest(0, before.bytes + $4), greatest(0, before.objects + $5), 'estimated'
       FROM (
         (SELECT 0 AS place, at, bytes, objects FROM ${table('store_usage')}
           WHERE store = $1 AND database = $2 ORDER BY at DESC LIMIT 1)
         UNION ALL
         SELECT 1, NULL, coalesce(sum(coalesce(jobs.uploaded_bytes, jobs.file_size)), 0)::bigint,
                coalesce(sum(ceil(jobs.segments::numeric * coalesce(jobs.uploaded_bytes, jobs.file_size)
                                  / greatest(1, jobs.file_size)) + 1), 0)::bigint
           FROM ${table('copies')} AS copies JOIN ${table('backup_jobs')} AS jobs USING (backup_id)
          WHERE copies.store = $1 AND copies.database = $2 AND copies.state IN ('complete', 'proved', 'damaged')
            AND jobs.backup_id IS DISTINCT FROM $6 AND jobs.deleted_at IS NULL
       ) AS before ORDER BY place LIMIT 1
     ON CONFLICT (store, database, at) DO UPDATE SET
       bytes = excluded.bytes, objects = excluded.objects, source = excluded.source`,
    [store, database, at, bytes, objects, backupId],
  );
}
