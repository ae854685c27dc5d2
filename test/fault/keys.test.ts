/** Fault 21: wrong, absent and rotated keys give clear errors; old backups open with old identities; the drill works. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { keysFromStore } from '../../src/repository/description';
import { ensureRepository, publishRepository } from '../../src/repository/ensure';
import {
  addRecipient,
  initKeys,
  listKeys,
  loadKeys,
  loadKeysFromDir,
  retireRecipient,
  type KeyTexts,
} from '../../src/repository/keys';
import { DESCRIPTION_KEY } from '../../src/repository/layout';
import { openBackup, readInventory } from '../../src/repository/reader';
import type { RepositoryKeys } from '../../src/repository/types';
import { createBackupWriter } from '../../src/repository/writer';
import type { ObjectStore } from '../../src/storage/object-store';
import { folderStore } from '../support/format-world';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writerOptions } from '../support/repository';
import { tempFolder, type TempFolder } from '../support/temp';

const CONTENT = { 'schema.dump': noise(3000), 'data/1/0.copy': noise(2000, 2) };
const LATER_ID = '20261122T092530Z-incremental-5e6f7a8b';

let temp: TempFolder;
let count = 0;
beforeAll(async () => {
  temp = await tempFolder('keys');
});
afterAll(() => temp?.remove());

interface World {
  readonly dir: string;
  readonly storeDir: string;
  readonly store: ObjectStore;
  readonly keys: RepositoryKeys;
}
async function world(): Promise<World> {
  const dir = join(temp.path, `keys-${++count}`);
  const storeDir = join(temp.path, `store-${count}`);
  await initKeys(dir);
  const keys = await loadKeysFromDir(dir);
  const store = folderStore(storeDir);
  await ensureRepository(store, keys);
  await writeBackup(writerOptions(keys, [store]), CONTENT);
  return { dir, storeDir, store, keys };
}
const text = (dir: string, name: string) => readFileSync(join(dir, name), 'utf8');
const texts = (dir: string, changes: Partial<KeyTexts> = {}): KeyTexts => ({
  description: text(dir, 'repository.json'),
  idKey: text(dir, 'id.key'),
  signingKey: text(dir, 'signing.key'),
  identities: [text(dir, 'identity.txt')],
  ...changes,
});
async function readWith(store: ObjectStore, keys: RepositoryKeys, backupId = BACKUP_ID): Promise<void> {
  const reader = await openBackup({ store, database: 'orders', backupId, keys });
  for (const [path, bytes] of Object.entries(CONTENT)) {
    expect((await readAll(reader.readFile(path))).equals(bytes)).toBe(true);
  }
}

describe('making keys', () => {
  it('gives files that nobody else may read, in a folder that nobody else may enter', async () => {
    const { dir } = await world();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir).sort()).toEqual([
      'id.key',
      'identity.txt',
      'offline-identity.txt',
      'repository.json',
      'signing.key',
    ]);
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    expect((await listKeys(dir)).recipients.map((entry) => entry.label)).toEqual([
      'verification and restore',
      'offline',
    ]);
  });

  it('never writes over keys that are there', async () => {
    const { dir } = await world();
    await expect(initKeys(dir)).rejects.toMatchObject({ code: 'REPO_KEYS_EXIST' });
    await loadKeysFromDir(dir);
  });
});

describe('a wrong or absent key', () => {
  it('is told at once when parts of two repositories are mixed', async () => {
    const [a, b] = [await world(), await world()];
    const cases: [Partial<KeyTexts>, string][] = [
      [{ idKey: text(b.dir, 'id.key') }, 'REPO_ID_KEY_WRONG'],
      [{ signingKey: text(b.dir, 'signing.key') }, 'REPO_KEYS_INVALID'],
      [{ identities: [text(b.dir, 'identity.txt')] }, 'REPO_FOREIGN'],
      [{ idKey: 'AAAA' }, 'REPO_KEYS_INVALID'],
      [{ signingKey: 'nonsense' }, 'REPO_KEYS_INVALID'],
      [{ identities: ['nonsense'] }, 'REPO_KEYS_INVALID'],
      [{ description: '{}' }, 'REPO_KEYS_INVALID'],
      [{ description: 'nonsense' }, 'REPO_KEYS_INVALID'],
    ];
    for (const [changes, code] of cases) {
      expect(() => loadKeys(texts(a.dir, changes))).toThrow(expect.objectContaining({ code }));
    }
    rmSync(join(a.dir, 'id.key'));
    await expect(loadKeysFromDir(a.dir)).rejects.toMatchObject({
      code: 'REPO_KEYS_INVALID',
      context: { file: 'id.key' },
    });
  });

  it('that cannot be read is not taken for one that is absent', async () => {
    for (const file of ['identity.txt', 'signing.key']) {
      const { dir } = await world();
      rmSync(join(dir, file));
      await loadKeysFromDir(dir);
      // As any other error of a read: too few file descriptors, no right to read.
      mkdirSync(join(dir, file));
      await expect(loadKeysFromDir(dir)).rejects.toMatchObject({ code: 'REPO_KEYS_INVALID', context: { file } });
    }
  });

  it('never stands in an error', async () => {
    const { dir } = await world();
    const secret = text(dir, 'signing.key').split('\n')[1]!;
    const broken = text(dir, 'signing.key').replace('BEGIN PRIVATE KEY', 'BEGIN KEY');
    const error = (() => {
      try {
        loadKeys(texts(dir, { signingKey: broken, identities: [`AGE-SECRET-KEY-1${'Q'.repeat(58)}`] }));
        return null;
      } catch (caught) {
        return caught as Error;
      }
    })();
    expect(error).not.toBeNull();
    expect(`${error!.message} ${String(error!.cause)} ${error!.stack}`).not.toContain(secret);
  });

  it('leaves a process without identities able to back up, list and check, and unable to open', async () => {
    const { dir, store } = await world();
    const keys = loadKeys(texts(dir, { identities: [] }));
    const { result } = await writeBackup(
      writerOptions(keys, [store], { backupId: LATER_ID, type: 'incremental' }),
      CONTENT,
    );
    expect(await readInventory(store, 'orders', LATER_ID, keys)).toEqual(result.inventory);
    await expect(readWith(store, keys)).rejects.toMatchObject({ code: 'REPO_IDENTITY_ABSENT', fault: 'environment' });
  });

  it('leaves a process without the signing key unable to write', async () => {
    const { dir, store } = await world();
    const keys = loadKeys(texts(dir, { signingKey: null }));
    await expect(createBackupWriter(writerOptions(keys, [store]))).rejects.toMatchObject({
      code: 'REPO_SIGNING_KEY_ABSENT',
    });
    await readWith(store, keys);
  });

  it('says that none of the identities fits', async () => {
    const { store, keys } = await world();
    const stranger = { ...keys, identities: [await generateX25519Identity()] };
    await expect(readWith(store, stranger)).rejects.toMatchObject({
      code: 'REPO_IDENTITY_WRONG',
      fault: 'environment',
    });
  });

  it('says whose the store is when it is another repository', async () => {
    const { store, keys } = await world();
    const other = await makeKeys();
    await expect(ensureRepository(store, other)).rejects.toMatchObject({
      code: 'REPO_FOREIGN',
      context: { found: keys.repositoryId, expected: other.repositoryId },
    });
  });
});

describe('rotation', () => {
  it('seals new runs to the new recipient, reuses nothing that it could not open, and keeps old backups open', async () => {
    const { dir, store, keys } = await world();
    const base = { inventory: await readInventory(store, 'orders', BACKUP_ID, keys), stores: [store.name] };
    const old = base.inventory.recipients[0]!;
    const added = await addRecipient(dir, { label: 'restore 2027' });
    await retireRecipient(dir, old);
    const rotated = await loadKeysFromDir(dir);
    expect(rotated.recipients).not.toContain(old);
    expect(await ensureRepository(store, rotated)).toBe('updated');
    const options = writerOptions(rotated, [store], { backupId: LATER_ID, type: 'incremental', base });
    const { writer } = await writeBackup(options, CONTENT);
    expect(writer.counters.reusedBytes).toBe(0);

    const withOld = await keysFromStore(store, text(dir, 'identity.txt'));
    const withNew = await keysFromStore(store, added.identityFile!);
    await readWith(store, withOld);
    await expect(readWith(store, withOld, LATER_ID)).rejects.toMatchObject({ code: 'REPO_IDENTITY_WRONG' });
    await readWith(store, withNew, LATER_ID);
    await expect(readWith(store, withNew)).rejects.toMatchObject({ code: 'REPO_IDENTITY_WRONG' });
  });

  it('accepts a recipient that was made elsewhere, and refuses nonsense and doubles', async () => {
    const { dir, keys } = await world();
    const recipient = await identityToRecipient(await generateX25519Identity());
    expect((await addRecipient(dir, { label: 'vault', recipient })).identityFile).toBeNull();
    await expect(addRecipient(dir, { label: 'vault', recipient })).rejects.toMatchObject({ code: 'REPO_KEYS_EXIST' });
    await expect(addRecipient(dir, { label: 'x', recipient: 'age1nonsense' })).rejects.toMatchObject({
      code: 'REPO_KEYS_INVALID',
    });
    await retireRecipient(dir, recipient);
    await retireRecipient(dir, keys.recipients[0]!);
    await expect(retireRecipient(dir, keys.recipients[1]!)).rejects.toMatchObject({ code: 'REPO_KEYS_INVALID' });
  });

  it('does not let a process with an older description undo it', async () => {
    const { dir, store, keys } = await world();
    await addRecipient(dir, { label: 'new' });
    const newer = await loadKeysFromDir(dir);
    expect(await ensureRepository(store, newer)).toBe('updated');
    expect(await ensureRepository(store, keys)).toBe('present');
    expect(JSON.parse((await store.get(DESCRIPTION_KEY)).toString()).holdfast.revision).toBe(2);
  });
});

describe('recovery with one store and one identity', () => {
  it('works with the offline identity for the newest backup: the drill', async () => {
    const { dir, store } = await world();
    const keys = await keysFromStore(store, text(dir, 'offline-identity.txt'));
    expect(keys.signingKey).toBeNull();
    await readWith(store, keys);
  });

  it('opens the id key with age alone', async () => {
    const { dir, store } = await world();
    const stored = JSON.parse((await store.get(DESCRIPTION_KEY)).toString()) as { sealedIdKey: string };
    const input = Buffer.from(stored.sealedIdKey, 'base64');
    const opened = execFileSync('age', ['-d', '-i', join(dir, 'offline-identity.txt')], { input });
    expect(opened.toString('base64')).toBe(text(dir, 'id.key').trim());
  });

  it('refuses a store whose description was changed, or signed by somebody else', async () => {
    const { dir, store, storeDir } = await world();
    const file = join(storeDir, DESCRIPTION_KEY);
    const whole = readFileSync(file, 'utf8');
    const stranger = (await makeKeys()).recipients[0]!;
    const own = (JSON.parse(whole) as { holdfast: { recipients: { recipient: string }[] } }).holdfast.recipients[0]!;
    writeFileSync(file, whole.replace(own.recipient, stranger));
    const recover = () => keysFromStore(store, text(dir, 'identity.txt'));
    await expect(recover()).rejects.toMatchObject({ code: 'REPO_DESCRIPTION_DAMAGED' });
    writeFileSync(file, whole.slice(0, 100));
    await expect(recover()).rejects.toMatchObject({ code: 'REPO_DESCRIPTION_DAMAGED' });
    await publishRepository(store, await makeKeys());
    await expect(recover()).rejects.toMatchObject({ code: 'REPO_FOREIGN' });
    rmSync(file);
    await expect(recover()).rejects.toMatchObject({ code: 'REPO_NOT_INITIALISED' });
  });

  it('wants to know whose signature to trust', async () => {
    const { dir, store } = await world();
    const bare = text(dir, 'identity.txt').replace(/^#.*\n/gm, '');
    await expect(keysFromStore(store, bare)).rejects.toMatchObject({ code: 'REPO_KEYS_INVALID' });
    await readWith(store, await keysFromStore(store, bare, { trustStore: true }));
    const foreign = join(temp.path, `keys-${++count}`);
    await initKeys(foreign);
    await expect(keysFromStore(store, text(foreign, 'identity.txt'))).rejects.toMatchObject({ code: 'REPO_FOREIGN' });
  });

  it('of several processes that begin at once, one writes the description and the others find it', async () => {
    const keys = await makeKeys();
    const store = folderStore(join(temp.path, 'together'));
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => ensureRepository(store, keys)));
    expect(outcomes.sort()).toEqual(['created', 'present', 'present', 'present', 'present']);
  });
});
