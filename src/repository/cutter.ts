/** Cuts a file's bytes at fixed sizes, whatever the sizes of the chunks that come, and holds at most one segment. */
import type { RunningName, SegmentNamer } from './segment';

/** Segment buffers that are used again: fresh ones cost page faults, and steady memory is easier to bound. */
export interface BufferPool {
  take(): Buffer;
  give(buffer: Buffer): void;
}
export function createBufferPool(bytes: number, keep: number): BufferPool {
  const free: Buffer[] = [];
  return {
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(bytes),
    give: (buffer) => {
      if (buffer.length === bytes && free.length < keep) free.push(buffer);
    },
  };
}

/**
 * A full segment, or the rest of a file. `buffer` goes back to the pool when `plain` has been read; where it is null, `plain`
 * has memory of its own.
 */
export interface Piece {
  /** Its id, computed while the bytes passed. */
  readonly id: string;
  readonly plain: Buffer;
  readonly buffer: Buffer | null;
}

export interface Cutter {
  /** Takes the chunk; hands over each piece that is full, one after another. */
  write(chunk: Buffer, full: (piece: Piece) => Promise<void>): Promise<void>;
  /** What is left, or null. */
  rest(): Piece | null;
  /** Gives the buffer back without using it. */
  drop(): void;
}

/** Below this a file keeps copies of its chunks: hundreds of small tables would otherwise hold a segment each. */
const LAZY_BYTES = 256 * 1024;

export function createCutter(segmentBytes: number, pool: BufferPool, namer: SegmentNamer): Cutter {
  let chunks: Buffer[] = [];
  let buffer: Buffer | null = null;
  let filled = 0;
  let name: RunningName | null = null;

  const settle = () => {
    buffer = pool.take();
    let at = 0;
    for (const chunk of chunks) at += chunk.copy(buffer, at);
    chunks = [];
  };
  const reset = () => {
    chunks = [];
    buffer = null;
    filled = 0;
    name = null;
  };
  return {
    async write(chunk, full) {
      for (let from = 0; from < chunk.length;) {
        const piece = chunk.subarray(from, from + segmentBytes - filled);
        if (!buffer && filled + piece.length >= Math.min(LAZY_BYTES, segmentBytes)) settle();
        if (buffer) piece.copy(buffer, filled);
        else chunks.push(Buffer.from(piece));
        name ??= namer.start();
        name.update(piece);
        filled += piece.length;
        from += piece.length;
        if (filled === segmentBytes) {
          const done = { id: name.id(), plain: buffer!, buffer };
          reset();
          await full(done);
        }
      }
    },
    rest() {
      if (filled === 0) return null;
      const id = name!.id();
      const piece = buffer
        ? { id, plain: buffer.subarray(0, filled), buffer }
        : { id, plain: join(chunks, filled), buffer: null };
      reset();
      return piece;
    },
    drop() {
      if (buffer) pool.give(buffer);
      reset();
    },
  };
}

/** Not in the memory that Node shares between small buffers: a piece is handed to a thread, memory and all. */
function join(chunks: readonly Buffer[], bytes: number): Buffer {
  const joined = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(joined, at);
  return joined;
}
