/** Google takes chunks of a multiple of this; only the last one of an object may be another size. */
export const CHUNK_UNIT = 256 * 1024;

/** Throws RangeError, a defect of the caller, for a size that Google would refuse (and emulators would not). */
export function assertChunkSize(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % CHUNK_UNIT !== 0)
    throw new RangeError(`a chunk is a multiple of 256 KiB [bytes=${bytes}]`);
}

/** A piece of an object: `start` inclusive, `end` exclusive. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly total: number;
}

/** What is sent next when the store holds everything before `offset`. */
export function chunkAt(offset: number, total: number, chunkSize: number): Chunk {
  return { start: offset, end: Math.min(offset + chunkSize, total), total };
}

/** The header `Content-Range` of a chunk; without one, the question how much the store holds. */
export function contentRange(total: number, chunk?: Chunk): string {
  return chunk === undefined ? `bytes */${total}` : `bytes ${chunk.start}-${chunk.end - 1}/${total}`;
}

/**
 * How many bytes the store holds, from the `Range` of its 308: `bytes=0-524287`, or none when it holds none. null for what
 * cannot be true of an object of `total` bytes.
 */
export function heldBytes(range: string | undefined, total: number): number | null {
  if (range === undefined) return 0;
  const last = /^bytes=0-(\d+)$/.exec(range.trim())?.[1];
  const held = last === undefined ? NaN : Number(last) + 1;
  return held <= total ? held : null;
}
