/**
 * The payload of an age file: ChaCha20-Poly1305 STREAM in chunks of 64 KiB, by node:crypto. Needs nothing else, so that a
 * thread that seals loads nothing else.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { freeMemory } from '../domain/free-memory';

const CHUNK = 64 * 1024;
export const TAG = 16;
export const NONCE = 16;

/** A file key and the header that wraps it to the recipients. */
export interface SealingKey {
  readonly header: Uint8Array;
  readonly fileKey: Uint8Array;
}

/** STREAM's nonce: 11 bytes counter, big-endian, then 1 for the last chunk. */
function chunkNonce(index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 7);
  if (last) nonce[11] = 1;
  return nonce;
}

function payloadKey(fileKey: Uint8Array, nonce: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32));
}

/** The whole age file: header, nonce and sealed chunks of all `parts`, one after another, in memory of its own. */
export function sealPayload({ header, fileKey }: SealingKey, parts: readonly Buffer[]): Buffer {
  const plainBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const chunks = Math.max(1, Math.ceil(plainBytes / CHUNK));
  const out = Buffer.allocUnsafeSlow(header.length + NONCE + plainBytes + chunks * TAG);
  const nonce = randomBytes(NONCE);
  const key = payloadKey(fileKey, nonce);
  out.set(header);
  let at = header.length;
  at += nonce.copy(out, at);
  let part = 0;
  let offset = 0;
  for (let index = 0; index < chunks; index++) {
    const cipher = createCipheriv('chacha20-poly1305', key, chunkNonce(index, index === chunks - 1), {
      authTagLength: TAG,
    });
    // A chunk may span parts; each piece is enciphered where it lies.
    for (let room = CHUNK; room > 0 && part < parts.length;) {
      const from = parts[part]!;
      const piece = from.subarray(offset, offset + room);
      const enciphered = cipher.update(piece);
      at += enciphered.copy(out, at);
      freeMemory(enciphered);
      room -= piece.length;
      offset += piece.length;
      if (offset === from.length) {
        part++;
        offset = 0;
      }
    }
    cipher.final();
    at += cipher.getAuthTag().copy(out, at);
  }
  return out;
}

/** Plaintext of what follows an age header. Throws a plain Error when the bytes are not what was sealed. */
export function openPayload(fileKey: Buffer, payload: Buffer): Buffer {
  const sealedBytes = payload.length - NONCE;
  if (sealedBytes < TAG) throw new Error('the age payload is cut off');
  const key = payloadKey(fileKey, payload.subarray(0, NONCE));
  const chunks = Math.ceil(sealedBytes / (CHUNK + TAG));
  const out = Buffer.allocUnsafeSlow(Math.max(0, sealedBytes - chunks * TAG));
  let from = NONCE;
  let to = 0;
  for (let index = 0; index < chunks; index++) {
    const chunk = payload.subarray(from, from + CHUNK + TAG);
    if (chunk.length < TAG || (chunk.length === TAG && index > 0)) throw new Error('the age payload is cut off');
    const decipher = createDecipheriv('chacha20-poly1305', key, chunkNonce(index, index === chunks - 1), {
      authTagLength: TAG,
    });
    decipher.setAuthTag(chunk.subarray(chunk.length - TAG));
    const opened = decipher.update(chunk.subarray(0, chunk.length - TAG));
    to += opened.copy(out, to);
    freeMemory(opened);
    decipher.final();
    from += chunk.length;
  }
  return out;
}
