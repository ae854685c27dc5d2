import type { JournalEntry } from '../repository/types';
import type { Database } from './database';
import type { Catalog } from './types';

/** Entries of one statement: bounds its size. */
const BATCH = 1_000;

/** Rows of `journal`: what an unfinished backup has stored already. */
export function journalQueries(db: Database): Pick<Catalog, 'journalLoad' | 'journalAppend' | 'journalClear'> {
  const table = db.table('journal');
  return {
    journalLoad(backupId) {
      return db.rows<JournalEntry>(
        `SELECT segment_id AS id, object, plain_bytes AS "plainBytes", sealed_bytes AS "sealedBytes", stores
           FROM ${table} WHERE backup_id = $1 ORDER BY segment_id`,
        [backupId],
      );
    },

    async journalAppend(backupId, entries) {
      const merged = mergeEntries(entries);
      for (let start = 0; start < merged.length; start += BATCH) {
        await db.rows(
          // A segment sealed again is another object: what is known of the old one does not count for it.
          `INSERT INTO ${table} AS old (backup_id, segment_id, object, plain_bytes, sealed_bytes, stores)
           SELECT $1, e.id, e.object, e."plainBytes", e."sealedBytes",
                  ARRAY(SELECT DISTINCT s FROM pg_catalog.jsonb_array_elements_text(e.stores) AS s ORDER BY s)
             FROM pg_catalog.jsonb_to_recordset($2::jsonb)
               AS e(id text, object text, "plainBytes" bigint, "sealedBytes" bigint, stores jsonb)
           ON CONFLICT (backup_id, segment_id) DO UPDATE SET
             object = excluded.object, plain_bytes = excluded.plain_bytes, sealed_bytes = excluded.sealed_bytes,
             stores = CASE WHEN old.object = excluded.object
               THEN ARRAY(SELECT DISTINCT s FROM pg_catalog.unnest(old.stores || excluded.stores) AS s ORDER BY s)
               ELSE excluded.stores END`,
          [backupId, JSON.stringify(merged.slice(start, start + BATCH))],
        );
      }
    },

    async journalClear(backupId) {
      await db.rows(`DELETE FROM ${table} WHERE backup_id = $1`, [backupId]);
    },
  };
}

/** One entry a segment: a statement may not touch a row twice. In the order of ids, so that two writers cannot deadlock. */
function mergeEntries(entries: readonly JournalEntry[]): JournalEntry[] {
  const byId = new Map<string, JournalEntry>();
  for (const entry of entries) {
    const earlier = byId.get(entry.id);
    const stores = earlier?.object === entry.object ? [...new Set([...earlier.stores, ...entry.stores])] : entry.stores;
    byId.set(entry.id, { ...entry, stores });
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
