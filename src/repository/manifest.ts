/**
 * The manifest as one object: a line that says what follows, the inventory (one line of JSON), its signature, and the
 * sealed body. `head`, `tail`, `sha256sum`, `age` and `zstd` take it apart; FORMAT.md has the bytes.
 */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import type { Opener, Sealer } from './age';
import { bodyFault, bodySchema, inventoryFault, inventorySchema, summaryFault } from './manifest-schema';
import { planText } from './plan-text';
import { pack, unpack } from './segment';
import { SIGNATURE_CHARS, signatureFault, signatureLine } from './signature';
import type { Inventory, Manifest, ManifestBody, RepositoryKeys } from './types';

/** 256 MiB of inventory is 20 TB of backup at the default segment size. */
const MAX_PART = 256 * 1024 * 1024;
const UNPACK_CHUNK = 1024 * 1024;
const INTRO = /^holdfast-manifest (\d{1,9}) (\d{1,10}) (\d{1,10})$/;
const MAX_INTRO = 64;
/** With its newline. */
const SIGNATURE_LINE = SIGNATURE_CHARS + 1;
/** What is signed is this line and the inventory's bytes, so that a signature of anything else never fits. */
const SIGNED_INTRO = 'holdfast-inventory 1\n';

export interface ParsedManifest {
  readonly inventory: Inventory;
  /** The whole object, as stored. */
  readonly bytes: Buffer;
  /** Sealed body, its hash already checked against the inventory. */
  readonly sealedBody: Buffer;
}

