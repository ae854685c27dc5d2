import type { Bench } from './bench';
import { backup, changedCopy, dropCopy } from './incremental';
import type { Change } from './generate';
import { median } from './measure';

export interface SweepRow {
  readonly segmentMiB: number;
  readonly fullMs: number;
  readonly rssBytes: number;
  readonly objects: number;
  readonly unchangedMs: number;
  /** Sealed bytes uploaded by an incremental backup, as a share of the full one. */
  readonly appendedShare: number;
  readonly updatedShare: number;
  readonly recentShare: number;
}

const SIZES_MIB = [1, 2, 4, 8, 16, 32];

/** Full and incremental backups to one S3 store with segments of each size. */
export async function measureSweep(bench: Bench): Promise<SweepRow[]> {
  const changes: Change[] = ['appended', 'updated', 'recent'];
  const copies = new Map<Change, string>();
  for (const change of changes) copies.set(change, await changedCopy(bench, change));
  const times = new Map<number, { full: number[]; unchanged: number[] }>(
    SIZES_MIB.map((size) => [size, { full: [], unchanged: [] }]),
  );
  const rows = new Map<number, SweepRow>();
  for (let round = 1; round <= Math.min(bench.options.rounds, 3); round += 1)
    for (const segmentMiB of SIZES_MIB) {
      bench.clean();
      const bytes = segmentMiB * 2 ** 20;
      const full = await backup(bench, bench.database, null, bytes);
      const unchanged = await backup(bench, bench.database, full.backupId, bytes);
      const seen = times.get(segmentMiB)!;
      seen.full.push(full.ms);
      seen.unchanged.push(unchanged.ms);
      bench.say(
        `round ${round}  segments of ${segmentMiB} MiB: full ${(full.ms / 1000).toFixed(2)} s, unchanged ${(unchanged.ms / 1000).toFixed(2)} s`,
      );
      if (round > 1) continue;
      const share = async (change: Change) =>
        (await backup(bench, copies.get(change)!, full.backupId, bytes)).facts.uploadedBytes! / full.facts.sealedBytes!;
      rows.set(segmentMiB, {
        segmentMiB,
        fullMs: 0,
        rssBytes: full.rssBytes,
        objects: full.facts.segments!,
        unchangedMs: 0,
        appendedShare: await share('appended'),
        updatedShare: await share('updated'),
        recentShare: await share('recent'),
      });
    }
  for (const change of changes) await dropCopy(bench, change);
  return SIZES_MIB.map((size) => ({
    ...rows.get(size)!,
    fullMs: median(times.get(size)!.full),
    unchangedMs: median(times.get(size)!.unchanged),
  }));
}
