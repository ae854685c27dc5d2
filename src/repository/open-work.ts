/** Checking and opening one segment, as it is done on a thread. Loads nothing but what it needs. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { freeMemory } from '../domain/free-memory';
import { openPayload } from './age-payload';

/** Room beyond the output that is expected, without which the library would begin a second buffer to see that there is no more. */
const SPARE = 64;

/** What the manifest says of the segment. */
export interface SealedRef {
  readonly id: string;
  readonly object: string;
  readonly plainBytes: number;
}

/** Keys of what is opened: that of the age file, whose header has `headerBytes`, and that of the names. */
export interface OpenKeys {
  readonly headerBytes: number;
  readonly fileKey: Uint8Array;
  readonly idKey: Uint8Array;
}

/** Why a segment is not what the manifest names. */
export interface Damage {
  readonly damaged: string;
  readonly cause?: string;
}

/**
 * The plaintext, in memory of its own. Checks the name before anything is decrypted, bounds the output before anything is
 * unpacked, and compares the id before anything is returned.
 */
export function openSealed(sealed: Buffer, ref: SealedRef, keys: OpenKeys): { readonly plain: Buffer } | Damage {
  if (hash('sha256', sealed) !== ref.object) return { damaged: 'the segment does not have the hash it is named by' };
  let packed: Buffer;
  try {
    packed = openPayload(Buffer.from(keys.fileKey), sealed.subarray(keys.headerBytes));
  } catch (cause) {
    return { damaged: 'the segment cannot be opened', cause: String(cause) };
  }
  freeMemory(sealed);
  let plain: Buffer;
  try {
    plain = zstdDecompressSync(packed, {
      chunkSize: ref.plainBytes + SPARE,
      maxOutputLength: Math.max(1, ref.plainBytes),
    });
  } catch (cause) {
    return { damaged: 'the segment does not unpack to the size the manifest states', cause: String(cause) };
  }
  freeMemory(packed);
  if (plain.length !== ref.plainBytes)
    return { damaged: `the segment unpacks to ${plain.length} bytes, not ${ref.plainBytes}` };
  const id = createHmac('sha256', keys.idKey).update(plain).digest('hex');
  const named = Buffer.from(ref.id);
  // Right by name and by seal, so it is a segment of this repository, but not the one that belongs here.
  if (named.length !== id.length || !timingSafeEqual(Buffer.from(id), named))
    return { damaged: 'the segment holds other content than the manifest names' };
  return { plain: ownMemory(plain) };
}

/** Small outputs stand in memory that Node shares between buffers. */
function ownMemory(plain: Buffer): Buffer {
  if (plain.byteOffset === 0 && plain.buffer.byteLength - plain.length <= SPARE) return plain;
  const own = Buffer.allocUnsafeSlow(plain.length);
  plain.copy(own);
  return own;
}
