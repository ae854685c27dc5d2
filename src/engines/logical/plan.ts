/** Cuts tables into the pieces that readers take, and puts them in order. Pure. */
import type { BlockRange } from './copy-statement';

export interface PlannedTable {
  readonly oid: number;
  /** Bytes of the main fork, which the blocks are counted in. */
  readonly heapBytes: number;
  /** Bytes of the TOAST table: large values belong to rows of the heap. */
  readonly toastBytes: number;
  /** False for access methods without blocks, and for servers before 14, where a range would read the whole table. */
  readonly cuttable: boolean;
}

export interface Piece {
  readonly oid: number;
  readonly path: string;
  /** Null: the whole table. */
  readonly range: BlockRange | null;
  /** For scheduling and progress. */
  readonly estimatedBytes: number;
}

/** `data/<oid>/<fromBlock, ten digits>.copy`: sorted by name is sorted by place in the table. */
export function piecePath(oid: number, fromBlock: number): string {
  return `data/${oid}/${String(fromBlock).padStart(10, '0')}.copy`;
}

/**
 * Cuts a table at fixed multiples of blocks that depend on `rangeBytes` alone, so that a table which only grew is cut in the
 * same places again. The last piece is open to the end: rows that arrive after the snapshot are invisible anyhow.
 */
export function cutTable(table: PlannedTable, rangeBytes: number, blockBytes: number): Piece[] {
  const blocksPerRange = Math.max(1, Math.floor(rangeBytes / blockBytes));
  const blocks = Math.ceil(table.heapBytes / blockBytes);
  const total = table.heapBytes + table.toastBytes;
  if (!table.cuttable || blocks <= blocksPerRange)
    return [{ oid: table.oid, path: piecePath(table.oid, 0), range: null, estimatedBytes: total }];
  const pieces: Piece[] = [];
  for (let from = 0; from < blocks; from += blocksPerRange) {
    const last = from + blocksPerRange >= blocks;
    const share = (Math.min(blocksPerRange, blocks - from) / blocks) * total;
    pieces.push({
      oid: table.oid,
      path: piecePath(table.oid, from),
      range: { fromBlock: from, toBlock: last ? null : from + blocksPerRange },
      estimatedBytes: Math.round(share),
    });
  }
  return pieces;
}

/**
 * The order of work: tables with the most bytes first (so that no reader ends with a long one alone), pieces of one table in
 * their own order (so that the disk reads forward).
 */
export function orderPieces(tables: readonly PlannedTable[], rangeBytes: number, blockBytes: number): Piece[] {
  return [...tables]
    .sort((a, b) => b.heapBytes + b.toastBytes - (a.heapBytes + a.toastBytes) || a.oid - b.oid)
    .flatMap((table) => cutTable(table, rangeBytes, blockBytes));
}
