/** After a dump gave way: waits until those it gave way to are through, and nobody else needs its tables for himself. */
import { setTimeout as delay } from 'node:timers/promises';
import type { PgSession } from '../postgres/connection';
import { openSamplingSession, type SamplingSessionOptions } from './samplers/postgres/session';

export interface CalmOptions extends SamplingSessionOptions {
  /** Process ids of those that were given way to. */
  readonly backends: readonly number[];
  /** For how long nobody may need the locks. Milliseconds. */
  readonly quietMs: number;
  /** Then it goes on all the same. Milliseconds. */
  readonly atMostMs: number;
  /** Between two looks. Milliseconds. @default 500 */
  readonly intervalMs?: number;
}

// A lock that no dump can have beside it, held or waited for; and of those that were given way to any lock that changes of a
// table take, since CREATE INDEX CONCURRENTLY waits for snapshots that began in its time. Temporary tables are in nobody's way.
const BUSY = `
SELECT count(*)::int AS busy
  FROM pg_catalog.pg_lock_status() AS l
  JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
 WHERE l.locktype = 'relation' AND l.pid <> pg_catalog.pg_backend_pid() AND l.relation >= 16384 AND c.relpersistence <> 't'
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND (l.mode = 'AccessExclusiveLock'
        OR (l.pid = ANY ($1::int[])
            AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock')))`;

/** False when the time was over first. Holds no lock and no snapshot meanwhile. @throws the errors of the connection */
export async function awaitCalm(options: CalmOptions, signal: AbortSignal): Promise<boolean> {
  const { backends, quietMs, atMostMs, intervalMs = 500 } = options;
  const { session, destroy } = await openSamplingSession(options, signal);
  const onAbort = () => destroy(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const startedAt = performance.now();
  let calmSince: number | null = null;
  try {
    for (;;) {
      const now = performance.now();
      if (await isBusy(session, backends)) calmSince = null;
      else calmSince ??= now;
      if (calmSince !== null && now - calmSince >= quietMs) return true;
      if (now - startedAt >= atMostMs) return false;
      await delay(intervalMs, undefined, { signal });
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await session.close();
  }
}

async function isBusy(session: PgSession, backends: readonly number[]): Promise<boolean> {
  const [row] = await session.query<{ busy: number }>('looking who needs the locks', BUSY, [backends]);
  return row!.busy > 0;
}
