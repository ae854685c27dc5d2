/** One segment: named by HMAC of its plaintext, compressed, sealed, stored under SHA-256 of its sealed bytes. */
import { createHmac, timingSafeEqual, webcrypto } from 'node:crypto';
import { constants, createZstdCompress, zstdCompress, zstdDecompress } from 'node:zlib';
import { promisify } from 'node:util';
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { Opener, Sealer } from './age';
import { packOptions, sealPacked } from './seal-work';
import type { SegmentRef } from './types';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Upper bound of a segment's plaintext in any manifest; a larger one is refused before memory is set aside. */
export const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
/** Below 256 KiB the library's own round trips cost a third of the speed. */
const ZSTD_CHUNK = 1024 * 1024;

/** Hex SHA-256, off the main thread. */
export async function sha256Hex(bytes: Buffer): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', asView(bytes))).toString('hex');
}

/** Names plaintexts: hex HMAC-SHA-256 under the repository's id key. */
export interface SegmentNamer {
  /** Off the main thread; costs a copy. For plaintext that is there in one piece. */
  idOf(plain: Buffer): Promise<string>;
  /** On this thread, piece by piece, while the bytes are warm: for plaintext that is still coming. */
  start(): RunningName;
}
export interface RunningName {
  update(bytes: Buffer): void;
  id(): string;
}
export async function createNamer(idKey: Buffer): Promise<SegmentNamer> {
  if (idKey.length !== 32) throw repositoryError('REPO_KEYS_INVALID', 'the id key is not 32 bytes long');
  const key = await webcrypto.subtle.importKey('raw', asView(idKey), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  return {
    idOf: async (plain) => Buffer.from(await webcrypto.subtle.sign('HMAC', key, asView(plain))).toString('hex'),
    start() {
      const hmac = createHmac('sha256', idKey);
      return { update: (bytes) => void hmac.update(bytes), id: () => hmac.digest('hex') };
    },
  };
}

/** The types of WebCrypto exclude shared memory, which our buffers never are. */
function asView(bytes: Buffer): Uint8Array<ArrayBuffer> {
  return bytes as Buffer<ArrayBuffer>;
}

export interface SealContext {
  readonly namer: SegmentNamer;
  readonly sealer: Sealer;
  readonly zstdLevel: number;
  /** Asked with the id before anything is compressed; a ref that comes back is used as it is. */
  readonly lookup?: (id: string) => SegmentRef | undefined;
  /** Called once `plain` is no longer needed, so that its memory can serve the next segment. */
  readonly released?: () => void;
}
export interface SealedSegment {
  readonly ref: SegmentRef;
  /** null when the segment was found again. */
  readonly sealed: Buffer | null;
}

/** Seals one piece of plaintext (not empty), or finds it again. */
export async function sealSegment(plain: Buffer, context: SealContext): Promise<SealedSegment> {
  const id = await context.namer.idOf(plain);
  const known = context.lookup?.(id);
  if (known) {
    context.released?.();
    return { ref: known, sealed: null };
  }
  return sealNamed(id, plain, context);
}

/** As `sealSegment`, when the id is known already. */
export async function sealNamed(
  id: string,
  plain: Buffer,
  context: Omit<SealContext, 'namer' | 'lookup'>,
): Promise<SealedSegment & { readonly sealed: Buffer }> {
  const plainBytes = plain.length;
  const packed = await packWhole(plain, context.zstdLevel);
  context.released?.();
  const { sealed, object } = sealPacked(packed, plainBytes, context.sealer.key);
  return { ref: { id, object, plainBytes, sealedBytes: sealed.length }, sealed };
}

/** One zstd frame, made on a thread of the library's pool. */
function packWhole(plain: Buffer, level: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const zstd = createZstdCompress(packOptions(plain.length, level));
    zstd.on('data', (part: Buffer) => parts.push(part));
    zstd.once('error', reject);
    zstd.once('end', () => resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts)));
    zstd.end(plain);
  });
}

export interface OpenContext {
  readonly namer: SegmentNamer;
  readonly opener: Opener;
}

/**
 * Checks the name before anything is decrypted, bounds the output before anything is unpacked, and compares the id
 * before anything is returned. Throws REPO_SEGMENT_DAMAGED with `context`, or an error about keys.
 */
export async function openSegment(
  sealed: Buffer,
  ref: SegmentRef,
  keys: OpenContext,
  context: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const damaged = (what: string, cause?: unknown) =>
    repositoryError('REPO_SEGMENT_DAMAGED', what, { context: { ...context, object: ref.object }, cause });
  if (sealed.length !== ref.sealedBytes) {
    throw damaged(`the segment has ${sealed.length} bytes, not ${ref.sealedBytes}`);
  }
  if ((await sha256Hex(sealed)) !== ref.object) throw damaged('the segment does not have the hash it is named by');
  let packed: Buffer;
  try {
    packed = await keys.opener.open(sealed);
  } catch (cause) {
    if (isHoldfastError(cause)) throw cause;
    throw damaged('the segment cannot be opened', cause);
  }
  let plain: Buffer;
  try {
    plain = await unpack(packed, ref.plainBytes);
  } catch (cause) {
    throw damaged('the segment does not unpack to the size the manifest states', cause);
  }
  if (plain.length !== ref.plainBytes) {
    throw damaged(`the segment unpacks to ${plain.length} bytes, not ${ref.plainBytes}`);
  }
  const id = await keys.namer.idOf(plain);
  if (!timingSafeEqual(Buffer.from(id), Buffer.from(ref.id))) {
    // Right by name and by seal, so it is a segment of this repository, but not the one that belongs here.
    throw damaged('the segment holds other content than the manifest names');
  }
  return plain;
}

/** zstd with a hard bound on the output: a frame that would grow beyond it is refused, however small it is. */
export async function unpack(packed: Buffer, maxBytes: number, chunkBytes = maxBytes + 64): Promise<Buffer> {
  return decompress(packed, { chunkSize: Math.max(64, chunkBytes), maxOutputLength: Math.max(1, maxBytes) });
}
export async function pack(plain: Buffer, level: number): Promise<Buffer> {
  return compress(plain, { chunkSize: ZSTD_CHUNK, params: { [constants.ZSTD_c_compressionLevel]: level } });
}
