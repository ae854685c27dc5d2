import type { ProofRecord } from '../repository/types';
import type { Database } from './database';
import { limit, where } from './filter';
import { storableJson } from './text';
import type { Catalog } from './types';

/** Rows of `proofs`: every proof that was attempted, as it is kept beside the backup. */
export function proofQueries(db: Database): Pick<Catalog, 'saveProof' | 'proofs'> {
  const table = db.table('proofs');
  return {
    async saveProof(proof) {
      await db.rows(
        `INSERT INTO ${table} (backup_id, store, started_at, database, grade, record) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (backup_id, store, started_at) DO UPDATE SET grade = excluded.grade, record = excluded.record`,
        [
          proof.backupId,
          proof.store,
          proof.startedAt,
          proof.database,
          proof.grade,
          JSON.stringify(storableJson(proof)),
        ],
      );
    },

    async proofs(filter) {
      const { sql, parameters } = where([
        ['backup_id', filter.backupId],
        ['database', filter.database],
        ['store', filter.store],
      ]);
      const rows = await db.rows<{ record: ProofRecord }>(
        `SELECT record FROM ${table}${sql} ORDER BY started_at DESC, backup_id DESC, store${limit(filter.limit)}`,
        parameters,
      );
      return rows.map(({ record }) => record);
    },
  };
}
