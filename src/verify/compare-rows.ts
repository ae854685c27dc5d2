/** Compares the rows of all tables of a restored database with the manifest, over several connections. */
import { readBackQuery } from '../engines/logical/copy-statement';
import type { ConnectionTarget, DumpedTable } from '../engines/engine';
import { isHoldfastError } from '../errors/holdfast-error';
import { verifyError } from '../errors/verify';
import { connect, type PgSession } from '../postgres/connection';
import { copyOut } from '../postgres/copy-out';
import { sqlState } from '../postgres/faults';
import { quoteQualified } from '../postgres/identifiers';
import type { SegmentNamer } from '../repository/segment';
import type { BackupReader } from '../repository/types';
import { compareTable, expectedPieces, indexFiles, type TableDifference } from './read-back';

export interface RowComparison {
  readonly reader: BackupReader;
  readonly target: ConnectionTarget;
  readonly namer: SegmentNamer;
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Called after each piece or table with the plain bytes that were compared. */
  readonly onBytes: (bytes: number) => void;
}

export interface RowOutcome {
  readonly tables: number;
  readonly rows: number;
  readonly segments: number;
  /** The worst first: a table that is missing or has other rows, before one with other content. */
  readonly differences: readonly TableDifference[];
}

/** Reads every row again and compares it byte for byte. */
export async function compareRows(comparison: RowComparison): Promise<RowOutcome> {
  const { reader, namer } = comparison;
  const { manifest } = reader;
  const { encoding } = manifest.body.summary;
  const files = indexFiles(manifest);
  let segments = 0;
  return overTables(
    comparison,
    () => segments,
    async (session, table, signal) => {
      const copy = copyOut(session.client, readBackQuery(table, encoding));
      const stream = {
        chunks: chunksOf(copy),
        give: (chunk: Buffer) => copy.give(chunk),
        rows: () => copy.rows,
      };
      const fetch = (ref: Parameters<BackupReader['readSegment']>[0]) => reader.readSegment(ref, signal);
      return compareTable(table, expectedPieces(manifest, table, files), stream, namer, fetch, (bytes) => {
        segments += 1;
        comparison.onBytes(bytes);
      });
    },
  );
}

/** Counts the rows of every table, independently of what the restore says that it wrote. */
export async function countRows(comparison: RowComparison): Promise<RowOutcome> {
  return overTables(
    comparison,
    () => 0,
    async (session, table) => {
      const [row] = await session.query<{ rows: string }>(
        'counting rows',
        `SELECT pg_catalog.count(*)::text AS rows FROM ONLY ${quoteQualified(table.schema, table.name)}`,
      );
      comparison.onBytes(table.bytes);
      const rows = Number(row?.rows);
      if (rows === table.rows) return null;
      return { table, kind: 'rows', message: rowsMessage(table, rows) };
    },
  );
}

function rowsMessage(table: DumpedTable, rows: number): string {
  return `the table ${table.schema}.${table.name} has ${rows} rows after the restore, not ${table.rows}`;
}

async function overTables(
  comparison: RowComparison,
  segments: () => number,
  compare: (session: PgSession, table: DumpedTable, signal: AbortSignal) => Promise<TableDifference | null>,
): Promise<RowOutcome> {
  const { summary } = comparison.reader.manifest.body;
  // The largest first, so that no connection ends with a long table alone.
  const queue = [...summary.tables].sort((a, b) => b.bytes - a.bytes);
  const differences: TableDifference[] = [];
  let tables = 0;
  let rows = 0;
  const stop = new AbortController();
  const signal = AbortSignal.any([comparison.signal, stop.signal]);
  const work = async () => {
    if (queue.length === 0) return;
    const options = { signal, encoding: summary.encoding, applicationName: 'holdfast proof' };
    const session = await connect(comparison.target, options);
    try {
      for (let table = queue.shift(); table; table = queue.shift()) {
        signal.throwIfAborted();
        const difference = await compare(session, table, signal).catch((error) => missingTable(error, table!));
        if (difference) differences.push(difference);
        tables += 1;
        rows += table.rows;
      }
    } finally {
      await session.close();
    }
  };
  const workers = Array.from({ length: Math.max(1, comparison.jobs) }, () =>
    work().catch((error: unknown) => {
      // The others end too; the first failure is the one that is reported.
      if (!stop.signal.aborted) stop.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(workers);
  comparison.signal.throwIfAborted();
  if (stop.signal.aborted) throw stop.signal.reason;
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  differences.sort((a, b) => Number(a.kind === 'content') - Number(b.kind === 'content'));
  return { tables, rows, segments: segments(), differences };
}

/** A table (or a column) that is not there is a difference, not a failure of the comparison. */
function missingTable(error: unknown, table: DumpedTable): TableDifference {
  const state = isHoldfastError(error) ? (error.context['sqlstate'] ?? sqlState(error.cause)) : sqlState(error);
  if (state === '42P01' || state === '42703' || state === '3F000')
    return {
      table,
      kind: 'missing',
      message: `${table.schema}.${table.name} is missing, or lacks a column, after the restore`,
    };
  throw error;
}

export function differenceError(difference: TableDifference) {
  const code = {
    missing: 'VERIFY_TABLE_MISSING',
    rows: 'VERIFY_ROWS_DIFFER',
    content: 'VERIFY_CONTENT_DIFFERS',
  } as const;
  return verifyError(code[difference.kind], difference.message);
}

async function* chunksOf(copy: { next(): Promise<Buffer | null> }): AsyncGenerator<Buffer> {
  for (let chunk = await copy.next(); chunk !== null; chunk = await copy.next()) yield chunk;
}
