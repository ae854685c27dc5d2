/** The COPY statements of a table: for loading its files, for reading whole tables and block ranges, for reading back. */
import { quoteIdentifier, quoteIdentifierAscii } from '../../postgres/identifiers';
import type { DumpedTable } from '../engine';

/** What a statement needs to know of a table. */
export interface CopyTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

/** A half-open range of blocks; `toBlock` null means to the end of the table. */
export interface BlockRange {
  readonly fromBlock: number;
  readonly toBlock: number | null;
}

type Quote = (name: string) => string;

/** Statements are sent in the encoding of the rows; where that is neither UTF-8 nor unchecked, names go as escapes. */
function quoteFor(encoding: string): Quote {
  return encoding === 'UTF8' || encoding === 'SQL_ASCII' ? quoteIdentifier : quoteIdentifierAscii;
}

function relation(table: CopyTable, quote: Quote): string {
  return `${quote(table.schema)}.${quote(table.name)}`;
}

/** `COPY "s"."t" ("a","b") FROM stdin`; no list for a table without columns. Kept in the manifest, for scripts. */
export function loadStatement(table: CopyTable, encoding: string): string {
  const quote = quoteFor(encoding);
  const list = table.columns.length > 0 ? ` (${table.columns.map(quote).join(',')})` : '';
  return `COPY ${relation(table, quote)}${list} FROM stdin`;
}

/** Empties one table and none that inherits from it. */
export function truncateStatement(table: CopyTable, encoding: string): string {
  return `TRUNCATE ONLY ${relation(table, quoteFor(encoding))}`;
}

/** Reads a whole table, or the rows of a block range in the order in which they stand. */
export function readStatement(table: CopyTable, range: BlockRange | null, encoding: string): string {
  if (!range) return loadStatement(table, encoding).replace(/ FROM stdin$/, ' TO STDOUT');
  const quote = quoteFor(encoding);
  const bounds = [
    ...(range.fromBlock > 0 ? [`ctid >= '(${range.fromBlock},0)'`] : []),
    ...(range.toBlock === null ? [] : [`ctid < '(${range.toBlock},0)'`]),
  ];
  const where = bounds.length > 0 ? ` WHERE ${bounds.join(' AND ')}` : '';
  return `COPY (SELECT ${table.columns.map(quote).join(',')} FROM ONLY ${relation(table, quote)}${where}) TO STDOUT`;
}

/**
 * The statement whose output on the restored table equals, byte for byte, the concatenation of the table's files, when it is
 * run on a connection with `sessionSettings` and the encoding of the backup.
 */
export function readBackQuery(table: DumpedTable, encoding = 'UTF8'): string {
  return (table.copyStatement ?? loadStatement(table, encoding)).replace(/ FROM stdin$/, ' TO STDOUT');
}
