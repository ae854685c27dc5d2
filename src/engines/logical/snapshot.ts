/** The coordinator: one repeatable-read snapshot, exported, with every table locked against being dropped or rewritten. */
import { isHoldfastError } from '../../errors/holdfast-error';
import { postgresError } from '../../errors/postgres';
import { connect, type PgSession } from '../../postgres/connection';
import { sqlState, statementFault } from '../../postgres/faults';
import { quoteQualified } from '../../postgres/identifiers';
import type { ConnectionTarget, LogicalDumpOptions } from '../engine';
import { listRewritten, selectRelations, type Relation, type Selection } from './catalog';

export interface Snapshot {
  readonly session: PgSession;
  /** For SET TRANSACTION SNAPSHOT and pg_dump --snapshot; valid while the session lives. */
  readonly id: string;
  readonly selection: Selection;
  readonly facts: ServerFacts;
  readonly notices: readonly string[];
}

export interface ServerFacts {
  readonly databaseName: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly localeProvider: string | null;
  readonly icuLocale: string | null;
  readonly systemIdentifier: string | null;
  readonly snapshotLsn: string | null;
  readonly snapshotAt: string;
  readonly blockBytes: number;
  readonly inRecovery: boolean;
  /** Locks that the server can hold at once, all sessions together. */
  readonly lockCapacity: number;
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  readonly tablespaces: readonly string[];
}

/** How often a snapshot is taken anew because tables were rewritten in the moment between snapshot and locks. */
const SNAPSHOT_TRIES = 3;
const TABLES_PER_LOCK = 200;
/** First half of the advisory lock's key: "HOLD". */
const LOCK_CLASS = 0x484f4c44;
const LOCK_OBJECT = 1;
const RUNNING_DUMP_PATIENCE_MS = 3_000;

