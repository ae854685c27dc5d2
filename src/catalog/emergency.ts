import type { Database } from './database';
import type { EmergencyStopRow, LoadCatalog } from './load-types';
import { storable } from './text';

const COLUMNS = `id, since, set_by AS "by", reason AS "why", ended_at AS "endedAt", ended_by AS "endedBy",
  end_reason AS "endReason"`;

/** Rows of `emergency_stops`: at most one stands. */
export function emergencyQueries(db: Database): Pick<LoadCatalog, 'stopAll' | 'endStop' | 'standingStop'> {
  const table = db.table('emergency_stops');
  const standing = async (): Promise<EmergencyStopRow | null> => {
    const [row] = await db.rows<EmergencyStopRow>(`SELECT ${COLUMNS} FROM ${table} WHERE ended_at IS NULL`);
    return row ?? null;
  };
  return {
    standingStop: standing,

    async stopAll({ by, why, at }) {
      // One that was ended between the two statements is set again by the next turn.
      for (;;) {
        const [made] = await db.rows<EmergencyStopRow>(
          `INSERT INTO ${table} (since, set_by, reason) VALUES ($1, $2, $3)
           ON CONFLICT ((true)) WHERE ended_at IS NULL DO NOTHING RETURNING ${COLUMNS}`,
          [at, storable(by), storable(why)],
        );
        const row = made ?? (await standing());
        if (row) return row;
      }
    },

    async endStop({ by, why, at }) {
      const [row] = await db.rows<EmergencyStopRow>(
        `UPDATE ${table} SET ended_at = $1, ended_by = $2, end_reason = $3 WHERE ended_at IS NULL RETURNING ${COLUMNS}`,
        [at, storable(by), storable(why)],
      );
      return row ?? null;
    },
  };
}
