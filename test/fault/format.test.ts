/** Faults 10 and 21: every released format restores with standard tools alone, and old keys keep opening old backups. */
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keysFromStore } from '../../src/repository/description';
import { initKeys, loadKeysFromDir } from '../../src/repository/keys';
import { writeKit } from '../../src/repository/kit';
import { listBackups, listDatabases, openBackup } from '../../src/repository/reader';
import { checkCopy } from '../../src/repository/check';
import { backUp, BACKUP_ID, folderStore, ODD_SQL, openByHand, runRestoreScript } from '../support/format-world';
import { pgDumpText } from '../support/logical';
import { startPostgres, type TestPostgres } from '../support/postgres';
import { readAll } from '../support/repository';
import { tempFolder, type TempFolder } from '../support/temp';
import { RESTORE_SCRIPT } from '../../src/repository/kit-script';

const FIXTURE = join(__dirname, '../fixtures/format-v1');
const expected = JSON.parse(readFileSync(join(FIXTURE, 'expected.json'), 'utf8')) as {
  repositoryId: string;
  files: Record<string, string>;
};
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

let temp: TempFolder;
let postgres: TestPostgres;
let script: string;
beforeAll(async () => {
  temp = await tempFolder('format');
  postgres = await startPostgres({ major: 15 });
  script = join(temp.path, 'restore.sh');
  writeFileSync(script, RESTORE_SCRIPT);
}, 60_000);
afterAll(async () => {
  await postgres?.stop();
  await temp?.remove();
});

describe('the released format 1', () => {
  const copy = join(FIXTURE, 'copy');

  it.each(['identity.txt', 'offline-identity.txt'])(
    'is read by this release with %s and the store alone',
    async (name) => {
      const store = folderStore(copy);
      const keys = await keysFromStore(store, readFileSync(join(FIXTURE, name), 'utf8'));
      expect(keys.repositoryId).toBe(expected.repositoryId);
      expect(await listDatabases(store)).toEqual(['orders']);
      expect((await listBackups(store)).map((backup) => backup.backupId)).toEqual([BACKUP_ID]);
      const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
      const files: Record<string, string> = {};
      for (const { path } of reader.manifest.body.files) files[path] = sha256(await readAll(reader.readFile(path)));
      expect(files).toEqual(expected.files);
      const check = await checkCopy({ store, inventory: reader.manifest.inventory, grade: 'intact' });
      expect(check).toMatchObject({ grade: 'intact', missing: [], damaged: [] });
    },
  );

  it('has objects that are named by their hash, and that age and zstd open', async () => {
    const store = folderStore(copy);
    const keys = await keysFromStore(store, readFileSync(join(FIXTURE, 'identity.txt'), 'utf8'));
    const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
    for (const ref of reader.manifest.inventory.segments) {
      const object = join(copy, 'orders/segments', ref.object.slice(0, 2), ref.object);
      expect(sha256(readFileSync(object))).toBe(ref.object);
      const plain = openByHand(object, join(FIXTURE, 'offline-identity.txt'));
      expect(plain.equals(await reader.readSegment(ref))).toBe(true);
    }
  });

  it('is written out by the script of the kit, byte for byte', async () => {
    const out = join(temp.path, 'extracted');
    await runRestoreScript(script, [copy, '--extract', '--to', out, '--identity', join(FIXTURE, 'identity.txt')]);
    const files = Object.fromEntries(
      Object.keys(expected.files).map((path) => [path, sha256(readFileSync(join(out, path)))]),
    );
    expect(files).toEqual(expected.files);
  });

  it('is restored by the script of the kit into an equal database', async () => {
    const source = await postgres.createDatabase('odd_source');
    await postgres.sql(ODD_SQL, 'odd_source');
    const target = await postgres.createDatabase('odd_target');
    const out = join(temp.path, 'restored');
    const args = [copy, BACKUP_ID, '--to', out, '--identity', join(FIXTURE, 'identity.txt')];
    await runRestoreScript(script, args, { postgres, database: 'odd_target' });
    expect(pgDumpText(postgres.binDir, target)).toBe(pgDumpText(postgres.binDir, source));
  }, 60_000);
});

