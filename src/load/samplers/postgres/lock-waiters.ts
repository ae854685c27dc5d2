/** Who waits for a lock, and who of them waits because of us: directly, or behind somebody who does. */
import type { PgSession } from '../../../postgres/connection';
import { OURS, type OwnSessions } from './activity';

/** A session that would go on if we gave our locks and our snapshot up. */
export interface WaiterBehindUs {
  /** Process id of its backend. */
  readonly pid: number;
  /** As pg_locks says it: `relation`, `virtualxid` (waits for our snapshot to end), `transactionid`, … */
  readonly lockType: string;
  /** What it asks for: `AccessExclusiveLock`. */
  readonly mode: string;
  /** `schema.table`, of a lock on a table of the database that is sampled; else null. */
  readonly relation: string | null;
  /** Milliseconds; null where the server does not tell (before 14, to a role without pg_read_all_stats). */
  readonly waitedMs: number | null;
  /** False: it waits for another waiter, as every query of a table does behind the DDL that waits for us. */
  readonly direct: boolean;
}

export interface LockWaiters {
  /** Sessions that wait for a lock, without our own. */
  readonly waiters: number;
  /** Longest first. Of the first 100 waiters: the rest is not told apart. */
  readonly behindUs: readonly WaiterBehindUs[];
}

export interface WaiterRow {
  readonly pid: number;
  readonly locktype: string;
  readonly mode: string;
  readonly relation: string | null;
  readonly waited_ms: number | null;
  readonly blockers: readonly number[];
  readonly waiters: number;
  readonly ours: readonly number[];
}

// pg_blocking_pids holds the lock table shared for a moment, so it is asked for waiters alone, not for many, and only when
// we have a session that could be in the way. Ours are those in this database: who waits for a dump of another one waits
// for that one alone.
const lockWaiters = (waitedMs: string) => `
WITH ours AS MATERIALIZED (
  SELECT coalesce(pg_catalog.array_agg(pid), '{}') AS pids
    FROM pg_catalog.pg_stat_get_activity(NULL)
   WHERE ${OURS} AND pid <> pg_catalog.pg_backend_pid()
     AND datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())),
waiting AS MATERIALIZED (
  SELECT pid, locktype, mode, relation, database, ${waitedMs}::float8 AS waited_ms
    FROM pg_catalog.pg_lock_status() AS l
   WHERE NOT granted AND pid IS NOT NULL AND NOT pid = ANY (SELECT pg_catalog.unnest(pids) FROM ours))
SELECT w.pid, w.locktype, w.mode, w.waited_ms, n.nspname || '.' || c.relname AS relation,
       CASE WHEN ours.pids = '{}' THEN '{}' ELSE pg_catalog.pg_blocking_pids(w.pid) END AS blockers,
       (SELECT count(DISTINCT pid)::int FROM waiting) AS waiters, ours.pids AS ours
  FROM (SELECT * FROM waiting ORDER BY waited_ms DESC NULLS LAST, pid LIMIT 100) AS w
 CROSS JOIN ours
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = w.relation
   AND w.database IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace`;

const WITH_WAITSTART = lockWaiters(
  `greatest(0, extract(epoch FROM pg_catalog.clock_timestamp() - l.waitstart) * 1000)`,
);
/** Before 14 the start of the statement is the best guess at the start of the wait. */
const BEFORE_WAITSTART = lockWaiters(
  `(SELECT greatest(0, extract(epoch FROM pg_catalog.clock_timestamp() - a.query_start) * 1000)
      FROM pg_catalog.pg_stat_get_activity(l.pid) AS a)`,
);

/** Works for any role: pg_locks hides nothing. */
export async function readLockWaiters(session: PgSession, own: OwnSessions): Promise<LockWaiters> {
  const text = session.serverVersionNum >= 140_000 ? WITH_WAITSTART : BEFORE_WAITSTART;
  return lockWaitersOf(await session.query<WaiterRow & Record<string, unknown>>('lock waiters', text, [own.role]));
}

/**
 * Pure part of `readLockWaiters`. Follows the queues: our ACCESS SHARE lets every query pass, and one ALTER TABLE that waits
 * for us stops them all, though none of them is blocked by us alone.
 */
export function lockWaitersOf(rows: readonly WaiterRow[]): LockWaiters {
  const ours = new Set(rows[0]?.ours ?? []);
  const behind = new Set<number>();
  for (let grew = true; grew;) {
    grew = false;
    for (const { pid, blockers } of rows) {
      if (behind.has(pid) || !blockers.some((blocker) => ours.has(blocker) || behind.has(blocker))) continue;
      behind.add(pid);
      grew = true;
    }
  }
  const behindUs = rows
    .filter(({ pid }) => behind.has(pid))
    .map(({ pid, locktype, mode, relation, waited_ms, blockers }) => ({
      pid,
      lockType: locktype,
      mode,
      relation,
      waitedMs: waited_ms,
      direct: blockers.some((blocker) => ours.has(blocker)),
    }));
  return { waiters: rows[0]?.waiters ?? 0, behindUs };
}
