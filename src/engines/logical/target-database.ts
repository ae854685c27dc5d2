/**
 * The database that a restore fills: found empty or made, marked as half-made until the restore has ended well, removed
 * when it has not. The mark is the database's comment, so that whoever looks sees it and the next restore finds it, even
 * when this process was killed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isHoldfastError } from '../../errors/holdfast-error';
import { postgresError } from '../../errors/postgres';
import { verifyError } from '../../errors/verify';
import { connect, withSession, type PgSession } from '../../postgres/connection';
import { createDatabaseSql } from '../../postgres/create-database';
import { sqlState } from '../../postgres/faults';
import { quoteIdentifier, quoteLiteral } from '../../postgres/identifiers';
import type { ConnectionTarget, DumpSummary } from '../engine';

const MARK = 'holdfast: half-made restore, not to be used ';
const CLEAN_UP_MS = 30_000;
const DESERTED_MS = 10_000;
/** Databases that every server needs. */
const NOT_TARGETS: ReadonlySet<string> = new Set(['template0', 'template1']);

interface Mark {
  readonly backupId: string;
  readonly startedAt: string;
  /** The comment that the database had before; null when it had none or was made for the restore. */
  readonly comment: string | null;
}

export interface TargetRequest {
  /** Server, and name of the database to make or fill. */
  readonly target: ConnectionTarget;
  readonly summary: DumpSummary;
  readonly backupId: string;
  /** Drop what stands there first. */
  readonly replace: boolean;
  readonly signal: AbortSignal;
}

export interface PreparedTarget {
  readonly created: boolean;
  readonly serverVersion: string;
  readonly notices: readonly string[];
  /** The restore ended well: the mark goes. */
  finish(): Promise<void>;
  /** It did not: what was made for it goes; a database that was there before stays, marked. Never fails. */
  discard(): Promise<void>;
  /** Lets the name go. Never fails. */
  release(): Promise<void>;
}

/**
 * Checks the target, takes its name (a lock that ends with this process), makes the database and marks it.
 * @throws PG_TARGET_NOT_EMPTY, PG_RESTORE_RUNNING, PG_LOCALE_MISSING, RESTORE_TARGET_NAME, RESTORE_TARGET_UNFIT
 */
