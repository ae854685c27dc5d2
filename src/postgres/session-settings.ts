/** What makes the same row the same bytes on every connection, whatever the defaults of role, database and server. */

/** Encodings are named by PostgreSQL itself; anything else would be an injection. */
const ENCODING = /^[A-Za-z0-9_]+$/;

export interface SessionSettings {
  /** Milliseconds to wait for a lock. @default 0 (for ever) */
  readonly lockTimeoutMs?: number;
  /** Encoding of rows and text on this connection. @default UTF8 */
  readonly encoding?: string;
}

/** The settings of pg_dump and pg_restore, and those on which the text form of a value also depends. */
export function sessionSettings(serverVersionNum: number, settings: SessionSettings = {}): string {
  const encoding = settings.encoding ?? 'UTF8';
  if (!ENCODING.test(encoding)) throw new RangeError(`not an encoding [encoding=${encoding}]`);
  const pairs: (readonly [string, string])[] = [
    ['client_encoding', `'${encoding}'`],
    ['standard_conforming_strings', 'on'],
    ['datestyle', 'ISO'],
    ['intervalstyle', 'postgres'],
    ['extra_float_digits', '3'],
    ['bytea_output', 'hex'],
    ['timezone', `'UTC'`],
    ['lc_monetary', `'C'`],
    ['xmloption', 'content'],
    ['synchronize_seqscans', 'off'],
    ['row_security', 'off'],
    ['check_function_bodies', 'off'],
    ['client_min_messages', 'warning'],
    ['statement_timeout', '0'],
    ['lock_timeout', String(Math.max(0, Math.round(settings.lockTimeoutMs ?? 0)))],
    ['idle_in_transaction_session_timeout', '0'],
    // A parallel plan would give the rows of a block range in any order.
    ['max_parallel_workers_per_gather', '0'],
    ['jit', 'off'],
    ['default_transaction_read_only', 'off'],
  ];
  if (serverVersionNum >= 140_000) {
    pairs.push(['idle_session_timeout', '0']);
    // A backend whose client is gone notices within seconds, even while it waits for a lock.
    pairs.push(['client_connection_check_interval', '2000']);
  }
  if (serverVersionNum >= 170_000) pairs.push(['transaction_timeout', '0']);
  const sets = pairs.map(([name, value]) => `SET ${name} = ${value}`);
  return [...sets, `SELECT pg_catalog.set_config('search_path', '', false)`].join('; ');
}
