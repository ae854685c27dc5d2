/**
 * Writes test/fixtures/format-v1 anew: `node test/support/run-ts.cjs test/support/write-format-fixture.ts`. Only for the
 * release that introduces a format: afterwards the files stay as they are, and every later release must read them.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBackup } from '../../src/repository/reader';
import { initKeys, loadKeysFromDir } from '../../src/repository/keys';
import { backUp, BACKUP_ID, folderStore, ODD_SQL } from './format-world';
import { startPostgres } from './postgres';
import { readAll, withTempDir } from './repository';

async function main(): Promise<void> {
  const folder = join(__dirname, '../fixtures/format-v1');
  rmSync(join(folder, 'copy'), { recursive: true, force: true });
  mkdirSync(join(folder, 'copy'), { recursive: true });
  const postgres = await startPostgres({ major: 15 });
  try {
    const source = await postgres.createDatabase('orders');
    await postgres.sql(ODD_SQL, 'orders');
    await withTempDir(async (dir) => {
      const keysDir = join(dir, 'keys');
      await initKeys(keysDir);
      const keys = await loadKeysFromDir(keysDir);
      const store = folderStore(join(folder, 'copy'));
      await backUp(source, [store], keys);
      copyFileSync(join(keysDir, 'identity.txt'), join(folder, 'identity.txt'));
      copyFileSync(join(keysDir, 'offline-identity.txt'), join(folder, 'offline-identity.txt'));
      const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
      const files: Record<string, string> = {};
      for (const { path } of reader.manifest.body.files) {
        files[path] = createHash('sha256')
          .update(await readAll(reader.readFile(path)))
          .digest('hex');
      }
      const { repositoryId } = keys;
      writeFileSync(join(folder, 'expected.json'), `${JSON.stringify({ repositoryId, files }, null, 2)}\n`);
    });
  } finally {
    await postgres.stop();
  }
}
void main();
