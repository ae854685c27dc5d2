import type { StoreEvent, StoreStatus } from '../domain/store-watch';
import type { Database } from './database';
import { limit } from './filter';
import { storable, storableJson, storableMessage } from './text';
import type { Catalog, StoreHealthRow } from './types';

interface EventRow extends Omit<StoreEvent, 'at' | 'database'> {
  readonly at: Date;
  readonly database: string;
}

/** Rows of `store_health`, the last word on each store, and of `store_events`, every change. */
export function storeHealthQueries(
  db: Database,
): Pick<Catalog, 'saveStoreHealth' | 'storeHealth' | 'addStoreEvent' | 'storeEvents'> {
  const health = db.table('store_health');
  const events = db.table('store_events');
  return {
    async saveStoreHealth(status, at) {
      const { store, state, breaker, since, average, lastProbeAt, lastFault } = status;
      const kept: StoreStatus = {
        ...status,
        lastFault: lastFault && { ...lastFault, message: storableMessage(lastFault.message) },
      };
      // An attempt that was thought dead may write late: the newer word stays.
      await db.rows(
        `INSERT INTO ${health} AS old
           (store, state, breaker, since, success_share, latency_ms, last_probe_at, updated_at, status)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (store) DO UPDATE SET
           state = excluded.state, breaker = excluded.breaker, since = excluded.since,
           success_share = excluded.success_share, latency_ms = excluded.latency_ms,
           last_probe_at = excluded.last_probe_at, updated_at = excluded.updated_at, status = excluded.status
         WHERE old.updated_at <= excluded.updated_at`,
        [
          store,
          state,
          breaker.state,
          since,
          average.share,
          average.latencyMs,
          lastProbeAt,
          at,
          JSON.stringify(storableJson(kept)),
        ],
      );
    },

    async storeHealth() {
      return db.rows<StoreHealthRow>(
        `SELECT store, status, updated_at AS "updatedAt" FROM ${health} ORDER BY store`,
        [],
      );
    },

    async addStoreEvent({ store, at, kind, from, to, reason, code, database }) {
      const added = await db.rows(
        `INSERT INTO ${events} (store, at, kind, from_state, to_state, reason, code, database)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING store`,
        [store, at, kind, storable(from), storable(to), storableMessage(reason), code, database ?? ''],
      );
      return added.length > 0;
    },

    async storeEvents({ store, kind, database, since, limit: count }) {
      const rows = await db.rows<EventRow>(
        `SELECT store, at, kind, from_state AS "from", to_state AS "to", reason, code, database FROM ${events}
          WHERE ($1::text IS NULL OR store = $1) AND ($2::text IS NULL OR kind = $2)
            AND ($3::text IS NULL OR database = $3) AND ($4::timestamptz IS NULL OR at >= $4)
          ORDER BY at DESC, kind, store${limit(count)}`,
        [store ?? null, kind ?? null, database ?? null, since ?? null],
      );
      return rows.map((row) => ({ ...row, at: row.at.toISOString(), database: row.database || null }));
    },
  };
}