/** Everything in it runs in one read-only transaction; end it with `session.close()`. */
export async function openSnapshot(
  target: ConnectionTarget,
  options: LogicalDumpOptions,
  signal: AbortSignal,
): Promise<Snapshot> {
  const session = await connect(target, {
    signal,
    applicationName: 'holdfast dump',
    lockTimeoutMs: options.lockTimeoutMs,
  });
  try {
    for (let attempt = 1; ; attempt += 1) {
      await session.query('taking the snapshot', 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const notices = await markRunningDump(session, signal);
      const [exported] = await session.query<{ id: string }>(
        'exporting the snapshot',
        'SELECT pg_catalog.pg_export_snapshot() AS id',
      );
      const facts = await readFacts(session);
      const selection = await selectRelations(session, options);
      const tables = selection.relations.filter(({ kind }) => kind === 'table');
      await lockTables(
        session,
        tables.filter(({ readable, schemaUsable }) => readable && schemaUsable),
        target,
      );
      const rewritten = await listRewritten(
        session,
        tables.map(({ oid }) => oid),
      );
      if (rewritten.length === 0) return { session, id: exported!.id, selection, facts, notices };
      if (attempt >= SNAPSHOT_TRIES)
        throw postgresError('PG_SCHEMA_CHANGED', '', { context: { tables: rewritten.slice(0, 10).join(', ') } });
      await session.query('giving up the snapshot', 'ROLLBACK');
    }
  } catch (error) {
    await session.close();
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * A lock of the transaction that says "a dump of this database runs". Temporal keeps runs apart; this tells of one that was
 * started elsewhere, or of a zombie. After a short wait the dump goes on, for two dumps harm each other only in speed.
 */
async function markRunningDump(session: PgSession, signal: AbortSignal): Promise<string[]> {
  const deadline = Date.now() + RUNNING_DUMP_PATIENCE_MS;
  for (;;) {
    const [row] = await session.query<{ ok: boolean }>(
      'marking the dump',
      `SELECT pg_catalog.pg_try_advisory_xact_lock(${LOCK_CLASS}, ${LOCK_OBJECT}) AS ok`,
    );
    if (row!.ok) return [];
    if (Date.now() >= deadline) break;
    await pause(200, signal);
  }
  const [holder] = await session.query<{ pid: number }>(
    'looking for another dump',
    `SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND classid = ${LOCK_CLASS} AND objid = ${LOCK_OBJECT}
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) LIMIT 1`,
  );
  return [
    `another dump of this database was running${holder ? ` (backend ${holder.pid})` : ''}; this one went on beside it`,
  ];
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * ACCESS SHARE on each table, as pg_dump does: nobody can drop or rewrite it while it is read.
 * @throws PG_LOCK_TIMEOUT naming the table and who holds it; PG_SCHEMA_CHANGED when one is gone
 */
export async function lockTables(
  session: PgSession,
  tables: readonly Pick<Relation, 'oid' | 'schema' | 'name'>[],
  target: ConnectionTarget,
): Promise<void> {
  for (let from = 0; from < tables.length; from += TABLES_PER_LOCK) {
    const batch = tables.slice(from, from + TABLES_PER_LOCK);
    const names = batch.map(({ schema, name }) => `ONLY ${quoteQualified(schema, name)}`).join(', ');
    try {
      await session.client.query(`LOCK TABLE ${names} IN ACCESS SHARE MODE`);
    } catch (error) {
      if (isHoldfastError(error)) throw error;
      if (sqlState(error) === '55P03') throw await lockTimeout(target, batch);
      if (sqlState(error) === '42P01' || sqlState(error) === '3F000')
        throw postgresError('PG_SCHEMA_CHANGED', `a table was dropped meanwhile: ${(error as Error).message}`);
      throw statementFault(error, 'locking tables', { database: target.name });
    }
  }
}

/** Asks on a connection of its own, for the transaction that waited is aborted. */
async function lockTimeout(target: ConnectionTarget, tables: readonly Pick<Relation, 'oid' | 'schema' | 'name'>[]) {
  try {
    const session = await connect(target, { applicationName: 'holdfast dump', timeoutMs: 5_000 });
    try {
      const [blocker] = await session.query<{
        oid: string;
        pid: number;
        who: string;
        app: string;
        mode: string;
        since: string;
      }>(
        'looking for the blocker',
        `SELECT l.relation::text AS oid, l.pid, COALESCE(a.usename::text, '?') AS who, COALESCE(a.application_name, '') AS app,
                l.mode, COALESCE(pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start))::text, '?') AS since
           FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
          WHERE l.relation = ANY ($1::oid[]) AND l.mode = 'AccessExclusiveLock'
          ORDER BY l.granted DESC LIMIT 1`,
        [tables.map(({ oid }) => oid)],
      );
      if (blocker) {
        const table = tables.find(({ oid }) => oid === Number(blocker.oid));
        const app = blocker.app ? ` (${blocker.app})` : '';
        return postgresError(
          'PG_LOCK_TIMEOUT',
          `${table!.schema}.${table!.name} is locked by backend ${blocker.pid} of ${blocker.who}${app}, in a transaction for ${blocker.since} s`,
          { context: { database: target.name, table: `${table!.schema}.${table!.name}`, blocker: blocker.pid } },
        );
      }
    } finally {
      await session.close();
    }
  } catch {
    // The error without the blocker still says what happened.
  }
  return postgresError('PG_LOCK_TIMEOUT', 'a table could not be locked in time', {
    context: {
      database: target.name,
      tables: tables
        .slice(0, 5)
        .map(({ schema, name }) => `${schema}.${name}`)
        .join(', '),
    },
  });
}

interface FactsRow {
  readonly databaseName: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly provider: string | null;
  readonly locale: string | null;
  readonly identifier: string | null;
  readonly lsn: string | null;
  readonly at: string;
  readonly block: number;
  readonly recovery: boolean;
  readonly locks: string;
}

async function readFacts(session: PgSession): Promise<ServerFacts> {
  const version = session.serverVersionNum;
  const provider = version >= 150_000 ? 'd.datlocprovider::text' : 'NULL::text';
  const locale = version >= 170_000 ? 'd.datlocale::text' : version >= 150_000 ? 'd.daticulocale::text' : 'NULL::text';
  const [row] = await session.query<FactsRow>(
    'reading facts of the server',
    `SELECT d.datname::text AS "databaseName", pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
            d.datcollate::text AS collate, d.datctype::text AS ctype, ${provider} AS provider, ${locale} AS locale,
            CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
                 THEN (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) END AS identifier,
            CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                 ELSE pg_catalog.pg_current_wal_lsn() END::text AS lsn,
            pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
            pg_catalog.current_setting('block_size')::int AS block, pg_catalog.pg_is_in_recovery() AS recovery,
            (pg_catalog.current_setting('max_locks_per_transaction')::bigint * (pg_catalog.current_setting('max_connections')::bigint
              + pg_catalog.current_setting('max_prepared_transactions')::bigint))::text AS locks
       FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`,
  );
  const extensions = await session.query<{ name: string; version: string }>(
    'listing extensions',
    'SELECT extname::text AS name, extversion AS version FROM pg_catalog.pg_extension ORDER BY extname',
  );
  const tablespaces = await session.query<{ name: string }>(
    'listing tablespaces',
    `SELECT DISTINCT t.spcname::text AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace
      WHERE t.spcname NOT IN ('pg_default', 'pg_global') ORDER BY 1`,
  );
  const providers: Readonly<Record<string, string>> = { c: 'libc', i: 'icu', b: 'builtin' };
  return {
    databaseName: row!.databaseName,
    encoding: row!.encoding,
    collate: row!.collate,
    ctype: row!.ctype,
    localeProvider: row!.provider === null ? null : (providers[row!.provider] ?? row!.provider),
    icuLocale: row!.locale,
    systemIdentifier: row!.identifier,
    snapshotLsn: row!.lsn,
    snapshotAt: row!.at,
    blockBytes: row!.block,
    inRecovery: row!.recovery,
    lockCapacity: Number(row!.locks),
    extensions: extensions.map(({ name, version: extensionVersion }) => ({ name, version: extensionVersion })),
    tablespaces: tablespaces.map(({ name }) => name),
  };
}
