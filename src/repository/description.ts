/**
 * `holdfast.json` at the top of every store: whose repository this is, who can open it, who signs, and the id key sealed
 * to the recipients, so that one store and one identity are enough to read it.
 */
import { createHmac, randomUUID, sign, timingSafeEqual, verify } from 'node:crypto';
import { z } from 'zod';
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { ObjectStore } from '../storage/object-store';
import { createOpener, createSealer } from './age';
import { DESCRIPTION_KEY } from './layout';
import { publicKeyOf, signingKeyOf } from './signature';
import type { RepositoryDescription, RepositoryKeys } from './types';

const MAX_BYTES = 1024 * 1024;
const SIGNED_INTRO = 'holdfast-description 1\n';

const base64 = (bytes: number) =>
  z.string().refine((text) => Buffer.from(text, 'base64').length === bytes, { error: `not ${bytes} bytes in base64` });
export const descriptionSchema = z.strictObject({
  format: z.literal(1),
  repositoryId: z.uuid(),
  revision: z.int().min(1),
  createdAt: z.iso.datetime(),
  recipients: z
    .array(
      z.strictObject({
        label: z.string().min(1).max(100),
        recipient: z.string().startsWith('age1').max(4096),
        addedAt: z.iso.datetime(),
        retiredAt: z.iso.datetime().optional(),
      }),
    )
    .min(1)
    .max(64),
  verifyKeys: z.array(base64(32)).min(1).max(64),
  idKeyCheck: z.string().regex(/^[0-9a-f]{64}$/),
});
const storedSchema = z.strictObject({
  holdfast: descriptionSchema,
  /** The id key as an age file, in base64. */
  sealedIdKey: z.string().max(65_536),
  signature: z.strictObject({ key: base64(32), value: base64(64) }),
});
type Stored = z.output<typeof storedSchema>;

export function idKeyCheck(idKey: Buffer): string {
  return createHmac('sha256', idKey).update('holdfast id key check').digest('hex');
}
export function idKeyFits(idKey: Buffer, description: RepositoryDescription): boolean {
  return timingSafeEqual(Buffer.from(idKeyCheck(idKey)), Buffer.from(description.idKeyCheck));
}
/** The recipients that new runs seal to. */
export function activeRecipients(description: RepositoryDescription): string[] {
  return description.recipients.filter((entry) => !entry.retiredAt).map((entry) => entry.recipient);
}
export function newRepositoryId(): string {
  return randomUUID();
}

/** What is signed: both parts, in this form. */
function signedText(stored: Pick<Stored, 'holdfast' | 'sealedIdKey'>): Buffer {
  return Buffer.from(`${SIGNED_INTRO}${JSON.stringify([stored.holdfast, stored.sealedIdKey])}`);
}

/** The bytes of `holdfast.json` as these keys would have it; needs the signing key. */
export async function makeStored(keys: RepositoryKeys): Promise<Buffer> {
  if (!keys.signingKey) throw repositoryError('REPO_SIGNING_KEY_ABSENT');
  if (!keys.description) throw repositoryError('REPO_KEYS_INVALID', 'repository.json is not loaded');
  const sealer = await createSealer(keys.description.recipients.map((entry) => entry.recipient));
  const parts = {
    holdfast: descriptionSchema.parse(keys.description),
    sealedIdKey: sealer.seal([keys.idKey]).toString('base64'),
  };
  const value = sign(null, signedText(parts), signingKeyOf(keys.signingKey)).toString('base64');
  const signature = { key: keys.description.verifyKeys[0]!, value };
  return Buffer.from(`${JSON.stringify({ ...parts, signature }, null, 2)}\n`);
}

/** `holdfast.json` of this store in its right shape, or null; its signature is not checked yet. */
export async function readStored(store: ObjectStore, signal?: AbortSignal): Promise<Stored | null> {
  let bytes: Buffer;
  try {
    bytes = await store.get(DESCRIPTION_KEY, { signal });
  } catch (error) {
    if (isHoldfastError(error, 'STORE_OBJECT_MISSING')) return null;
    throw error;
  }
  const context = { store: store.name };
  let value: unknown;
  try {
    if (bytes.length > MAX_BYTES) throw new Error('too large');
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw repositoryError('REPO_DESCRIPTION_DAMAGED', 'holdfast.json is not JSON', { context, cause });
  }
  const format = (value as { holdfast?: { format?: unknown } } | null)?.holdfast?.format;
  if (typeof format === 'number' && format > 1) {
    throw repositoryError('REPO_FORMAT_UNKNOWN', `the repository has format ${format}`, { context });
  }
  const result = storedSchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw repositoryError('REPO_DESCRIPTION_DAMAGED', `${issue.path.join('.')}: ${issue.message}`, { context });
  }
  return result.data;
}

