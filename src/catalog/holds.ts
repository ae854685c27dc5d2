import type { Database } from './database';
import { where } from './filter';
import { storable } from './text';
import type { Catalog, HoldRow } from './types';

const COLUMNS = `id, backup_id AS "backupId", database, holder, reason, created_at AS "createdAt", released_at AS "releasedAt"`;

/** Rows of `holds`: named reasons why a backup may not be deleted. */
export function holdQueries(db: Database): Pick<Catalog, 'addHold' | 'releaseHold' | 'holds'> {
  const table = db.table('holds');
  return {
    async addHold(hold) {
      const reason = storable(hold.reason);
      // The update changes nothing; it makes the statement return the row that stood there already.
      const [row] = await db.rows<HoldRow>(
        `INSERT INTO ${table} AS old (backup_id, database, holder, reason, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (backup_id, holder, pg_catalog.md5(reason)) WHERE released_at IS NULL
         DO UPDATE SET reason = old.reason RETURNING ${COLUMNS}`,
        [hold.backupId, hold.database, storable(hold.holder), reason, hold.at],
      );
      return row!;
    },

    async releaseHold(backupId, holder, at) {
      const released = await db.rows(
        `UPDATE ${table} SET released_at = $3 WHERE backup_id = $1 AND holder = $2 AND released_at IS NULL RETURNING id`,
        [backupId, storable(holder), at],
      );
      return released.length;
    },

    async holds(filter) {
      const { sql, parameters } = where(
        [
          ['backup_id', filter.backupId],
          ['database', filter.database],
        ],
        filter.all ? [] : ['released_at IS NULL'],
      );
      return db.rows<HoldRow>(`SELECT ${COLUMNS} FROM ${table}${sql} ORDER BY created_at, id`, parameters);
    },
  };
}
