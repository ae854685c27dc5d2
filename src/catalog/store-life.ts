/** Rows of `store_life`: what people decided about stores. */
import type { StoreLife } from '../domain/store-life';
import { judgeBackup, type Judge } from './compliance';
import type { Database } from './database';
import { storable } from './text';
import type { Catalog } from './types';

export function storeLifeQueries(
  db: Database,
  judge: Judge | undefined,
): Pick<Catalog, 'storeLives' | 'setStoreLife' | 'retireStore'> {
  const table = db.table('store_life');
  const set = `INSERT INTO ${table} AS old (store, state, since, who, reason) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (store) DO UPDATE SET state = excluded.state, since = excluded.since, who = excluded.who,
       reason = excluded.reason WHERE old.state <> excluded.state`;
  return {
    storeLives: () => db.rows<StoreLife>(`SELECT store, state, since, who, reason FROM ${table} ORDER BY store`),

    async setStoreLife({ store, state, since, who, reason }) {
      await db.rows(set, [store, state, since, storable(who), reason === null ? null : storable(reason)]);
    },

    async retireStore({ store, since, who, reason, refuse }) {
      return db.transaction(async (queries) => {
        // No word on any copy is written while it is decided; readers do not wait.
        await queries.rows(`LOCK TABLE ${queries.table('copies')} IN SHARE ROW EXCLUSIVE MODE`);
        if (await refuse()) return { retired: false, copies: 0 };
        await queries.rows(set, [store, 'retired', since, storable(who), reason === null ? null : storable(reason)]);
        const forgotten = await queries.rows<{ backupId: string; database: string }>(
          `UPDATE ${queries.table('copies')}
              SET state = 'retired', grade = NULL, proved_at = NULL, updated_at = $2, detail = 'the store is retired'
            WHERE store = $1 AND state <> 'retired' RETURNING backup_id AS "backupId", database`,
          [store, since],
        );
        if (judge) for (const copy of forgotten) await judgeBackup(queries, judge, { ...copy, at: since });
        return { retired: true, copies: forgotten.length };
      });
    },
  };
}
