/** The folder of keys: made once, loaded by every process, never written over. */
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { repositoryError } from '../errors/repository';
import { createSealer } from './age';
import {
  activeRecipients,
  descriptionSchema,
  idKeyCheck,
  idKeyFits,
  newRepositoryId,
  parseIdentityFile,
} from './description';
import { rawPublicKey, signingKeyOf } from './signature';
import type { RepositoryDescription, RepositoryKeys } from './types';

export const KEY_FILES = {
  description: 'repository.json',
  idKey: 'id.key',
  signingKey: 'signing.key',
  identity: 'identity.txt',
  offlineIdentity: 'offline-identity.txt',
} as const;

/**
 * Makes a repository's keys in an empty or new folder: `repository.json` (public), `id.key` and `signing.key` (for
 * processes that back up), `identity.txt` (for those that verify and restore) and `offline-identity.txt`, which is to
 * be moved to a place that no server reaches. Files are 0600, the folder 0700.
 */
export async function initKeys(dir: string): Promise<RepositoryDescription> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const there = await readdir(dir);
  if (there.length > 0) throw repositoryError('REPO_KEYS_EXIST', '', { context: { folder: dir, found: there[0] } });

  const createdAt = new Date().toISOString();
  const idKey = randomBytes(32);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [identity, offline] = await Promise.all([generateX25519Identity(), generateX25519Identity()]);
  const recipient = await identityToRecipient(identity);
  const offlineRecipient = await identityToRecipient(offline);
  const description: RepositoryDescription = {
    format: 1,
    repositoryId: newRepositoryId(),
    revision: 1,
    createdAt,
    recipients: [
      { label: 'verification and restore', recipient, addedAt: createdAt },
      { label: 'offline', recipient: offlineRecipient, addedAt: createdAt },
    ],
    verifyKeys: [rawPublicKey(publicKey).toString('base64')],
    idKeyCheck: idKeyCheck(idKey),
  };
  await writeNew(join(dir, KEY_FILES.idKey), `${idKey.toString('base64')}\n`);
  await writeNew(join(dir, KEY_FILES.signingKey), privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  await writeNew(
    join(dir, KEY_FILES.identity),
    identityText(description, 'verification and restore', identity, recipient),
  );
  await writeNew(join(dir, KEY_FILES.offlineIdentity), identityText(description, 'offline', offline, offlineRecipient));
  // Last: a folder without it was never finished.
  await writeNew(join(dir, KEY_FILES.description), `${JSON.stringify(description, null, 2)}\n`);
  return description;
}

/** An age identity file that also says whose repository it opens and whose signature to trust. */
export function identityText(
  description: RepositoryDescription,
  label: string,
  identity: string,
  recipient: string,
): string {
  return [
    `# Holdfast identity: ${label}`,
    `# holdfast repository: ${description.repositoryId}`,
    ...description.verifyKeys.map((key) => `# holdfast verify key: ${key}`),
    `# public key: ${recipient}`,
    identity,
    '',
  ].join('\n');
}

/** Key material as text, as secret references resolve to. */
export interface KeyTexts {
  /** Content of repository.json. */
  readonly description: string;
  /** Base64 of 32 bytes. */
  readonly idKey: string;
  /** PKCS#8 PEM; absent or null on processes that only read. */
  readonly signingKey?: string | null;
  /** Contents of identity files; empty on workers that only back up. */
  readonly identities?: readonly string[];
}

/** Checks that the parts belong together, and returns what a process holds. */
export function loadKeys(texts: KeyTexts): RepositoryKeys {
  const description = parseDescription(texts.description);
  const idKey = Buffer.from(texts.idKey.trim(), 'base64');
  if (idKey.length !== 32) throw repositoryError('REPO_KEYS_INVALID', 'the id key is not 32 bytes in base64');
  if (!idKeyFits(idKey, description)) throw repositoryError('REPO_ID_KEY_WRONG');
  const signingKey = texts.signingKey ?? null;
  if (signingKey !== null) {
    const own = rawPublicKey(createPublicKey(signingKeyOf(signingKey))).toString('base64');
    if (!description.verifyKeys.includes(own)) {
      throw repositoryError('REPO_KEYS_INVALID', 'the signing key is not one that repository.json trusts');
    }
  }
  const files = (texts.identities ?? []).map(parseIdentityFile);
  for (const file of files) {
    if (file.repositoryId === null || file.repositoryId === description.repositoryId) continue;
    throw repositoryError('REPO_FOREIGN', 'an identity belongs to another repository', {
      context: { found: file.repositoryId, expected: description.repositoryId },
    });
  }
  return {
    repositoryId: description.repositoryId,
    idKey,
    recipients: activeRecipients(description),
    identities: files.flatMap((file) => file.identities),
    signingKey,
    verifyKeys: description.verifyKeys.map((key) => Buffer.from(key, 'base64')),
    description,
  };
}

