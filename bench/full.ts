import { join } from 'node:path';
import { configSchema } from '../src/config/schema';
import type { Bench } from './bench';
import { runHoldfast, type StoreInput } from './holdfast';
import { folderBytes, interleave, shell, type Lane, type LaneResult, type Sample } from './measure';
import { openWorkerLane } from './worker-lane';

/** The defaults of the config, so that what is measured is what an installation gets. */
export const SEGMENT_BYTES = configSchema.shape.repository.parse({}).segmentSize;
export const IN_FLIGHT = configSchema.shape.worker.parse({}).segmentsInFlight;

/** A full backup: Holdfast beside the ceiling and the peers. */
export async function measureFull(bench: Bench): Promise<LaneResult[]> {
  const worker = await openWorkerLane(bench);
  try {
    return await interleave([...peers(bench), ...holdfastLanes(bench), worker.lane], bench.options.rounds, bench.say);
  } finally {
    await worker.close();
  }
}

function peers(bench: Bench): Lane[] {
  const target = (name: string) => join(bench.out, name);
  const peer = (name: string, command: string, keeps: boolean, before = ''): Lane => ({
    name,
    prepare: async () => {
      bench.clean();
      if (before) await shell(before, peerEnv(bench));
    },
    run: async () => {
      const ms = await shell(command, peerEnv(bench));
      return keeps ? { ms, storedBytes: folderBytes(bench.out) } : { ms };
    },
  });
  return [
    peer('pg_dump -Fc -Z0 > /dev/null', 'pg_dump -Fc -Z0 > /dev/null', false),
    peer('pg_dump -Fd -j2 -Z0', `pg_dump -Fd -j2 -Z0 -f ${target('dir')}`, true),
    peer('pg_dump -Fd -j2 (gzip)', `pg_dump -Fd -j2 -f ${target('dir')}`, true),
    peer(
      'pg_dump | zstd -1 | age > file',
      `pg_dump -Fc -Z0 | zstd -q -1 | age -r ${bench.ageRecipient} > ${target('dump.age')}`,
      true,
    ),
    peer('pg_dump | restic --stdin', resticBackup(target('restic')), true, `restic -q init -r ${target('restic')}`),
  ];
}

export function resticBackup(repository: string): string {
  return `pg_dump -Fc -Z0 | restic -q -r ${repository} --no-cache backup --stdin --stdin-filename bench.dump`;
}

/** Environment of the peers, for a database. */
export function peerEnv(bench: Bench, database?: string): NodeJS.ProcessEnv {
  return { ...bench.pgEnv(database), RESTIC_PASSWORD: 'bench' };
}

function holdfastLanes(bench: Bench): Lane[] {
  const { folder, one, two } = bench.stores;
  const lane = (name: string, stores: readonly StoreInput[]): Lane => ({
    name,
    prepare: async () => bench.clean(),
    run: () => fullBackup(bench, stores),
  });
  return [
    lane('Holdfast, one folder', [folder]),
    lane('Holdfast, one S3 store', [one]),
    lane('Holdfast, folder and two S3 stores', [folder, one, two]),
  ];
}

export async function fullBackup(
  bench: Bench,
  stores: readonly StoreInput[],
): Promise<Sample & { readonly backupId: string }> {
  const { ms, rssBytes, facts, backupId } = await runHoldfast(
    {
      op: 'backup',
      source: bench.url(),
      base: null,
      segmentBytes: SEGMENT_BYTES,
      inFlight: IN_FLIGHT,
      stores,
      keysDir: bench.keysDir,
      binDirs: [bench.binDir],
    },
    bench.env,
  );
  return { ms, rssBytes, storedBytes: facts.uploadedBytes, facts, backupId };
}
