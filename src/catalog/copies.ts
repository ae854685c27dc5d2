import { mayFollow } from '../domain/copy-state';
import { judgeBackup, lockBackup, type Judge } from './compliance';
import type { Database, Queries } from './database';
import { where } from './filter';
import { storableMessage } from './text';
import type { Catalog, CopyRow, CopyWrite } from './types';

/** States in which an earlier grade says nothing any more. */
const GRADELESS: ReadonlySet<string> = new Set(['pending', 'copying', 'damaged', 'lost', 'retired']);

/**
 * Rows of `copies`: one backup at one store. Of two words on a copy the last one counts, unless it takes back what is
 * known (`src/domain/copy-state.ts`); at a retired store no word counts. What changes the backup's compliance is written in
 * the same transaction.
 */
export function copyQueries(db: Database, judge?: Judge): Pick<Catalog, 'setCopy' | 'setCopies' | 'copies'> {
  const setCopies: Catalog['setCopies'] = async (copies, { onlyNew = false } = {}) => {
    if (copies.length === 0) return;
    await db.transaction(async (queries) => {
      // Before anything is looked at: a store that is being retired has its copies to itself.
      await queries.rows(`LOCK TABLE ${queries.table('copies')} IN ROW EXCLUSIVE MODE`);
      const backups = new Map(copies.map((copy) => [copy.backupId, copy]));
      for (const backupId of [...backups.keys()].sort()) await lockBackup(queries, backupId);
      for (const copy of copies) await write(queries, copy, onlyNew);
      if (judge) for (const copy of backups.values()) await judgeBackup(queries, judge, copy);
    });
  };
  return {
    setCopies,
    setCopy: (copy) => setCopies([copy]),

    async copies(filter) {
      const { sql, parameters } = where([
        ['backup_id', filter.backupId],
        ['database', filter.database],
        ['store', filter.store],
      ]);
      return db.rows<CopyRow>(
        `SELECT backup_id AS "backupId", database, store, state, grade, proved_at AS "provedAt",
                updated_at AS "updatedAt", detail
           FROM ${db.table('copies')}${sql} ORDER BY backup_id DESC, store`,
        parameters,
      );
    },
  };
}

async function write(db: Queries, asked: CopyWrite, onlyNew: boolean): Promise<void> {
  const table = db.table('copies');
  const [known] = await db.rows<Pick<CopyRow, 'state'>>(
    `SELECT state FROM ${table} WHERE backup_id = $1 AND store = $2`,
    [asked.backupId, asked.store],
  );
  if (known && onlyNew) return;
  const retired = await db.rows(`SELECT 1 FROM ${db.table('store_life')} WHERE store = $1 AND state = 'retired'`, [
    asked.store,
  ]);
  if (retired.length > 0 && known?.state === 'retired') return;
  const copy: CopyWrite =
    retired.length > 0 ? { ...asked, state: 'retired', grade: null, detail: 'the store is retired' } : asked;
  if (!mayFollow(known?.state ?? null, copy)) return;
  const grade = copy.grade === undefined && GRADELESS.has(copy.state) ? null : copy.grade;
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
      copy.state === 'proved' ? copy.at : null,
      copy.at,
      copy.detail === undefined || copy.detail === null ? null : storableMessage(copy.detail),
      grade !== undefined,
    ],
  );
}