/** Loads what the folder has: a missing signing key or identity is no error, it only limits what can be done. */
export async function loadKeysFromDir(dir: string): Promise<RepositoryKeys> {
  const text = (name: string) => readFile(join(dir, name), 'utf8');
  // Only what is not there is absent: too few file descriptors, or a folder that may not be read, must not look so.
  const optional = (name: string) =>
    text(name).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? null : missing(dir, name)(error)));
  const [description, idKey, signingKey, identity] = await Promise.all([
    text(KEY_FILES.description).catch(missing(dir, KEY_FILES.description)),
    text(KEY_FILES.idKey).catch(missing(dir, KEY_FILES.idKey)),
    optional(KEY_FILES.signingKey),
    optional(KEY_FILES.identity),
  ]);
  return loadKeys({ description, idKey, signingKey, identities: identity === null ? [] : [identity] });
}
function missing(dir: string, file: string): (cause: unknown) => never {
  return (cause) => {
    throw repositoryError('REPO_KEYS_INVALID', 'a key file cannot be read', { context: { folder: dir, file }, cause });
  };
}

function parseDescription(text: string): RepositoryDescription {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw repositoryError('REPO_KEYS_INVALID', 'repository.json is not JSON', { cause });
  }
  const result = descriptionSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw repositoryError(
    'REPO_KEYS_INVALID',
    `repository.json is not well formed at ${issue.path.join('.')}: ${issue.message}`,
  );
}

/** Reads repository.json from a keys folder, or from the file itself. */
export async function readDescription(path: string): Promise<RepositoryDescription> {
  const file = (await stat(path).catch(missing(path, KEY_FILES.description))).isDirectory()
    ? join(path, KEY_FILES.description)
    : path;
  return parseDescription(await readFile(file, 'utf8').catch(missing(path, KEY_FILES.description)));
}

/** Recipients and verify keys with their labels, for `holdfast keys list`. */
export async function listKeys(dir: string): Promise<
  RepositoryDescription & {
    /** Key files that are in the folder now. */
    readonly present: readonly string[];
  }
> {
  const description = await readDescription(dir);
  const there = new Set(await readdir(dir));
  return { ...description, present: Object.values(KEY_FILES).filter((name) => there.has(name)) };
}

/**
 * Adds a recipient for new runs; what is stored already stays as it is, and the next backup reuses nothing that the new
 * recipient could not open. Without `recipient` a new identity is made and returned, once: it is not kept in the folder.
 * Stores learn of it by `ensureRepository`, because the revision grows.
 */
export async function addRecipient(
  dir: string,
  options: { readonly label: string; readonly recipient?: string },
): Promise<{ readonly description: RepositoryDescription; readonly identityFile: string | null }> {
  const before = await readDescription(dir);
  const identity = options.recipient === undefined ? await generateX25519Identity() : null;
  const recipient = identity === null ? options.recipient! : await identityToRecipient(identity);
  await createSealer([recipient]);
  if (before.recipients.some((known) => known.recipient === recipient)) {
    throw repositoryError('REPO_KEYS_EXIST', 'this recipient is there already', { context: { recipient } });
  }
  const entry = { label: options.label, recipient, addedAt: new Date().toISOString() };
  const description = await replaceDescription(dir, { ...before, recipients: [...before.recipients, entry] });
  const identityFile = identity === null ? null : identityText(description, options.label, identity, recipient);
  return { description, identityFile };
}

/** Stops sealing new runs to this recipient. What was sealed to it stays readable to whoever has its identity. */
export async function retireRecipient(dir: string, recipient: string): Promise<RepositoryDescription> {
  const before = await readDescription(dir);
  if (!activeRecipients(before).includes(recipient)) {
    throw repositoryError('REPO_KEYS_INVALID', 'there is no such recipient', { context: { recipient } });
  }
  if (activeRecipients(before).length === 1) {
    throw repositoryError('REPO_KEYS_INVALID', 'the last recipient cannot be retired', { context: { recipient } });
  }
  const retiredAt = new Date().toISOString();
  const recipients = before.recipients.map((entry) =>
    entry.recipient === recipient ? { ...entry, retiredAt } : entry,
  );
  return replaceDescription(dir, { ...before, recipients });
}

async function replaceDescription(dir: string, next: RepositoryDescription): Promise<RepositoryDescription> {
  const description = descriptionSchema.parse({ ...next, revision: next.revision + 1 });
  const file = join(dir, KEY_FILES.description);
  const temporary = `${file}.${process.pid}.new`;
  await writeNew(temporary, `${JSON.stringify(description, null, 2)}\n`);
  await rename(temporary, file);
  return description;
}

/** Creates the file with mode 0600 and makes it durable; never replaces one. */
export async function writeNew(path: string, text: string, mode = 0o600): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
