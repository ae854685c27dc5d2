/** Ed25519 signatures as one line of text, `<base64 of the raw public key> <base64 of the signature>`; FORMAT.md has them. */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { repositoryError } from '../errors/repository';

/** Length of `<44 base64 characters of key> <88 of signature>`. */
export const SIGNATURE_CHARS = 44 + 1 + 88;

/** `intro` is signed before `bytes`, so that a signature of anything else never fits. */
export function signatureLine(intro: string, bytes: Buffer, signingKey: string): string {
  const privateKey = signingKeyOf(signingKey);
  const signature = sign(null, Buffer.concat([Buffer.from(intro), bytes]), privateKey);
  return `${rawPublicKey(createPublicKey(privateKey)).toString('base64')} ${signature.toString('base64')}`;
}

export type SignatureFault =
  | { readonly fault: 'malformed' }
  | { readonly fault: 'unknown-signer'; readonly signer: string }
  | { readonly fault: 'forged' };

/** null when the line is a signature of `bytes` by one of `trusted`; never throws, whatever the line is. */
export function signatureFault(
  intro: string,
  bytes: Buffer,
  line: string,
  trusted: readonly Buffer[],
): SignatureFault | null {
  const [keyText = '', signatureText = ''] = line.split(' ');
  const named = Buffer.from(keyText, 'base64');
  const signature = Buffer.from(signatureText, 'base64');
  const wellFormed = line === `${named.toString('base64')} ${signature.toString('base64')}`;
  if (!wellFormed || named.length !== 32 || signature.length !== 64) return { fault: 'malformed' };
  const key = trusted.find((known) => known.equals(named));
  if (!key) return { fault: 'unknown-signer', signer: keyText };
  const message = Buffer.concat([Buffer.from(intro), bytes]);
  return verify(null, message, publicKeyOf(key), signature) ? null : { fault: 'forged' };
}

/** Raw 32 bytes ↔ node:crypto key, by the fixed SPKI prefix of Ed25519. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
export function publicKeyOf(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
}
export function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length);
}
export function signingKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below, without the key's text.
  }
  throw repositoryError('REPO_KEYS_INVALID', 'the signing key is not an Ed25519 key in PKCS#8 PEM');
}