describe('a kit and a copy of today', () => {
  let kit: string;
  let copy: string;
  beforeAll(async () => {
    const source = await postgres.createDatabase('kit_source');
    await postgres.sql(ODD_SQL, 'kit_source');
    const keysDir = join(temp.path, 'keys');
    await initKeys(keysDir);
    copy = join(temp.path, 'copy');
    await backUp(source, [folderStore(copy)], await loadKeysFromDir(keysDir));
    kit = join(temp.path, 'kit');
    await writeKit({ dir: kit, keysDir });
  }, 60_000);

  it('restore an equal database with the offline identity of the kit', async () => {
    const target = await postgres.createDatabase('kit_target');
    const said = await runRestoreScript(join(kit, 'restore.sh'), [copy, '--to', join(temp.path, 'kit-files')], {
      postgres,
      database: 'kit_target',
    });
    expect(said).toContain(`restored ${BACKUP_ID}`);
    const source = postgres.target('kit_source');
    expect(pgDumpText(postgres.binDir, target)).toBe(pgDumpText(postgres.binDir, source));
  }, 60_000);

  it('keep everybody else out of the kit', () => {
    expect(statSync(kit).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(kit)) expect(statSync(join(kit, name)).mode & 0o077).toBe(0);
  });

  it('refuse a database that is not empty, before anything is changed', async () => {
    await postgres.createDatabase('kit_full');
    await postgres.sql('CREATE TABLE mine (id int)', 'kit_full');
    const run = runRestoreScript(join(kit, 'restore.sh'), [copy, '--to', join(temp.path, 'full-files')], {
      postgres,
      database: 'kit_full',
    });
    await expect(run).rejects.toThrow('is not empty');
  });

  const harms: [string, string, (copy: string) => void][] = [
    ['one flipped bit in a segment', 'missing or damaged', (dir) => flip(someSegment(dir), 300)],
    ['a segment that is cut off', 'missing or damaged', (dir) => cut(someSegment(dir), 100)],
    ['two segments swapped', 'missing or damaged', (dir) => swapSegments(dir)],
    ['a changed inventory', 'signature', (dir) => edit(manifestIn(dir), '"rows":', '"rowz":')],
    ['a changed body', 'body of the manifest is damaged', (dir) => flip(manifestIn(dir), -20)],
    ['a manifest that is cut off', 'cut off', (dir) => cut(manifestIn(dir), 10)],
    ['a manifest under another name', 'another backup', (dir) => moveManifest(dir)],
    ['a manifest of an unknown format', 'format 2', (dir) => edit(manifestIn(dir), 'manifest 1 ', 'manifest 2 ')],
  ];
  it.each(harms)('notice %s before anything is written', async (name, message, harm) => {
    const harmed = join(temp.path, `harmed-${name.replaceAll(' ', '-')}`);
    cpSync(copy, harmed, { recursive: true });
    harm(harmed);
    const out = join(temp.path, `out-${name.replaceAll(' ', '-')}`);
    await expect(runRestoreScript(join(kit, 'restore.sh'), [harmed, '--extract', '--to', out])).rejects.toThrow(
      message,
    );
    expect(readdirSync(out)).toEqual([]);
  });

  it('do not accept a backup that somebody else signed', async () => {
    const foreign = join(temp.path, 'foreign-keys');
    await initKeys(foreign);
    const args = [copy, '--extract', '--to', join(temp.path, 'foreign'), '--identity', join(foreign, 'identity.txt')];
    await expect(runRestoreScript(join(kit, 'restore.sh'), args)).rejects.toThrow('does not name as trusted');
  });
});

function segmentFiles(dir: string): string[] {
  const segments = join(dir, 'orders/segments');
  return readdirSync(segments).flatMap((two) =>
    readdirSync(join(segments, two)).map((name) => join(segments, two, name)),
  );
}
function someSegment(dir: string): string {
  return segmentFiles(dir)[0]!;
}
function manifestIn(dir: string): string {
  return join(dir, 'orders/manifests', BACKUP_ID);
}
function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  writeFileSync(file, bytes);
}
function cut(file: string, bytes: number): void {
  const content = readFileSync(file);
  writeFileSync(file, content.subarray(0, content.length - bytes));
}
function edit(file: string, from: string, to: string): void {
  writeFileSync(file, Buffer.from(readFileSync(file, 'latin1').replace(from, to), 'latin1'));
}
function swapSegments(dir: string): void {
  const [a, b] = segmentFiles(dir) as [string, string];
  const bytes = readFileSync(a);
  writeFileSync(a, readFileSync(b));
  writeFileSync(b, bytes);
}
function moveManifest(dir: string): void {
  const other = join(dir, 'orders/manifests', BACKUP_ID.replace('1a2b3c4d', 'ffffffff'));
  cpSync(manifestIn(dir), other);
}
