/** How far standbys and subscribers are behind, and how much WAL the slots keep the server from removing. */
import type { PgSession } from '../../../postgres/connection';
import type { SamplerProblem, Signals } from '../sampler';

interface ReplicationRow {
  readonly lag_bytes: number | null;
  readonly lag_ms: number | null;
  readonly slot_bytes: number;
  readonly hidden: number;
}

// On a standby its own lag counts. A receiver of WAL alone (pg_receivewal, a base backup) replays nothing and has no lag.
const REPLICATION = `
SELECT CASE WHEN standby THEN pg_catalog.pg_wal_lsn_diff(lsn, pg_catalog.pg_last_wal_replay_lsn()) ELSE senders.bytes END::float8 AS lag_bytes,
       CASE WHEN NOT standby THEN senders.ms
            WHEN lsn = pg_catalog.pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) * 1000 END::float8 AS lag_ms,
       coalesce((SELECT max(pg_catalog.pg_wal_lsn_diff(lsn, restart_lsn)) FROM pg_catalog.pg_replication_slots WHERE restart_lsn IS NOT NULL), 0)::float8 AS slot_bytes,
       senders.hidden
  FROM (SELECT standby, CASE WHEN standby THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
          FROM (SELECT pg_catalog.pg_is_in_recovery() AS standby) AS role) AS here
 CROSS JOIN LATERAL (
        SELECT max(pg_catalog.pg_wal_lsn_diff(lsn, replay_lsn)) AS bytes,
               max(coalesce(extract(epoch FROM replay_lag) * 1000, 0)) FILTER (WHERE replay_lsn IS NOT NULL) AS ms,
               count(*) FILTER (WHERE state IS NULL)::int AS hidden
          FROM pg_catalog.pg_stat_get_wal_senders()) AS senders`;

export async function readReplication(
  session: PgSession,
): Promise<{ readonly signals: Signals; readonly problems: readonly SamplerProblem[] }> {
  const [row] = await session.query<ReplicationRow & Record<string, unknown>>('replication', REPLICATION);
  return replicationOf(row!);
}

/** Pure part of `readReplication`. Without a standby there is no lag to measure. */
export function replicationOf({ lag_bytes, lag_ms, slot_bytes, hidden }: ReplicationRow) {
  const signals: Signals = { slotBytes: Math.max(0, slot_bytes) };
  if (lag_bytes !== null) signals.replicationLagBytes = Math.max(0, lag_bytes);
  if (lag_ms !== null) signals.replicationLagMs = Math.max(0, lag_ms);
  const problems: SamplerProblem[] = [];
  if (hidden > 0)
    problems.push({
      kind: 'denied',
      message: `the role may not see the lag of ${hidden} ${hidden === 1 ? 'standby' : 'standbys'}: GRANT pg_read_all_stats or pg_monitor to it`,
    });
  return { signals, problems };
}
