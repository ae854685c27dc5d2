/** Compressing and sealing one piece, as it is done on this thread and on others. Loads nothing but what it needs. */
import { hash } from 'node:crypto';
import { constants, zstdCompressSync, type ZstdOptions } from 'node:zlib';
import { freeMemory } from '../domain/free-memory';
import { sealPayload, type SealingKey } from './age-payload';

export interface SealedBytes {
  /** The whole object, in memory of its own. */
  readonly sealed: Buffer;
  /** Its name: hex SHA-256. */
  readonly object: string;
}

/**
 * For one frame of one buffer. With room for all of the output the library compresses from one buffer into the other; given
 * less, it goes through buffers of its own and matches across their seams, which costs a fifth more.
 */
export function packOptions(plainBytes: number, level: number): ZstdOptions {
  return {
    chunkSize: compressBound(plainBytes),
    pledgedSrcSize: plainBytes,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  };
}

/** As ZSTD_COMPRESSBOUND, and never less than zlib takes for a size. */
function compressBound(bytes: number): number {
  const margin = bytes < 128 * 1024 ? (128 * 1024 - bytes) >> 11 : 0;
  return bytes + (bytes >> 8) + margin + 64;
}

/** Seals a frame that was made with `packOptions`, and frees it. */
export function sealPacked(packed: Buffer, plainBytes: number, key: SealingKey): SealedBytes {
  const sealed = sealPayload(key, [packed]);
  // The frame begins memory of its own, unless it was so small that Node took it from its pool.
  if (packed.buffer.byteLength === compressBound(plainBytes)) freeMemory(new Uint8Array(packed.buffer));
  return { sealed, object: hash('sha256', sealed) };
}

/** All of it, on the thread that calls. */
export function sealPlain(plain: Buffer, level: number, key: SealingKey): SealedBytes {
  return sealPacked(zstdCompressSync(plain, packOptions(plain.length, level)), plain.length, key);
}
