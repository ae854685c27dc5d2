import { join } from 'node:path';
import type { Bench } from './bench';
import { fullBackup, IN_FLIGHT, peerEnv, SEGMENT_BYTES } from './full';
import { runHoldfast, type StoreInput } from './holdfast';
import { interleave, shell, type LaneResult } from './measure';

const RESTORED = 'bench_restored';

/** Restores into a new database beside pg_restore from a local directory, and exact proofs, which restore too. */
export async function measureRestore(bench: Bench): Promise<LaneResult[]> {
  bench.clean();
  const directory = join(bench.out, 'dir');
  await shell(`pg_dump -Fd -j2 -Z0 -f ${directory}`, peerEnv(bench));
  const common = { keysDir: bench.keysDir, binDirs: [bench.binDir], scratchDir: bench.scratchDir };
  const made = {
    op: 'backup',
    source: bench.url(),
    base: null,
    segmentBytes: SEGMENT_BYTES,
    inFlight: IN_FLIGHT,
  } as const;
  const inFolder = await runHoldfast({ ...common, ...made, stores: [bench.stores.folder] }, bench.env);
  const inS3 = await runHoldfast({ ...common, ...made, stores: [bench.stores.one] }, bench.env);
  const fresh = async () => {
    await bench.sql(`drop database if exists ${RESTORED} with (force)`);
    await bench.sql('checkpoint');
  };
  const target = bench.url(RESTORED);
  const restore = (name: string, backupId: string, store: StoreInput) => ({
    name,
    prepare: fresh,
    run: () => runHoldfast({ op: 'restore', backupId, target, stores: [store], ...common }, bench.env),
  });
  const results = await interleave(
    [
      {
        name: 'pg_restore -j2 from a directory',
        prepare: async () => {
          await fresh();
          await bench.sql(`create database ${RESTORED}`);
        },
        run: async () => ({
          ms: await shell(`pg_restore -j2 --exit-on-error -d ${RESTORED} ${directory}`, peerEnv(bench, RESTORED)),
        }),
      },
      restore('Holdfast restore from a folder', inFolder.backupId, bench.stores.folder),
      restore('Holdfast restore from S3', inS3.backupId, bench.stores.one),
      {
        name: 'Holdfast exact proof from a folder',
        prepare: fresh,
        run: () =>
          runHoldfast(
            { op: 'prove', backupId: inFolder.backupId, stores: [bench.stores.folder], ...common },
            bench.env,
          ),
      },
    ],
    bench.options.rounds,
    bench.say,
  );
  await fresh();
  return results;
}

/** Peak of memory with a database ten times as large: a full backup to one S3 store. */
export async function measureLarge(bench: Bench): Promise<LaneResult[]> {
  return interleave(
    [
      {
        name: 'pg_dump -Fc -Z0 > /dev/null',
        run: async () => ({ ms: await shell('pg_dump -Fc -Z0 > /dev/null', peerEnv(bench)) }),
      },
      {
        name: 'Holdfast, one S3 store',
        prepare: async () => bench.clean(),
        run: () => fullBackup(bench, [bench.stores.one]),
      },
    ],
    1,
    bench.say,
  );
}
