/** Loads the rows of tables, several tables at a time, each in one transaction. */
import type { Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Client } from 'pg';
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
  const copy = addAbortSignal(signal, session.client.query(copyFrom(`${statement} WITH (FREEZE)`)));
  const socket = socketOf(session.client);
  const refused = new AbortController();
  let stopWaiting: (reason: unknown) => void = () => undefined;
  let ended = false;
  const done = finished(copy).finally(() => (ended = true));
  done.catch((error: unknown) => {
    refused.abort(error);
    stopWaiting(error);
  });
  /** Resolves when the next chunk may come; rejects with what PostgreSQL refused meanwhile. */
  const write = (chunk: Buffer) =>
    new Promise<void>((resolve, reject) => {
      refused.signal.throwIfAborted();
      stopWaiting = reject;
      copy.write(chunk, (error) => {
        if (!error) resolve();
      });
    });
  try {
    const reading = { signal: AbortSignal.any([signal, refused.signal]) };
    for (const path of table.files) {
      for await (const chunk of context.source.readFile(path, reading)) {
        await write(chunk);
        context.onBytes(chunk.length);
        // Nothing of it waits in the socket any more: its memory can go.
        if (socket.writableLength === 0) context.source.release?.(chunk);
      }
    }
    copy.end();
    await done;
  } catch (error) {
    // Ends the statement at the server too, so that nothing of the table is kept.
    if (!ended) copy.destroy(error as Error);
    await done.catch(() => undefined);
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

/** The driver's types leave its connection out. */
function socketOf(client: Client): Socket {
  return (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;
}
