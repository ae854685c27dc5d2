/** Child of the fault tests: proves the copy that its JSON argument names and prints the record. */
import { BACKUP_ID } from '../../support/repository';
import { filesystemStoreSchema } from '../../../src/config/schema';
import { loadKeysFromDir } from '../../../src/repository/keys';
import { openBackup } from '../../../src/repository/reader';
import { createFilesystemStore } from '../../../src/storage/filesystem/filesystem-store';
import { proveCopy } from '../../../src/verify/prove-copy';

async function main(): Promise<void> {
  const { storeDir, keyDir, scratchDir, settle } = JSON.parse(process.argv[2]!) as Record<string, string>;
  const store = createFilesystemStore(
    filesystemStoreSchema.parse({ adapter: 'filesystem', name: 'folder', path: storeDir, minFree: '1MiB' }),
  );
  const keys = await loadKeysFromDir(keyDir!);
  const reader = await openBackup({ store, database: 'shop', backupId: BACKUP_ID, keys });
  let told = false;
  const proof = await proveCopy({
    reader,
    keys,
    grade: 'exact',
    scratch: { baseDir: scratchDir!, binDirs: [], minFreeBytes: 0, osUser: null, jobs: 2 },
    assertions: [],
    signal: new AbortController().signal,
    onProgress: ({ step }) => {
      if (told || !step.startsWith(settle ?? 'never')) return;
      told = true;
      process.stdout.write('here\n');
    },
  });
  process.stdout.write(`${JSON.stringify(proof)}\n`);
}

void main();
