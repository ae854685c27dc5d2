/**
 * Sealing and opening in the age v1 format (age-encryption.org/v1), so that `age -d` opens every object.
 *
 * `age-encryption` makes and opens headers. The payload (ChaCha20-Poly1305 STREAM, 64 KiB chunks) is done by node:crypto,
 * an order of magnitude faster. One sealer has one file key and one header; each payload has its own random 16-byte
 * nonce, from which HKDF derives the payload key, so no two payloads share a key stream. What the shared file key gives
 * up: whoever is handed it can open all that this sealer sealed. It never leaves the process and lives for one attempt.
 */
import { createHash } from 'node:crypto';
import { Decrypter, Encrypter, type Recipient } from 'age-encryption';
import { repositoryError } from '../errors/repository';
import { NONCE, openPayload, sealPayload, TAG, type SealingKey } from './age-payload';

const INTRO = 'age-encryption.org/v1\n';
/** Headers of a few recipients take a kilobyte; a longer one is not ours and not worth parsing. */
const MAX_HEADER = 64 * 1024;

export interface Sealer {
  /** For sealing elsewhere in this process. Never leaves it. */
  readonly key: SealingKey;
  /** Bytes of the whole age file: header, nonce and sealed chunks of all `parts`, one after another. */
  seal(parts: readonly Buffer[]): Buffer;
}

export async function createSealer(recipients: readonly string[]): Promise<Sealer> {
  if (recipients.length === 0) throw repositoryError('REPO_KEYS_INVALID', 'there is no recipient to seal to');
  let fileKey: Buffer | null = null;
  const capture: Recipient = {
    wrapFileKey(key) {
      fileKey = Buffer.from(key);
      return [];
    },
  };
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw repositoryError('REPO_KEYS_INVALID', 'not an age recipient', { context: { recipient }, cause });
    }
  }
  encrypter.addRecipient(capture);
  const empty = Buffer.from(await encrypter.encrypt(new Uint8Array()));
  const header = Buffer.from(empty.subarray(0, empty.length - NONCE - TAG));
  const key = { header, fileKey: fileKey! };
  return { key, seal: (parts) => sealPayload(key, parts) };
}

export interface Opener {
  /**
   * Plaintext of a whole age file. Throws REPO_IDENTITY_ABSENT or REPO_IDENTITY_WRONG when the keys are at fault,
   * and a plain Error when the bytes are; callers know which copy to name.
   */
  open(sealed: Buffer): Promise<Buffer>;
  /** For opening elsewhere in this process: the key of a header that was unwrapped before; null for any other. */
  known(sealed: Buffer): { readonly headerBytes: number; readonly fileKey: Buffer } | null;
}

/** Unwraps each distinct header once; a backup has as many as it had attempts, plus those it reuses from. */
export function createOpener(identities: readonly string[], cacheSize = 256): Opener {
  const fileKeys = new Map<string, Promise<Buffer>>();
  const unwrapped = new WeakMap<Promise<Buffer>, Buffer>();
  const decrypter = new Decrypter();
  for (const identity of identities) {
    try {
      decrypter.addIdentity(identity);
    } catch (cause) {
      throw repositoryError('REPO_KEYS_INVALID', 'not an age identity', { cause });
    }
  }
  const unwrap = async (header: Buffer): Promise<Buffer> => {
    if (identities.length === 0) throw repositoryError('REPO_IDENTITY_ABSENT');
    try {
      return Buffer.from(await decrypter.decryptHeader(header));
    } catch (cause) {
      if (cause instanceof Error && cause.message.startsWith('no identity matched')) {
        throw repositoryError('REPO_IDENTITY_WRONG', '', { cause });
      }
      throw cause;
    }
  };
  const fileKeyOf = (header: Buffer): Promise<Buffer> => {
    const name = nameOf(header);
    let key = fileKeys.get(name);
    if (!key) {
      const unwrapping = unwrap(header);
      key = unwrapping;
      if (fileKeys.size >= cacheSize) fileKeys.delete(fileKeys.keys().next().value!);
      fileKeys.set(name, key);
      key.then(
        (fileKey) => unwrapped.set(unwrapping, fileKey),
        () => fileKeys.delete(name),
      );
    }
    return key;
  };
  return {
    async open(sealed) {
      const end = headerEnd(sealed);
      const fileKey = await fileKeyOf(sealed.subarray(0, end));
      return openPayload(fileKey, sealed.subarray(end));
    },
    known(sealed) {
      const headerBytes = findHeaderEnd(sealed);
      if (headerBytes === null) return null;
      const unwrapping = fileKeys.get(nameOf(sealed.subarray(0, headerBytes)));
      const fileKey = unwrapping && unwrapped.get(unwrapping);
      return fileKey ? { headerBytes, fileKey } : null;
    },
  };
}

function nameOf(header: Buffer): string {
  return createHash('sha256').update(header).digest('base64');
}

function headerEnd(sealed: Buffer): number {
  if (!sealed.subarray(0, INTRO.length).equals(Buffer.from(INTRO))) throw new Error('not an age file');
  const end = findHeaderEnd(sealed);
  if (end === null) throw new Error('the age header has no end');
  return end;
}

function findHeaderEnd(sealed: Buffer): number | null {
  const head = sealed.subarray(0, MAX_HEADER);
  const mac = head.indexOf('\n--- ');
  const end = mac < 0 ? -1 : head.indexOf('\n', mac + 1);
  return end < 0 || !head.subarray(0, INTRO.length).equals(Buffer.from(INTRO)) ? null : end + 1;
}
