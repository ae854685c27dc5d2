import { Client } from 'pg';

/** Small tables of the generated database. */
const SMALL_TABLES = 200;

/** Rows of each table for a database of about `megabytes` on disk; half of the bytes are in `big`. */
export function rowCounts(megabytes: number) {
  const scale = megabytes / 500;
  return {
    big: Math.round(720_000 * scale),
    blobs: Math.round(11_000 * scale),
    texts: Math.round(12_000 * scale),
    small: Math.max(10, Math.round(1_700 * scale)),
  };
}

/**
 * The database that everything is measured on: JSONB, text, random bytes, 200 small tables, and one table with half of
 * the bytes. All values follow from row numbers; the server makes them.
 */
export async function generate(url: string, megabytes: number, say: (line: string) => void): Promise<void> {
  const rows = rowCounts(megabytes);
  const client = new Client({ connectionString: url });
  await client.connect();
  const startedAt = Date.now();
  try {
    await client.query("set timezone to 'UTC'");
    await client.query('begin');
    await client.query(`create table big (id bigint primary key, customer int not null, placed_at timestamptz not null,
      amount numeric(12, 2) not null, kind text not null, payload jsonb not null)`);
    await client.query(bigRows(1, rows.big));
    await client.query('create table blobs (id int primary key, content bytea not null)');
    // Random bytes are not worth compressing, and real pictures and archives are not compressed by PostgreSQL either.
    await client.query('alter table blobs alter content set storage external');
    await client.query(`insert into blobs select g,
      (select string_agg(sha256((g || '/' || k)::bytea), ''::bytea) from generate_series(1, 224) k) from generate_series(1, ${rows.blobs}) g`);
    await client.query('create table texts (id int primary key, title text not null, body text not null)');
    await client.query('alter table texts alter body set storage external');
    await client.query(`with paragraph as materialized (
        select p, string_agg((array['backup','restore','proof','segment','window','night','river','paper','copper','signal','garden',
          'letter','mountain','quiet','engine','harbour'])[1 + (hashint8(p * 1000 + w) & 15)], ' ') as words
        from generate_series(0, 499) p, generate_series(1, 60) w group by p)
      insert into texts select g, 'Text ' || g, string_agg(words || ' ' || md5(g || '/' || k), E'.\\n')
      from generate_series(1, ${rows.texts}) g, generate_series(1, 13) k join paragraph on true
      where p = (g * 17 + k * 29) % 500 group by g`);
    for (let table = 1; table <= SMALL_TABLES; table += 1) {
      await client.query(
        `create table small_${table} (id int primary key, name text, value double precision, at timestamptz)`,
      );
      await client.query(`insert into small_${table} select g, md5(g || '/${table}'), g / 7.0, timestamptz '2026-01-01Z' + g * interval '1 s'
        from generate_series(1, ${rows.small}) g`);
    }
    await client.query('create index big_by_customer on big (customer)');
    await client.query('commit');
    await client.query('vacuum (analyze)');
    await client.query('checkpoint');
    const { rows: facts } = await client.query<{ database: string; big: string }>(
      `select pg_size_pretty(pg_database_size(current_database())) as database, pg_size_pretty(pg_table_size('big')) as big`,
    );
    say(
      `database of ${facts[0]!.database}, its largest table ${facts[0]!.big}, made in ${Math.round((Date.now() - startedAt) / 1000)} s`,
    );
  } finally {
    await client.end();
  }
}

function bigRows(from: number, to: number): string {
  return `insert into big select g, (g * 7919) % 100003, timestamptz '2024-01-01Z' + g * interval '83 seconds', (g * 37 % 1000000) / 100.0,
      (array['order','refund','transfer','fee'])[1 + g % 4],
      jsonb_build_object('channel', (array['web','app','shop'])[1 + g % 3], 'token', md5(g::text), 'ref', md5('r' || g),
        'items', jsonb_build_array(g % 100, g % 1000, g % 17), 'note', repeat(substr(md5('n' || g), 1, 8) || ' ', 8), 'flag', g % 5 = 0)
    from generate_series(${from}::bigint, ${to}) g`;
}

/** The changes that an incremental backup meets. */
export const CHANGES = {
  unchanged: null,
  appended: (megabytes: number) => {
    const { big } = rowCounts(megabytes);
    return bigRows(big + 1, big + Math.round(big / 100));
  },
  updated: () => `update big set amount = amount + 1 where hashint8(id) % 100 = 0`,
  recent: (megabytes: number) =>
    `update big set amount = amount + 1 where id > ${Math.round(rowCounts(megabytes).big * 0.99)}`,
} as const;
export type Change = keyof typeof CHANGES;
