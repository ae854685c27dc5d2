/**
 * Reads the rows of a restored table again, cuts them where the manifest cuts, and compares the id of every piece. Equal
 * ids in order mean equal bytes in order: nothing is missing, nothing was added, nothing changed.
 */
import type { DumpedTable } from '../engines/engine';
import type { Manifest, SegmentRef } from '../repository/types';
import type { RunningName, SegmentNamer } from '../repository/segment';

export interface ExpectedPiece {
  readonly path: string;
  /** Place of the segment within its file. */
  readonly part: number;
  readonly ref: SegmentRef;
}

export interface TableDifference {
  readonly table: DumpedTable;
  readonly kind: 'missing' | 'rows' | 'content';
  readonly message: string;
}

/** What the manifest says the table's rows are, piece by piece in the order in which they stand in the table. */
export function expectedPieces(manifest: Manifest, table: DumpedTable, files: FileIndex): ExpectedPiece[] {
  return table.files.flatMap((path) => {
    const segments = files.get(path) ?? [];
    return segments.map((index, part) => ({ path, part, ref: manifest.inventory.segments[index]! }));
  });
}

export type FileIndex = ReadonlyMap<string, readonly number[]>;
export function indexFiles(manifest: Manifest): FileIndex {
  return new Map(manifest.body.files.map((file) => [file.path, file.segments]));
}

/** Rows of one table as they come from COPY; `rows()` is the count that PostgreSQL reports at the end. */
export interface RowStream {
  readonly chunks: AsyncIterable<Buffer>;
  /** Takes a chunk back, for the rows to come. */
  give?(chunk: Buffer): void;
  rows(): number;
}

/**
 * Compares one table. Holds one piece at most, named while it comes: it is looked at again only when it differs.
 * @param fetch gets the plaintext of a piece from the copy, to say where the first difference is
 * @returns null when everything is equal
 */
export async function compareTable(
  table: DumpedTable,
  pieces: readonly ExpectedPiece[],
  stream: RowStream,
  namer: SegmentNamer,
  fetch: (ref: SegmentRef) => Promise<Buffer>,
  onPiece: (plainBytes: number) => void = () => undefined,
): Promise<TableDifference | null> {
  // One buffer for the whole table: a new one for each piece would keep the collector from keeping up.
  const buffer = Buffer.allocUnsafeSlow(pieces.reduce((size, { ref }) => Math.max(size, ref.plainBytes), 0));
  let running: RunningName | null = null;
  let content: string | null = null;
  let at = 0;
  let filled = 0;
  let extra = 0;
  for await (const chunk of stream.chunks) {
    // After the first difference the rest is only counted, so that the message can say whether rows are missing.
    for (let offset = 0; offset < chunk.length && content === null;) {
      const piece = pieces[at];
      if (!piece) {
        extra += chunk.length - offset;
        break;
      }
      const taken = chunk.copy(buffer, filled, offset, offset + piece.ref.plainBytes - filled);
      running ??= namer.start();
      running.update(chunk.subarray(offset, offset + taken));
      filled += taken;
      offset += taken;
      if (filled < piece.ref.plainBytes) continue;
      if (running.id() === piece.ref.id) onPiece(filled);
      else content = await describeDifference(table, piece, buffer.subarray(0, filled), fetch);
      running = null;
      at += 1;
      filled = 0;
    }
    stream.give?.(chunk);
  }

  const name = `${table.schema}.${table.name}`;
  const rows = stream.rows();
  if (rows !== table.rows)
    return { table, kind: 'rows', message: `the table ${name} has ${rows} rows after the restore, not ${table.rows}` };
  if (content !== null) return { table, kind: 'content', message: content };
  if (extra > 0)
    return { table, kind: 'content', message: `the rows of ${name} are ${extra} bytes longer than in the backup` };
  if (at < pieces.length)
    return {
      table,
      kind: 'content',
      message: `the rows of ${name} are shorter than in the backup, at ${pieces[at]!.path}`,
    };
  return null;
}

/** Where, never what: the place of the first difference without a word of the data. */
async function describeDifference(
  table: DumpedTable,
  piece: ExpectedPiece,
  restored: Buffer,
  fetch: (ref: SegmentRef) => Promise<Buffer>,
): Promise<string> {
  const where = `${piece.path}, segment ${piece.part + 1}`;
  const stored = await fetch(piece.ref);
  const first = firstDifference(stored, restored);
  const lineStart = first === 0 ? 0 : stored.lastIndexOf(0x0a, first - 1) + 1;
  const row = countByte(stored.subarray(0, lineStart), 0x0a) + 1;
  const column = table.columns[countByte(stored.subarray(lineStart, first), 0x09)];
  return `the rows of ${table.schema}.${table.name} differ after the restore: ${where}, line ${row}${
    column === undefined ? '' : `, column ${column}`
  }`;
}

function firstDifference(a: Buffer, b: Buffer): number {
  const step = 65_536;
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at += step) {
    if (a.compare(b, at, Math.min(at + step, end), at, Math.min(at + step, end)) === 0) continue;
    let place = at;
    while (place < end && a[place] === b[place]) place += 1;
    return place;
  }
  return end;
}

function countByte(bytes: Buffer, byte: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at !== -1; at = bytes.indexOf(byte, at + 1)) count += 1;
  return count;
}
