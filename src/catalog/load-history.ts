import type { Database } from './database';
import { LOAD_GRAINS, type LoadCatalog, type LoadGrain, type LoadRollupRow } from './load-types';

/** Rows that one statement deletes, and statements that one call makes: a long neglected table is caught up with by and by. */
const BATCH = 5_000;
const BATCHES = 20;
/** Samples of this time are rolled up at once, so that a statement stays short. */
const STRETCH_MS: Readonly<Record<LoadGrain, number>> = {
  minute: 6 * 3_600_000,
  hour: 86_400_000,
  day: 2 * 86_400_000,
};
const GRAIN_MS: Readonly<Record<LoadGrain, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
/** A day is rolled up from its samples, so these stay for two at least. */
const SAMPLES_KEPT_MS = 2 * 86_400_000;
/** A sample may come in this late: until then its bucket is made again. Milliseconds. */
const LATE_MS = 10 * 60_000;

/** Rows of `load_rollups` (figures of seven digits, which halves them), made from `load_samples`; and what is too old goes. */
export function loadHistoryQueries(db: Database): Pick<LoadCatalog, 'maintainLoad' | 'loadRollups'> {
  const samples = db.table('load_samples');
  const rollups = db.table('load_rollups');
  const events = db.table('load_events');

  /** Up to the last complete bucket; the newest that there is is made again while a sample may still come in late. */
  const rollUp = async (database: string, grain: LoadGrain, now: Date): Promise<number> => {
    const [known] = await db.rows<{ newest: Date | null; oldest: Date | null }>(
      `SELECT (SELECT max(start) FROM ${rollups} WHERE database = $1 AND grain = $2) AS newest,
              (SELECT min(at) FROM ${samples} WHERE database = $1) AS oldest`,
      [database, grain],
    );
    if (known!.oldest === null) return 0;
    const length = GRAIN_MS[grain];
    const bucketOf = (at: number) => Math.floor(at / length) * length;
    const oldest = known!.oldest.getTime();
    const newest = known!.newest?.getTime() ?? null;
    const end = bucketOf(now.getTime());
    // A bucket whose first samples are deleted already stays as it was.
    const again = newest !== null && newest >= oldest && now.getTime() < newest + length + LATE_MS;
    const first = newest === null ? bucketOf(oldest) : again ? newest : Math.max(newest + length, bucketOf(oldest));
    let made = 0;
    for (let from = first; from < end; from += STRETCH_MS[grain]) {
      const to = new Date(Math.min(end, from + STRETCH_MS[grain]));
      const rows = await db.rows(
        `INSERT INTO ${rollups} AS old (database, grain, start, source, busy, signals)
         SELECT $1, $2, start, source, busy,
                jsonb_object_agg(signal, jsonb_build_object('count', count, 'min', min::real, 'mean', mean::real,
                                                            'max', max::real, 'median', median::real, 'p90', p90::real))
           FROM (SELECT date_trunc($2, at, 'UTC') AS start, source, backup_id IS NOT NULL AS busy, signal,
                        count(*) AS count, min(value) AS min, avg(value) AS mean, max(value) AS max,
                        percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median,
                        percentile_cont(0.9) WITHIN GROUP (ORDER BY value) AS p90
                   FROM ${samples}, jsonb_each_text(signals) AS one (signal, text), CAST(one.text AS double precision) AS value
                  WHERE database = $1 AND at >= $3 AND at < $4 GROUP BY 1, 2, 3, 4) AS rolled
          GROUP BY start, source, busy
         ON CONFLICT (database, grain, start, source, busy) DO UPDATE SET signals = excluded.signals
         RETURNING 1`,
        [database, grain, new Date(from), to],
      );
      made += rows.length;
    }
    return made;
  };

  const prune = async (table: string, condition: string, parameters: readonly unknown[]): Promise<number> => {
    let deleted = 0;
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const gone = await db.rows(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${condition} LIMIT ${BATCH}))
         RETURNING 1`,
        parameters,
      );
      deleted += gone.length;
      if (gone.length < BATCH) break;
    }
    return deleted;
  };

  return {
    async maintainLoad({ database, now, keep }) {
      let rolledUp = 0;
      for (const grain of LOAD_GRAINS) rolledUp += await rollUp(database, grain, now);
      const before = (ms: number) => new Date(now.getTime() - ms);
      const samplesKept = before(Math.max(keep.samples, SAMPLES_KEPT_MS));
      let deleted = await prune(samples, 'database = $1 AND at < $2', [database, samplesKept]);
      for (const [grain, ms] of [
        ['minute', keep.minutes],
        ['hour', keep.hours],
        ['day', keep.days],
      ] as const)
        deleted += await prune(rollups, 'database = $1 AND grain = $2 AND start < $3', [database, grain, before(ms)]);
      deleted += await prune(events, 'database = $1 AND at < $2', [database, before(keep.hours)]);
      return { rolledUp, deleted };
    },

    loadRollups({ database, grain, from, to, busy, signals }) {
      return db.rows<LoadRollupRow>(
        `SELECT database, grain, start, source, busy,
                CASE WHEN $6::text[] IS NULL THEN signals
                     ELSE (SELECT coalesce(jsonb_object_agg(one.key, one.value), '{}')
                             FROM jsonb_each(signals) AS one WHERE one.key = ANY ($6::text[])) END AS signals
           FROM ${rollups}
          WHERE database = $1 AND grain = $2 AND start >= $3 AND ($4::timestamptz IS NULL OR start < $4)
            AND ($5::boolean IS NULL OR busy = $5) AND ($6::text[] IS NULL OR signals ?| $6::text[])
          ORDER BY start, source, busy`,
        [database, grain, from, to ?? null, busy ?? null, signals ?? null],
      );
    },
  };
}
