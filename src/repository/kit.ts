/** The recovery kit: one folder that restores a backup when nothing but a copy is left. */
import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryError } from '../errors/repository';
import { parseIdentityFile } from './description';
import { KEY_FILES, readDescription, writeNew } from './keys';
import { RESTORE_SCRIPT } from './kit-script';
import type { RepositoryDescription } from './types';

export interface KitRequest {
  /** Folder to make; new or empty. */
  readonly dir: string;
  /** Folder of the keys. */
  readonly keysDir: string;
  /** Identity file to put in; default `offline-identity.txt` where it still is in the keys folder, else `identity.txt`. */
  readonly identityFile?: string;
}

/** Writes identity, script, format and a README. Returns the names of what was written. The folder opens every backup. */
export async function writeKit(request: KitRequest): Promise<readonly string[]> {
  const { dir, keysDir } = request;
  const description = await readDescription(keysDir);
  const identity = await readIdentity(request);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const there = await readdir(dir);
  if (there.length > 0) {
    throw repositoryError('REPO_KEYS_EXIST', 'the folder for the kit is not empty', {
      context: { folder: dir, found: there[0] },
    });
  }
  const files: readonly (readonly [name: string, text: string, mode: number])[] = [
    ['identity.txt', trustingAll(identity, description), 0o600],
    ['repository.json', `${JSON.stringify(description, null, 2)}\n`, 0o600],
    ['restore.sh', RESTORE_SCRIPT, 0o700],
    ['FORMAT.md', await readFile(join(__dirname, '../../src/repository/FORMAT.md'), 'utf8'), 0o600],
    ['README.md', readme(description), 0o600],
  ];
  for (const [name, text, mode] of files) await writeNew(join(dir, name), text, mode);
  return files.map(([name]) => name);
}

async function readIdentity(request: KitRequest): Promise<string> {
  const candidates = request.identityFile
    ? [request.identityFile]
    : [join(request.keysDir, KEY_FILES.offlineIdentity), join(request.keysDir, KEY_FILES.identity)];
  for (const file of candidates) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text !== null) return text;
  }
  throw repositoryError('REPO_KEYS_INVALID', 'there is no identity file to put into the kit', {
    context: { looked: candidates.join(', ') },
    hint: 'name one with --identity; the kit is of no use without it',
  });
}

/** The identity file with every verify key that is trusted today, so that the kit accepts all backups made so far. */
function trustingAll(identity: string, description: RepositoryDescription): string {
  const known = parseIdentityFile(identity).verifyKeys.map((key) => key.toString('base64'));
  const missing = description.verifyKeys.filter((key) => !known.includes(key));
  return [...missing.map((key) => `# holdfast verify key: ${key}\n`), identity].join('');
}

function readme(description: RepositoryDescription): string {
  return `# Recovery kit of a Holdfast repository

Repository \`${description.repositoryId}\`, kit written ${new Date().toISOString()}.

**Whoever has this folder can read every backup of this repository that they can reach.** Keep it offline, in two places.

With this folder and one copy (a folder store, or a bucket downloaded to disk) a backup is restored without Holdfast:

1. Install \`age\`, \`zstd\`, \`openssl\` and the PostgreSQL client tools (the server's major version or newer).
2. Get the copy, for example \`aws s3 sync s3://BUCKET/PREFIX ./copy\` or \`rclone copy remote:BUCKET/PREFIX ./copy\`.
   It is complete when it has \`holdfast.json\` at its top.
3. \`./restore.sh ./copy --list\` shows what it holds.
4. Make an empty database: \`createdb -T template0 NAME\`, with encoding and locale of the original.
5. \`PGHOST=… PGUSER=… PGDATABASE=NAME ./restore.sh ./copy\` checks signature and hashes, writes the files out and
   restores the latest backup; \`./restore.sh --help\` has the rest. \`--globals\` creates the roles first.

Nothing reaches PostgreSQL before the last byte was checked. With Holdfast at hand, \`holdfast recover --store URL
--identity identity.txt --to TARGET\` does the same faster. FORMAT.md describes every byte, should neither work.

Try it once a year: a kit that was never tried is a hope.
`;
}
