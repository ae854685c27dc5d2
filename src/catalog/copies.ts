import type { Database } from './database';
import { where } from './filter';
import { storableMessage } from './text';
import type { Catalog, CopyRow } from './types';

/** States in which an earlier grade says nothing any more. */
const GRADELESS: ReadonlySet<string> = new Set(['pending', 'copying', 'damaged', 'lost']);

/** Rows of `copies`: one backup at one store. The last word counts. */
export function copyQueries(db: Database): Pick<Catalog, 'setCopy' | 'copies'> {
  const table = db.table('copies');
  return {
    async setCopy(copy) {
      const grade = copy.grade === undefined && GRADELESS.has(copy.state) ? null : copy.grade;
      const provedAt = copy.state === 'proved' ? copy.at : null;
      await db.rows(
        `INSERT INTO ${table} AS old (backup_id, store, database, state, grade, proved_at, updated_at, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (backup_id, store) DO UPDATE SET
           state = excluded.state,
           grade = CASE WHEN $9 THEN excluded.grade ELSE old.grade END,
           proved_at = CASE WHEN excluded.proved_at IS NOT NULL THEN excluded.proved_at
                            WHEN $9 AND excluded.grade IS NULL THEN NULL ELSE old.proved_at END,
           updated_at = excluded.updated_at,
           detail = excluded.detail`,
        [
          copy.backupId,
          copy.store,
          copy.database,
          copy.state,
          grade ?? null,
          provedAt,
          copy.at,
          copy.detail === undefined || copy.detail === null ? null : storableMessage(copy.detail),
          grade !== undefined,
        ],
      );
    },

    async copies(filter) {
      const { sql, parameters } = where([
        ['backup_id', filter.backupId],
        ['database', filter.database],
        ['store', filter.store],
      ]);
      return db.rows<CopyRow>(
        `SELECT backup_id AS "backupId", database, store, state, grade, proved_at AS "provedAt",
                updated_at AS "updatedAt", detail
           FROM ${table}${sql} ORDER BY backup_id DESC, store`,
        parameters,
      );
    },
  };
}
