/** Loads the rows of tables, several tables at a time, each in one transaction. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { HoldfastError } from '../../errors/holdfast-error';
import { postgresError } from '../../errors/postgres';
import { connect, type PgSession } from '../../postgres/connection';
import { statementFault } from '../../postgres/faults';
import type { ConnectionTarget, DumpedTable, FileSource } from '../engine';
import { loadStatement, truncateStatement } from './copy-statement';

export interface LoadContext {
  readonly source: FileSource;
  readonly target: ConnectionTarget;
  readonly encoding: string;
  readonly jobs: number;
  /** Role to act as; null: the role of the connection. */
  readonly role: string | null;
  readonly tables: readonly DumpedTable[];
  readonly signal: AbortSignal;
  readonly onStart: (table: DumpedTable) => void;
  readonly onBytes: (bytes: number) => void;
  readonly onTable: (table: DumpedTable, rows: number) => void;
}

/** @throws PG_ROWS_DIFFER, PG_RESTORE_FAILED and the repository's own errors, each naming the table */
export async function loadTables(context: LoadContext): Promise<void> {
  // The biggest first: no loader ends with a long one alone.
  const waiting = [...context.tables].filter(({ files }) => files.length > 0).sort((a, b) => b.bytes - a.bytes);
  for (const table of context.tables) if (table.files.length === 0) context.onTable(table, 0);
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const loader = async (): Promise<void> => {
    let session: PgSession | null = null;
    try {
      for (let table = waiting.shift(); table; table = waiting.shift()) {
        session ??= await openLoader(context, signal);
        context.onStart(table);
        const rows = await loadTable(session, table, context, signal);
        context.onTable(table, rows);
      }
    } catch (error) {
      failed.abort(error);
      throw error;
    } finally {
      await session?.close();
    }
  };
  const loaders = Array.from({ length: Math.min(context.jobs, waiting.length) }, loader);
  await Promise.allSettled(loaders);
  signal.throwIfAborted();
}

async function openLoader(context: LoadContext, signal: AbortSignal): Promise<PgSession> {
  const session = await connect(context.target, {
    signal,
    applicationName: 'holdfast restore',
    encoding: context.encoding,
  });
  if (context.role !== null)
    await session.query('acting as the new owner', `SELECT pg_catalog.set_config('role', $1, false)`, [context.role]);
  return session;
}

/**
 * TRUNCATE in the transaction of the COPY has PostgreSQL write rows one after another into a fresh file (no free-space map), so
 * they stand in the order of the backup, on which the exact proof relies; and it need not log them when wal_level is minimal.
 * FREEZE, allowed for the same reason, spares the first readers the work on hint bits.
 */
async function loadTable(session: PgSession, table: DumpedTable, context: LoadContext, signal: AbortSignal) {
  const statement = table.copyStatement ?? loadStatement(table, context.encoding);
  const name = `${table.schema}.${table.name}`;
  const what = `loading ${name}`;
  await session.query(what, `BEGIN; ${truncateStatement(table, context.encoding)}`);
  const copy = session.client.query(copyFrom(`${statement} WITH (FREEZE)`));
  async function* rows(): AsyncGenerator<Buffer> {
    for (const path of table.files) {
      for await (const chunk of context.source.readFile(path, { signal })) {
        yield chunk;
        context.onBytes(chunk.length);
      }
    }
  }
  try {
    await pipeline(Readable.from(rows(), { objectMode: true, highWaterMark: 1 }), copy, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HoldfastError) throw error;
    const fault = statementFault(error, what, { table: name });
    if (fault.code !== 'PG_QUERY_FAILED') throw fault;
    throw postgresError('PG_RESTORE_FAILED', fault.message, { context: { table: name, step: 'rows' }, cause: fault });
  }
  const loaded = copy.rowCount;
  if (loaded !== table.rows)
    throw postgresError('PG_ROWS_DIFFER', '', { context: { table: name, restored: loaded, expected: table.rows } });
  await session.query(what, 'COMMIT');
  return loaded;
}