function checkSignature(stored: Stored, trusted: readonly Buffer[], store: ObjectStore): void {
  const context = { store: store.name, signer: stored.signature.key };
  const key = trusted.find((known) => known.equals(Buffer.from(stored.signature.key, 'base64')));
  if (!key)
    throw repositoryError('REPO_SIGNER_UNKNOWN', 'holdfast.json is signed by a key that is not trusted here', {
      context,
    });
  if (!verify(null, signedText(stored), publicKeyOf(key), Buffer.from(stored.signature.value, 'base64'))) {
    throw repositoryError('REPO_DESCRIPTION_DAMAGED', 'the signature of holdfast.json does not fit', { context });
  }
}

/** What a lone identity file says: identities, and in comments the repository id and the trusted verify keys. */
export interface IdentityFile {
  readonly identities: readonly string[];
  readonly repositoryId: string | null;
  readonly verifyKeys: readonly Buffer[];
}
export function parseIdentityFile(text: string): IdentityFile {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (identities.length === 0 || identities.some((line) => !line.startsWith('AGE-SECRET-KEY-'))) {
    throw repositoryError('REPO_KEYS_INVALID', 'this is not an age identity file');
  }
  const comments = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`# ${name}:`) ? [line.slice(name.length + 3).trim()] : []));
  const verifyKeys = comments('holdfast verify key').map((key) => Buffer.from(key, 'base64'));
  if (verifyKeys.some((key) => key.length !== 32)) {
    throw repositoryError('REPO_KEYS_INVALID', 'the identity file names a verify key that is none');
  }
  return { identities, repositoryId: comments('holdfast repository')[0] ?? null, verifyKeys };
}

/**
 * Keys for reading, from one store and one identity file. The identity file says whose signature is trusted; a plain age
 * identity without that is refused unless `trustStore`, which takes the store's own word for it.
 */
export async function keysFromStore(
  store: ObjectStore,
  identityFileText: string,
  options: { readonly trustStore?: boolean; readonly signal?: AbortSignal } = {},
): Promise<RepositoryKeys> {
  const file = parseIdentityFile(identityFileText);
  const stored = await readStored(store, options.signal);
  const context = { store: store.name };
  if (!stored) throw repositoryError('REPO_NOT_INITIALISED', '', { context });
  const description = stored.holdfast;
  if (file.repositoryId !== null && file.repositoryId !== description.repositoryId) {
    throw repositoryError('REPO_FOREIGN', 'the identity belongs to another repository', {
      context: { ...context, found: description.repositoryId, expected: file.repositoryId },
    });
  }
  const listed = description.verifyKeys.map((key) => Buffer.from(key, 'base64'));
  if (file.verifyKeys.length === 0 && !options.trustStore) {
    throw repositoryError('REPO_KEYS_INVALID', 'the identity file does not say whose signature to trust', {
      context,
      hint: 'use the identity file as holdfast wrote it, or accept the keys that the store itself names (--trust-store)',
    });
  }
  checkSignature(stored, file.verifyKeys.length > 0 ? file.verifyKeys : listed, store);
  let idKey: Buffer;
  try {
    idKey = await createOpener(file.identities).open(Buffer.from(stored.sealedIdKey, 'base64'));
  } catch (cause) {
    if (isHoldfastError(cause)) throw cause;
    throw repositoryError('REPO_DESCRIPTION_DAMAGED', 'the sealed id key cannot be opened', { context, cause });
  }
  if (idKey.length !== 32 || !idKeyFits(idKey, description)) {
    throw repositoryError('REPO_DESCRIPTION_DAMAGED', 'the sealed id key is not the one described', { context });
  }
  return {
    repositoryId: description.repositoryId,
    idKey,
    recipients: activeRecipients(description),
    identities: file.identities,
    signingKey: null,
    // Signed by a trusted key, so the keys it lists are trusted too: rotation keeps old backups readable.
    verifyKeys: listed,
    description,
  };
}
