import { openSync, closeSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench';
import { fullBackup } from './full';
import { runHoldfast } from './holdfast';
import { interleave, shell, type LaneResult } from './measure';

export const RCLONE = 'rclone copy';
export const FILL = 'Holdfast fills a store';
export const HEAL = 'Holdfast heals a lost copy';

/** One object in this many is damaged in the last lane. */
const DAMAGED_ONE_IN = 10;

/** From one S3 server to another: a copy of a backup, beside rclone, and the repair of one. */
export async function measureCopies(bench: Bench): Promise<LaneResult[]> {
  bench.clean();
  const { one, two } = bench.stores;
  const { facts, backupId } = await fullBackup(bench, [one]);
  const request = {
    op: 'fill',
    backupId: backupId!,
    stores: [one, two],
    keysDir: bench.keysDir,
    binDirs: [bench.binDir],
  } as const;
  const copy = async (heal: boolean) => {
    const { ms, rssBytes, facts: copied } = await runHoldfast({ ...request, heal }, bench.env);
    return { ms, rssBytes, storedBytes: copied.copiedBytes, facts: copied };
  };
  const rclone = 'rclone copy --transfers 4 one:bench two:bench';
  const empty = async () => bench.emptyBucket('two');
  return interleave(
    [
      {
        name: RCLONE,
        prepare: empty,
        run: async () => ({
          // It refuses to start with a bundle of certificates, which plain HTTP has no use for.
          ms: await shell(`unset AWS_CA_BUNDLE; ${rclone}`, { ...process.env, ...rcloneRemotes(bench) }),
          storedBytes: facts!.sealedBytes!,
        }),
      },
      { name: FILL, prepare: empty, run: () => copy(false) },
      { name: HEAL, prepare: empty, run: () => copy(true) },
      {
        name: 'Holdfast heals one damaged object in ten',
        prepare: async () => {
          await empty();
          await copy(false);
          damage(join(bench.bucketFolder('two'), 'bench', 'segments'));
        },
        run: () => copy(true),
      },
    ],
    bench.options.rounds,
    bench.say,
  );
}

/** Remotes `one:` and `two:`, by the environment: arguments can be read by everybody on the machine. */
function rcloneRemotes(bench: Bench): NodeJS.ProcessEnv {
  const remote = (index: number, name: string) => {
    const { endpoint, accessKeyId, secretAccessKey } = bench.s3[index]!;
    const settings = {
      TYPE: 's3',
      PROVIDER: 'Other',
      ENDPOINT: endpoint,
      ACCESS_KEY_ID: accessKeyId,
      SECRET_ACCESS_KEY: secretAccessKey,
    };
    return Object.entries(settings).map(([key, value]) => [`RCLONE_CONFIG_${name}_${key}`, value]);
  };
  return Object.fromEntries([...remote(0, 'ONE'), ...remote(1, 'TWO')]) as NodeJS.ProcessEnv;
}

/** Flips a bit in the middle of every tenth object. */
function damage(folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const [index, { parentPath, name }] of files.entries()) {
    if (index % DAMAGED_ONE_IN !== 0) continue;
    const file = openSync(join(parentPath, name), 'r+');
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, 100);
    byte[0]! ^= 1;
    writeSync(file, byte, 0, 1, 100);
    closeSync(file);
  }
}