/** What a caller expects under a key; whatever names something else is refused. `store` is for messages. */
export interface ManifestPlace {
  readonly database: string;
  readonly backupId: string;
  readonly store?: string;
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

const INVENTORY_KEYS: readonly (keyof Inventory)[] = [
  'format',
  'repositoryId',
  'database',
  'backupId',
  'engine',
  'type',
  'basedOn',
  'startedAt',
  'completedAt',
  'segmentBytes',
  'recipients',
  'segments',
  'rows',
  'plainBytes',
  'sealedBytes',
  'bodyHash',
];
/** The one way to write an inventory: keys in this order, no white space. `bodyHash` stands last, or not at all. */
function inventoryLine(inventory: Omit<Inventory, 'bodyHash'> & { readonly bodyHash?: string }): string {
  const segments = inventory.segments.map(({ id, object, plainBytes, sealedBytes }) => {
    return { id, object, plainBytes, sealedBytes };
  });
  const ordered = { ...inventory, segments };
  return JSON.stringify(Object.fromEntries(INVENTORY_KEYS.map((key) => [key, ordered[key]])));
}

/** Makes the object. The body gets the inventory's hash, then the inventory the sealed body's, then it is signed. */
export async function buildManifest(
  draft: Omit<Inventory, 'bodyHash'>,
  content: Pick<ManifestBody, 'summary' | 'files'>,
  keys: RepositoryKeys,
  sealer: Sealer,
): Promise<ParsedManifest> {
  if (!keys.signingKey) throw repositoryError('REPO_SIGNING_KEY_ABSENT');
  const mismatch = summaryFault(content);
  const context = { database: draft.database, backup: draft.backupId };
  if (mismatch) throw repositoryError('REPO_SUMMARY_MISMATCH', mismatch, { context });
  const body: ManifestBody = {
    format: 1,
    backupId: draft.backupId,
    inventoryHash: sha256(inventoryLine({ ...draft, bodyHash: undefined })),
    summary: content.summary,
    files: content.files,
  };
  const text = Buffer.from(`${JSON.stringify(body)}\n${planText(body)}`);
  const sealedBody = sealer.seal([await pack(text, 3)]);
  const inventory: Inventory = { ...draft, bodyHash: sha256(sealedBody) };
  const line = inventoryLine(inventory);
  const signed = Buffer.from(line);
  const signature = signatureLine(SIGNED_INTRO, signed, keys.signingKey);
  const signer = Buffer.from(signature.split(' ')[0]!, 'base64');
  const bytes = Buffer.concat([
    Buffer.from(`holdfast-manifest 1 ${signed.length} ${sealedBody.length}\n`),
    signed,
    Buffer.from(`\n${signature}\n`),
    sealedBody,
  ]);
  // Read back as a stranger would, with every check: what we could not read must never be committed.
  const parsed = parseManifest(bytes, { ...keys, verifyKeys: [signer] }, draft);
  const fault = bodyFault(checkedBody(text, MAX_PART), inventory);
  if (fault) throw repositoryError('REPO_SUMMARY_MISMATCH', fault, { context });
  return parsed;
}

/** How long the object is by its own first line; no more than that line itself where it is none, or absurd. */
export function statedManifestBytes(head: Buffer): number {
  const introEnd = head.subarray(0, MAX_INTRO).indexOf(10);
  const intro = introEnd < 0 ? null : INTRO.exec(head.toString('latin1', 0, introEnd));
  const [inventoryBytes, bodyBytes] = [Number(intro?.[2]), Number(intro?.[3])];
  if (!intro || inventoryBytes > MAX_PART || bodyBytes > MAX_PART) return MAX_INTRO;
  return introEnd + 1 + inventoryBytes + 1 + SIGNATURE_LINE + bodyBytes;
}

/**
 * Takes an object apart and authenticates all of it but the seal: framing, signature by a trusted key, shape, sums, the
 * hash of the body, and that it is the backup that `place` asks for. Needs no identity.
 */
export function parseManifest(
  bytes: Buffer,
  keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>,
  place: ManifestPlace,
): ParsedManifest {
  const context = { store: place.store, database: place.database, backup: place.backupId };
  const damaged = (what: string, cause?: unknown) => repositoryError('REPO_MANIFEST_DAMAGED', what, { context, cause });

  const introEnd = bytes.subarray(0, MAX_INTRO).indexOf(10);
  const intro = introEnd < 0 ? null : INTRO.exec(bytes.toString('latin1', 0, introEnd));
  if (!intro) throw damaged('the object does not begin like a manifest');
  if (intro[1] !== '1') {
    throw repositoryError('REPO_FORMAT_UNKNOWN', `the manifest has format ${intro[1]}`, { context });
  }
  const inventoryBytes = Number(intro[2]);
  const bodyBytes = Number(intro[3]);
  if (inventoryBytes > MAX_PART || bodyBytes > MAX_PART) throw damaged('the manifest states an absurd size');
  if (bytes.length !== introEnd + 1 + inventoryBytes + 1 + SIGNATURE_LINE + bodyBytes) {
    throw damaged('the manifest is cut off, or longer than it states');
  }
  const signed = bytes.subarray(introEnd + 1, introEnd + 1 + inventoryBytes);
  const signatureAt = introEnd + 1 + inventoryBytes + 1;
  const sealedBody = bytes.subarray(signatureAt + SIGNATURE_LINE);
  if (bytes[signatureAt - 1] !== 10 || bytes[signatureAt + SIGNATURE_LINE - 1] !== 10) {
    throw damaged('the lines of the manifest do not end where it states');
  }
  checkSignature(signed, bytes.toString('latin1', signatureAt, signatureAt + SIGNATURE_LINE - 1), keys, context);

  const inventory: Inventory = checkedShape(signed.toString('utf8'), inventorySchema, damaged);
  if (!Buffer.from(inventoryLine(inventory)).equals(signed)) throw damaged('the inventory is not in its one true form');
  const fault = inventoryFault(inventory);
  if (fault) throw damaged(fault);
  if (inventory.database !== place.database || inventory.backupId !== place.backupId) {
    throw repositoryError('REPO_MANIFEST_MISPLACED', '', {
      context: { ...context, found: `${inventory.database}/${inventory.backupId}` },
    });
  }
  if (inventory.repositoryId !== keys.repositoryId) {
    throw repositoryError('REPO_FOREIGN', 'the manifest belongs to another repository', { context });
  }
  if (sha256(sealedBody) !== inventory.bodyHash) throw damaged('the body does not have the hash the inventory states');
  return { inventory, bytes, sealedBody };
}

/** Opens the body and checks it against its inventory. */
export async function openManifest(parsed: ParsedManifest, opener: Opener, store?: string): Promise<Manifest> {
  const { inventory } = parsed;
  const context = { store, database: inventory.database, backup: inventory.backupId };
  const damaged = (what: string, cause?: unknown) => repositoryError('REPO_MANIFEST_DAMAGED', what, { context, cause });
  let body: ManifestBody;
  try {
    body = checkedBody(await unpack(await opener.open(parsed.sealedBody), MAX_PART, UNPACK_CHUNK), MAX_PART, damaged);
  } catch (cause) {
    if (isHoldfastError(cause)) throw cause;
    throw damaged('the body cannot be opened', cause);
  }
  const unbound = { ...inventory, bodyHash: undefined };
  if (body.backupId !== inventory.backupId || body.inventoryHash !== sha256(inventoryLine(unbound))) {
    throw damaged('inventory and body belong to different backups');
  }
  const fault = bodyFault(body, inventory);
  if (fault) throw damaged(fault);
  return { inventory, body };
}

/** The body is its JSON, a newline, and the recovery plan, which only the stand-alone script reads. */
function checkedBody(text: Buffer, maxBytes: number, damaged?: (what: string, cause?: unknown) => Error): ManifestBody {
  const fail = damaged ?? ((what: string) => new Error(what));
  const end = text.indexOf(10);
  if (end < 0 || text.length > maxBytes) throw fail('the body has no end');
  return checkedShape(text.toString('utf8', 0, end), bodySchema, fail) as ManifestBody;
}

function checkedShape<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  damaged: (what: string, cause?: unknown) => Error,
): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged('the manifest is not JSON where it should be', cause);
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw damaged(`the manifest is not well formed at ${issue.path.join('.')}: ${issue.message}`);
  }
  return result.data;
}

function checkSignature(
  signed: Buffer,
  line: string,
  keys: Pick<RepositoryKeys, 'verifyKeys'>,
  context: Readonly<Record<string, string | undefined>>,
): void {
  const found = signatureFault(SIGNED_INTRO, signed, line, keys.verifyKeys);
  if (!found) return;
  switch (found.fault) {
    case 'malformed':
      throw repositoryError('REPO_MANIFEST_DAMAGED', 'the signature line is not well formed', { context });
    case 'unknown-signer':
      throw repositoryError('REPO_SIGNER_UNKNOWN', '', { context: { ...context, signer: found.signer } });
    case 'forged':
      throw repositoryError('REPO_MANIFEST_FORGED', '', { context });
  }
}
