import { join } from 'node:path';
import { rmSync } from 'node:fs';
import type { Bench } from './bench';
import { IN_FLIGHT, peerEnv, resticBackup, SEGMENT_BYTES } from './full';
import { CHANGES, type Change } from './generate';
import { runHoldfast } from './holdfast';
import { folderBytes, interleave, shell, type Lane, type LaneResult } from './measure';

export interface IncrementalResult {
  /** Sealed bytes of the full backup that the shares are of. */
  readonly fullBytes: number;
  /** Bytes of the restic repository after its first backup. */
  readonly resticFullBytes: number;
  readonly lanes: readonly LaneResult[];
}

/** Incremental backups of a changed copy of the database, beside restic's second backup of the same. */
export async function measureIncremental(bench: Bench): Promise<IncrementalResult> {
  bench.clean();
  const restic = join(bench.out, 'restic');
  await shell(`restic -q init -r ${restic}`, peerEnv(bench));
  await shell(resticBackup(restic), peerEnv(bench));
  const resticFullBytes = folderBytes(restic);
  const full = await backup(bench, bench.database, null, SEGMENT_BYTES);
  const lanes: Lane[] = [];
  for (const change of Object.keys(CHANGES) as Change[]) {
    const database = await changedCopy(bench, change);
    lanes.push({
      name: `Holdfast, ${change}`,
      run: async () => {
        const { ms, facts } = await backup(bench, database, full.backupId, SEGMENT_BYTES);
        return { ms, storedBytes: facts.uploadedBytes, facts };
      },
    });
    const copy = join(bench.out, 'restic-copy');
    lanes.push({
      name: `restic, ${change}`,
      // Each round starts from the repository as it was after the first backup.
      prepare: () => shell(`rm -rf ${copy}; cp -a ${restic} ${copy}`).then(() => undefined),
      run: async () => {
        const ms = await shell(resticBackup(copy), peerEnv(bench, database));
        return { ms, storedBytes: folderBytes(copy) - resticFullBytes };
      },
    });
  }
  const ceiling: Lane = {
    name: 'pg_dump -Fc -Z0 > /dev/null',
    run: async () => ({ ms: await shell('pg_dump -Fc -Z0 > /dev/null', peerEnv(bench)) }),
  };
  const results = await interleave([ceiling, ...lanes], bench.options.rounds, bench.say);
  rmSync(restic, { recursive: true, force: true });
  for (const change of Object.keys(CHANGES) as Change[]) await dropCopy(bench, change);
  return { fullBytes: full.facts.sealedBytes!, resticFullBytes, lanes: results };
}

/** A copy of the database, block for block, with one change made to it. */
export async function changedCopy(bench: Bench, change: Change): Promise<string> {
  const name = `bench_${change}`;
  await bench.sql(`drop database if exists ${name} with (force)`);
  await bench.sql(`create database ${name} template ${bench.database}`);
  const sql = CHANGES[change]?.(bench.options.megabytes);
  if (sql) await bench.sql(sql, name);
  await bench.sql('checkpoint');
  return name;
}

export async function dropCopy(bench: Bench, change: Change): Promise<void> {
  await bench.sql(`drop database if exists bench_${change} with (force)`);
}

export function backup(bench: Bench, database: string, base: string | null, segmentBytes: number) {
  return runHoldfast(
    {
      op: 'backup',
      source: bench.url(database),
      base,
      segmentBytes,
      inFlight: inFlightFor(segmentBytes),
      stores: [bench.stores.one],
      keysDir: bench.keysDir,
      binDirs: [bench.binDir],
    },
    bench.env,
  );
}

/** The same memory whatever the segment's size: as many bytes in flight as with the default. */
function inFlightFor(segmentBytes: number): number {
  return Math.max(2, Math.round((IN_FLIGHT * SEGMENT_BYTES) / Math.max(segmentBytes, SEGMENT_BYTES / 4)));
}