export async function prepareTarget(request: TargetRequest): Promise<PreparedTarget> {
  const name = request.target.database;
  if (NOT_TARGETS.has(name) || name === '')
    throw verifyError('RESTORE_TARGET_NAME', 'a template database is not restored into', {
      context: { database: name },
    });
  const server = await connectToServer(request.target, request.signal);
  const release = () => server.close();
  try {
    await takeName(server, name);
    const { notices, created } = await makeReady(server, request);
    request.signal.throwIfAborted();
    return {
      created,
      serverVersion: server.serverVersion,
      notices,
      finish: () => onServer(request.target, (session) => unmark(session, name)),
      discard: async () => {
        if (created) await onServer(request.target, (session) => drop(session, name)).catch(() => undefined);
      },
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** `postgres` is there on nearly every server; `template1` always. */
async function connectToServer(target: ConnectionTarget, signal?: AbortSignal): Promise<PgSession> {
  const options = { signal, applicationName: 'holdfast restore' };
  try {
    return await connect({ ...target, database: 'postgres' }, options);
  } catch (error) {
    if (!isHoldfastError(error, 'PG_DATABASE_UNKNOWN')) throw error;
    return connect({ ...target, database: 'template1' }, options);
  }
}

/** A connection of its own: the one that holds the lock may be gone after hours, and the signal may be aborted. */
async function onServer<T>(target: ConnectionTarget, work: (session: PgSession) => Promise<T>): Promise<T> {
  const session = await connectToServer(target, AbortSignal.timeout(CLEAN_UP_MS));
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

async function takeName(server: PgSession, name: string): Promise<void> {
  const [row] = await server.query<{ taken: boolean }>(
    'taking the name of the database',
    `SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended($1, 0)) AS taken`,
    [`holdfast restore ${name}`],
  );
  if (row?.taken !== true) throw postgresError('PG_RESTORE_RUNNING', '', { context: { database: name } });
}

async function makeReady(server: PgSession, request: TargetRequest): Promise<{ notices: string[]; created: boolean }> {
  const { summary, target, backupId } = request;
  const name = target.database;
  const major = Math.floor(server.serverVersionNum / 10_000);
  const sourceMajor = Math.floor(summary.serverVersionNum / 10_000);
  if (major < sourceMajor)
    throw verifyError(
      'RESTORE_TARGET_UNFIT',
      `the target server is PostgreSQL ${major}, the backup is of ${sourceMajor}`,
      {
        context: { database: name },
      },
    );

  const found = await describe(server, name);
  const notices: string[] = [];
  let owner: string | undefined;
  if (found !== null) {
    const halfMade = readMark(found.comment);
    if (halfMade === null && !request.replace) {
      await checkEmpty(target, summary, found.encoding, request.signal);
      await mark(server, name, { backupId, startedAt: new Date().toISOString(), comment: found.comment }).catch(
        (error) => {
          if (!isHoldfastError(error, 'PG_PERMISSION')) throw error;
          notices.push(`the database ${name} belongs to somebody else, so it could not be marked while it was filled`);
        },
      );
      return { notices, created: false };
    }
    if (halfMade && !request.replace) await waitUntilDeserted(server, name, request.signal);
    if (halfMade) notices.push(`removed the half-made database of an earlier restore (backup ${halfMade.backupId})`);
    owner = found.mine ? undefined : found.owner;
    await drop(server, name);
  }
  await create(server, name, summary, major, owner);
  try {
    await mark(server, name, { backupId, startedAt: new Date().toISOString(), comment: null });
  } catch (error) {
    await drop(server, name).catch(() => undefined);
    throw error;
  }
  return { notices, created: true };
}

/**
 * A half-made database is dropped only when nobody works in it: its restore may have lost the connection that held the
 * lock and still be at work. Connections of a process that was killed go within seconds.
 */
async function waitUntilDeserted(server: PgSession, name: string, signal: AbortSignal): Promise<void> {
  for (const end = Date.now() + DESERTED_MS; ; await sleep(200, undefined, { signal })) {
    const [row] = await server.query<{ sessions: number }>(
      'looking who works in the half-made database',
      `SELECT pg_catalog.count(*)::int AS sessions FROM pg_catalog.pg_stat_activity
        WHERE datname = $1 AND backend_type IN ('client backend', 'parallel worker')`,
      [name],
    );
    if ((row?.sessions ?? 0) === 0) return;
    if (Date.now() > end)
      throw postgresError('PG_RESTORE_RUNNING', `${row?.sessions} connections still work in the half-made database`, {
        context: { database: name },
      });
  }
}

async function describe(server: PgSession, name: string) {
  const [row] = await server.query<{ comment: string | null; encoding: string; owner: string; mine: boolean }>(
    'looking for the database',
    `SELECT pg_catalog.shobj_description(oid, 'pg_database') AS comment,
            pg_catalog.pg_encoding_to_char(encoding) AS encoding,
            pg_catalog.pg_get_userbyid(datdba) AS owner,
            pg_catalog.pg_get_userbyid(datdba) = current_user AS mine
       FROM pg_catalog.pg_database WHERE datname = $1`,
    [name],
  );
  return row ?? null;
}

/** Members of extensions do not count: hosted servers put some into every new database. */
const SOMETHING_THERE = `
  WITH own AS (SELECT oid, nspname FROM pg_catalog.pg_namespace
                WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)')
  SELECT what FROM (
    SELECT 'relation ' || own.nspname || '.' || c.relname AS what, 'pg_catalog.pg_class'::regclass AS classid, c.oid
      FROM pg_catalog.pg_class c JOIN own ON own.oid = c.relnamespace
    UNION ALL
    SELECT 'function ' || own.nspname || '.' || p.proname, 'pg_catalog.pg_proc'::regclass, p.oid
      FROM pg_catalog.pg_proc p JOIN own ON own.oid = p.pronamespace
    UNION ALL
    SELECT 'type ' || own.nspname || '.' || t.typname, 'pg_catalog.pg_type'::regclass, t.oid
      FROM pg_catalog.pg_type t JOIN own ON own.oid = t.typnamespace
     WHERE t.typtype IN ('d', 'e', 'r')
    UNION ALL
    SELECT 'schema ' || nspname, 'pg_catalog.pg_namespace'::regclass, oid FROM own WHERE nspname <> 'public'
    UNION ALL
    SELECT 'large object ' || oid, 'pg_catalog.pg_largeobject'::regclass, oid FROM pg_catalog.pg_largeobject_metadata
  ) AS things
  WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                     WHERE d.classid = things.classid AND d.objid = things.oid AND d.deptype = 'e')
  ORDER BY what LIMIT 1`;

async function checkEmpty(
  target: ConnectionTarget,
  summary: DumpSummary,
  encoding: string,
  signal: AbortSignal,
): Promise<void> {
  const context = { database: target.database };
  const [thing] = await withSession(target, { signal }, (session) =>
    session.query<{ what: string }>('looking whether the database is empty', SOMETHING_THERE),
  );
  if (thing) throw postgresError('PG_TARGET_NOT_EMPTY', `the target database is not empty: ${thing.what}`, { context });
  if (encoding !== summary.encoding)
    throw verifyError(
      'RESTORE_TARGET_UNFIT',
      `the database has the encoding ${encoding}, the backup ${summary.encoding}`,
      {
        context,
      },
    );
}

async function create(
  server: PgSession,
  name: string,
  summary: DumpSummary,
  major: number,
  owner: string | undefined,
): Promise<void> {
  try {
    await server.query('making the database', createDatabaseSql(name, summary, major, owner));
  } catch (error) {
    const text = (error as Error).message;
    if (/locale/i.test(text)) throw postgresError('PG_LOCALE_MISSING', text, { cause: error });
    // Of two that make the same name at once, one may see the index instead of the name.
    if (sqlState((error as Error).cause) === '23505')
      throw postgresError('PG_DATABASE_EXISTS', '', { context: { database: name }, cause: error });
    throw error;
  }
}

async function drop(server: PgSession, name: string): Promise<void> {
  await server.query('removing the database', `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
}

async function mark(server: PgSession, name: string, facts: Mark): Promise<void> {
  await comment(server, name, MARK + JSON.stringify(facts));
}

async function unmark(server: PgSession, name: string): Promise<void> {
  const found = readMark((await describe(server, name))?.comment ?? null);
  if (found) await comment(server, name, found.comment);
}

async function comment(server: PgSession, name: string, text: string | null): Promise<void> {
  const literal = text === null ? 'NULL' : quoteLiteral(text);
  await server.query('marking the database', `COMMENT ON DATABASE ${quoteIdentifier(name)} IS ${literal}`);
}

function readMark(text: string | null): Mark | null {
  if (!text?.startsWith(MARK)) return null;
  try {
    return JSON.parse(text.slice(MARK.length)) as Mark;
  } catch {
    return { backupId: 'unknown', startedAt: 'unknown', comment: null };
  }
}
