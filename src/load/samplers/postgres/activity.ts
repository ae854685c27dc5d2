/** Who does what on the server now: sessions, transactions, waits. One statement, one row. */
import type { PgSession } from '../../../postgres/connection';
import type { SamplerProblem, Signals } from '../sampler';

/** Which sessions are Holdfast's own: application names that it sets, of this role. */
export interface OwnSessions {
  /** OID of the role that backs up. */
  readonly role: string;
}

/** A session with another role is never ours, whatever it calls itself: nobody else may make a backup give way. */
export const OURS = `(application_name = 'holdfast' OR application_name LIKE 'holdfast %') AND usesysid = $1::pg_catalog.oid`;

/** A client's session; of those of other roles the kind may be hidden. */
export const CLIENT = `coalesce(backend_type = 'client backend', datid IS NOT NULL AND usesysid IS NOT NULL)`;

interface ActivityRow {
  readonly connections: number;
  readonly max_connections: number;
  readonly active: number;
  readonly idle_in_transaction: number;
  readonly waiting: number;
  readonly lock_waiters: number;
  readonly longest_ms: number;
  readonly snapshot_ms: number;
  readonly hidden: number;
  readonly ours: number;
  readonly role_shared: boolean;
}

export interface Activity {
  readonly signals: Signals;
  readonly problems: readonly SamplerProblem[];
  /** True when locks must be looked at: somebody waits for one, or this role cannot see whether anybody does. */
  readonly lookAtLocks: boolean;
  /** True when sessions that are not ours use our role too. */
  readonly roleShared: boolean;
}

// The function below the view pg_stat_activity: without the names of databases and roles, which nobody needs here.
// What a role may not see is null: state, waits and times of other roles' sessions.
const ACTIVITY = `
SELECT (1 + count(*) FILTER (WHERE client))::int AS connections,
       pg_catalog.current_setting('max_connections')::int AS max_connections,
       count(*) FILTER (WHERE others AND state = 'active')::int AS active,
       count(*) FILTER (WHERE others AND state LIKE 'idle in transaction%')::int AS idle_in_transaction,
       count(*) FILTER (WHERE others AND state = 'active' AND wait_event_type NOT IN ('Client', 'Activity'))::int AS waiting,
       count(*) FILTER (WHERE others AND wait_event_type = 'Lock')::int AS lock_waiters,
       coalesce(extract(epoch FROM max(now - xact_start) FILTER (WHERE others)) * 1000, 0)::float8 AS longest_ms,
       coalesce(extract(epoch FROM max(now - xact_start) FILTER (WHERE ours AND backend_xmin IS NOT NULL)) * 1000, 0)::float8 AS snapshot_ms,
       count(*) FILTER (WHERE others AND state IS NULL)::int AS hidden,
       count(*) FILTER (WHERE ours)::int AS ours,
       coalesce(bool_or(usesysid = $1::pg_catalog.oid) FILTER (WHERE others), false) AS role_shared
  FROM (SELECT *, client AND NOT ours AS others
          FROM (SELECT state, wait_event_type, xact_start, backend_xmin, usesysid,
                       pg_catalog.clock_timestamp() AS now,
                       ${CLIENT} AS client,
                       coalesce(${OURS}, false) AS ours
                  FROM pg_catalog.pg_stat_get_activity(NULL)
                 WHERE pid <> pg_catalog.pg_backend_pid()) AS seen) AS told`;

/** `seesAll`: the role has pg_read_all_stats, so that null means nothing is known rather than not allowed. */
export async function readActivity(session: PgSession, own: OwnSessions, seesAll: boolean): Promise<Activity> {
  const [row] = await session.query<ActivityRow & Record<string, unknown>>('sessions', ACTIVITY, [own.role]);
  return activityOf(row!, seesAll);
}

/** Pure part of `readActivity`. */
export function activityOf(row: ActivityRow, seesAll: boolean): Activity {
  const signals: Signals = {
    // Two readings of moving figures: a session that comes while others are counted is no lie.
    poolUse: Math.min(1, row.connections / row.max_connections),
    oldestXminAgeMs: Math.max(0, row.snapshot_ms),
  };
  const blind = !seesAll && row.hidden > 0;
  if (!blind) {
    signals.sessionsActive = row.active;
    signals.sessionsIdleInTransaction = row.idle_in_transaction;
    signals.sessionsWaiting = row.waiting;
    signals.lockWaiters = row.lock_waiters;
    signals.longestTransactionMs = Math.max(0, row.longest_ms);
    if (row.lock_waiters === 0) signals.waitersBehindUs = 0;
  }
  return {
    signals,
    problems: blind
      ? [
          {
            kind: 'denied',
            message: `the role may not see what ${row.hidden} ${row.hidden === 1 ? 'session does' : 'sessions do'}: GRANT pg_read_all_stats or pg_monitor to it`,
          },
        ]
      : [],
    lookAtLocks: blind || row.lock_waiters > 0,
    roleShared: row.role_shared,
  };
}
