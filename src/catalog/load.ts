import type { LoadSample } from '../domain/load/signals';
import type { Database } from './database';
import { limit, where } from './filter';
import type { LoadCatalog, LoadEvent, LoadSampleRow, LoadWatchRow } from './load-types';
import { storable, storableJson, storableMessage } from './text';

interface SampleRow extends Omit<LoadSampleRow, 'at'> {
  readonly at: Date;
}

const EVENT = `database, at, kind, word, backup_id AS "backupId", max_bytes_per_second AS "maxBytesPerSecond", readers,
  uploads, set_by AS "setBy", reasons`;

/** Digits beyond these are noise, and take as much room as those that are not. */
const DIGITS = 6;

function shortened({ signals, ...sample }: LoadSample): LoadSample {
  const short = Object.entries(signals).map(([name, value]) => [name, Number(value!.toPrecision(DIGITS))] as const);
  return { ...sample, signals: Object.fromEntries(short) };
}

/** Rows of `load_samples`, `load_events` and `load_watches`. */
export function loadQueries(
  db: Database,
): Pick<LoadCatalog, 'recordLoad' | 'loadSamples' | 'addLoadEvent' | 'loadEvents' | 'saveLoadWatch' | 'loadWatches'> {
  const samples = db.table('load_samples');
  const events = db.table('load_events');
  const watches = db.table('load_watches');
  return {
    async recordLoad({ database, backupId, samples: taken }) {
      if (taken.length === 0) return;
      await db.rows(
        `INSERT INTO ${samples} (database, source, at, backup_id, signals)
         SELECT $1, one ->> 'source', to_timestamp((one ->> 'at')::double precision / 1000), $2, one -> 'signals'
           FROM jsonb_array_elements($3::jsonb) AS one
         ON CONFLICT DO NOTHING`,
        [database, backupId, JSON.stringify(storableJson(taken.map(shortened)))],
      );
    },

    async loadSamples({ database, from, to, limit: count }) {
      const rows = await db.rows<SampleRow>(
        `SELECT database, source, at, backup_id AS "backupId", signals FROM ${samples}
          WHERE database = $1 AND at >= $2 AND ($3::timestamptz IS NULL OR at < $3)
          ORDER BY at DESC, source${limit(count)}`,
        [database, from, to ?? null],
      );
      return rows.reverse().map((row): LoadSampleRow => ({ ...row, at: row.at.getTime() }));
    },

    async addLoadEvent(event) {
      const { database, at, kind, word, backupId, maxBytesPerSecond, readers, uploads, setBy, reasons } = event;
      const added = await db.rows(
        `INSERT INTO ${events}
           (database, at, kind, word, backup_id, max_bytes_per_second, readers, uploads, set_by, reasons)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING 1`,
        [
          database,
          at,
          kind,
          storable(word),
          backupId,
          maxBytesPerSecond ?? null,
          readers ?? null,
          uploads ?? null,
          storable(setBy),
          JSON.stringify(reasons.map(storableMessage)),
        ],
      );
      return added.length > 0;
    },

    loadEvents({ database, backupId, since, limit: count }) {
      const { sql, parameters } = where([
        ['database', database],
        ['backup_id', backupId],
      ]);
      const after = since === undefined ? '' : `${sql === '' ? ' WHERE' : ' AND'} at >= $${parameters.length + 1}`;
      return db.rows<LoadEvent>(
        `SELECT ${EVENT} FROM ${events}${sql}${after} ORDER BY at DESC, kind, word${limit(count)}`,
        since === undefined ? parameters : [...parameters, since],
      );
    },

    async saveLoadWatch({ database, at, word }) {
      // An attempt that was thought dead may write late.
      await db.rows(
        `INSERT INTO ${watches} AS old (database, at, heard_at, word) VALUES ($1, $2, clock_timestamp(), $3)
         ON CONFLICT (database) DO UPDATE SET at = excluded.at, heard_at = excluded.heard_at, word = excluded.word
         WHERE old.at <= excluded.at`,
        [database, at, JSON.stringify(storableJson(word))],
      );
    },

    loadWatches(filter = {}) {
      const { sql, parameters } = where([['database', filter.database]]);
      return db.rows<LoadWatchRow>(
        `SELECT database, at, word, (extract(epoch FROM clock_timestamp() - heard_at) * 1000)::double precision AS "ageMs"
           FROM ${watches}${sql} ORDER BY database`,
        parameters,
      );
    },
  };
}
