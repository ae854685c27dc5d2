/** Readers: sessions that share the coordinator's snapshot and take pieces of tables until there are none. */
import { postgresError } from '../../errors/postgres';
import { HoldfastError } from '../../errors/holdfast-error';
import type { Governor } from '../../load/governor';
import { connect, type PgSession } from '../../postgres/connection';
import { copyOut } from '../../postgres/copy-out';
import { statementFault } from '../../postgres/faults';
import { quoteLiteral } from '../../postgres/identifiers';
import type { ConnectionTarget, DumpedFile, FileSink, FileSinkHandle } from '../engine';
import { readStatement } from './copy-statement';
import type { Piece } from './plan';
import { lockTables } from './snapshot';

export interface ReadableTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

export interface ReaderContext {
  readonly target: ConnectionTarget;
  readonly snapshotId: string;
  /** Encoding of the database: rows are taken as they are, without conversion. */
  readonly encoding: string;
  readonly lockTimeoutMs: number;
  /** Locked by each reader at once, so that none queues behind a migration later on; null: one by one. */
  readonly lockAhead: readonly ReadableTable[] | null;
  readonly tables: ReadonlyMap<number, ReadableTable>;
  readonly sink: FileSink;
  readonly governor: Governor;
  readonly signal: AbortSignal;
  /** Takes the next piece; null when all are taken. */
  readonly next: () => Piece | null;
  readonly onStart: (table: ReadableTable) => void;
  readonly onBytes: (bytes: number) => void;
  readonly onPiece: (piece: Piece, file: DumpedFile | null) => void;
}

/** Works until there is no piece left. */
export async function runReader(context: ReaderContext): Promise<void> {
  let session: PgSession | null = null;
  try {
    for (;;) {
      const place = await context.governor.enterReader(context.signal);
      try {
        const piece = context.next();
        if (!piece) return;
        session ??= await openReader(context);
        await readPiece(session, piece, context);
      } finally {
        place.release();
      }
    }
  } finally {
    await session?.close();
  }
}

async function openReader(context: ReaderContext): Promise<PgSession> {
  const session = await connect(context.target, {
    signal: context.signal,
    applicationName: 'holdfast reader',
    lockTimeoutMs: context.lockTimeoutMs,
  });
  try {
    await session.query(
      'joining the snapshot',
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ${quoteLiteral(context.snapshotId)}`,
    );
    if (context.lockAhead) await lockTables(session, context.lockAhead, context.target);
    // From here on rows come as they are stored; statements are written so that they mean the same in that encoding.
    await session.query('taking the database’s encoding', `SET client_encoding = ${quoteLiteral(context.encoding)}`);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function readPiece(session: PgSession, piece: Piece, context: ReaderContext): Promise<void> {
  const table = context.tables.get(piece.oid)!;
  context.onStart(table);
  const copy = copyOut(session.client, readStatement(table, piece.range, context.encoding));
  let handle: FileSinkHandle | null = null;
  try {
    for (;;) {
      const chunk = await copy.next();
      if (!chunk) break;
      await context.governor.admit(chunk.length, context.signal);
      // A table without rows has no file.
      handle ??= context.sink.openFile(piece.path);
      await handle.write(chunk);
      context.onBytes(chunk.length);
      copy.give(chunk);
    }
  } catch (error) {
    context.signal.throwIfAborted();
    throw named(error, table, context.target);
  }
  if (copy.rows !== copy.received)
    throw postgresError('PG_ROWS_MISCOUNTED', '', {
      context: { table: label(table), counted: copy.rows, received: copy.received },
    });
  if (!handle) {
    context.onPiece(piece, null);
    return;
  }
  const { bytes } = await handle.end();
  context.onPiece(piece, {
    path: piece.path,
    kind: 'rows',
    bytes,
    table: { oid: table.oid, schema: table.schema, name: table.name },
    range: piece.range,
    rows: copy.rows,
  });
}

function named(error: unknown, table: ReadableTable, target: ConnectionTarget): unknown {
  // The sink's errors are its own; those of COPY do not know which table they are about.
  if (!(error instanceof HoldfastError))
    return statementFault(error, `reading ${label(table)}`, { database: target.name });
  if (!error.message.startsWith('COPY: ')) return error;
  return statementFault(error.cause, `reading ${label(table)}`, { database: target.name, table: label(table) });
}

function label(table: ReadableTable): string {
  return `${table.schema}.${table.name}`;
}
