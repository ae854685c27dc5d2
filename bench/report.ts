import { FILL, HEAL, RCLONE } from './copies';
import { LATENCY_MS, MEGABYTES_PER_SECOND } from './far-stores';
import { medianMs, median, type LaneResult } from './measure';
import { PROVIDER_BYTES, TOGETHER } from './network';
import type { Measured, Results } from './results';
import { loadGoals, loadParts } from './report-load';
import { mebibytes, percent, ratio, seconds, table } from './words';

/** One promise with what was measured for it. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
}

const CEILING = 'pg_dump -Fc -Z0 > /dev/null';

function laneNamed(lanes: readonly LaneResult[], name: string): LaneResult {
  const found = lanes.find((lane) => lane.name === name);
  if (!found) throw new Error(`no lane is named ${name}`);
  return found;
}

const stored = (lane: LaneResult) => median(lane.samples.map((sample) => sample.storedBytes ?? 0));
const peak = (lane: LaneResult) => Math.max(...lane.samples.map((sample) => sample.rssBytes ?? 0));

/** Every goal that the sections at hand can answer. */
export function goals(results: Results): Goal[] {
  const { full, incremental, restore, network, copies, large } = results;
  const found: Goal[] = [];
  const atMost = (what: string, value: number, limit: number, show: (value: number) => string) =>
    found.push({ what, goal: `at most ${show(limit)}`, measured: show(value), met: value <= limit });
  if (full) {
    const lanes = full.values;
    const ceiling = medianMs(laneNamed(lanes, CEILING));
    const toCeiling = (name: string) => medianMs(laneNamed(lanes, name)) / ceiling;
    atMost('full, one S3 store, to the ceiling', toCeiling('Holdfast, one S3 store'), 1.5, ratio);
    const pipeline = medianMs(laneNamed(lanes, 'pg_dump | zstd -1 | age > file'));
    atMost(
      'full, one S3 store, to the hand-written pipeline',
      medianMs(laneNamed(lanes, 'Holdfast, one S3 store')) / pipeline,
      1,
      ratio,
    );
    atMost(
      'full, folder and two S3 stores, to the ceiling',
      toCeiling('Holdfast, folder and two S3 stores'),
      2.1,
      ratio,
    );
    const small = peak(laneNamed(lanes, 'Holdfast, one S3 store'));
    atMost(`peak memory, ${full.megabytes} MB of database`, small, 300 * 2 ** 20, mebibytes);
    if (large) {
      const big = peak(laneNamed(large.values, 'Holdfast, one S3 store'));
      atMost(`peak memory, ${large.megabytes} MB of database`, big, 300 * 2 ** 20, mebibytes);
      atMost('difference of the two', Math.abs(big - small) / small, 0.1, percent);
    }
  }
  if (incremental) {
    const { lanes, fullBytes } = incremental.values;
    const ceiling = medianMs(laneNamed(lanes, CEILING));
    const share = (name: string) => stored(laneNamed(lanes, name)) / fullBytes;
    atMost(
      'incremental, unchanged, to the ceiling',
      medianMs(laneNamed(lanes, 'Holdfast, unchanged')) / ceiling,
      1.2,
      ratio,
    );
    atMost('incremental, unchanged, share uploaded', share('Holdfast, unchanged'), 0.01, percent);
    atMost('incremental, 1 % appended, share uploaded', share('Holdfast, appended'), 0.05, percent);
  }
  if (restore) {
    const lanes = restore.values;
    const own = medianMs(laneNamed(lanes, 'Holdfast restore from a folder'));
    atMost(
      'restore, to pg_restore -j2',
      own / medianMs(laneNamed(lanes, 'pg_restore -j2 from a directory')),
      1.1,
      ratio,
    );
    atMost(
      'exact proof, to a restore',
      medianMs(laneNamed(lanes, 'Holdfast exact proof from a folder')) / own,
      1.6,
      ratio,
    );
  }
  if (network) {
    const alone = network.values.filter(({ name }) => name !== TOGETHER);
    const together = laneNamed(network.values, TOGETHER);
    atMost(
      `${alone.length} far stores at once, to the slowest alone`,
      medianMs(together) / Math.max(...alone.map(medianMs)),
      1.15,
      ratio,
    );
    atMost('peak memory, far stores at once', peak(together), 300 * 2 ** 20, mebibytes);
  }
  if (copies) {
    const rclone = medianMs(laneNamed(copies.values, RCLONE));
    const atLeast = (what: string, lane: string) => {
      const value = rclone / medianMs(laneNamed(copies.values, lane));
      found.push({ what, goal: `at least ${ratio(0.9)}`, measured: ratio(value), met: value >= 0.9 });
    };
    atLeast('speed of filling a store, to rclone copy', FILL);
    atLeast('speed of healing a lost copy, to rclone copy', HEAL);
  }
  return [...found, ...loadGoals(results)];
}

/** The whole of RESULTS.md. */
export function report(results: Results): string {
  const parts = [
    '# Measured',
    'Made by `npm run bench`. Lanes of a section ran interleaved on one machine, the servers on the same cores; times are medians. ' +
      'Holdfast’s are those of the operation (snapshot to committed manifest) in a process of its own; “worker on Temporal” is the dump ' +
      'activity in a real worker, from the workflow’s history.',
    table(['', ''], Object.entries(results.machine ?? {})),
    '## Goals',
    table(
      ['what', 'goal', 'measured', 'met'],
      goals(results).map(({ what, goal, measured, met }) => [what, goal, measured, met ? 'yes' : '**no**']),
    ),
  ];
  if (results.full) {
    const { values, ...about } = results.full;
    const ceiling = medianMs(laneNamed(values, CEILING));
    parts.push('## Full backup', intro(about), laneTable(values, ceiling));
  }
  if (results.incremental) {
    const { values, ...about } = results.incremental;
    const ceiling = medianMs(laneNamed(values.lanes, CEILING));
    parts.push(
      '## Incremental backup',
      `${intro(about)} Shares are of the full backup: ${mebibytes(values.fullBytes)} with Holdfast, ${mebibytes(values.resticFullBytes)} with restic. ` +
        'Appended: 1 % of the rows of the large table added. Updated: 1 % of its rows, at random. Recent: its newest 1 %.',
      table(
        ['lane', 'time', 'to the ceiling', 'bytes uploaded', 'share'],
        values.lanes.map((lane) => {
          const kept = lane.name !== CEILING;
          const whole = lane.name.startsWith('restic') ? values.resticFullBytes : values.fullBytes;
          return [
            lane.name,
            seconds(medianMs(lane)),
            ratio(medianMs(lane) / ceiling),
            kept ? String(stored(lane)) : '',
            kept ? percent(stored(lane) / whole) : '',
          ];
        }),
      ),
    );
  }
  if (results.sweep) {
    const { values, ...about } = results.sweep;
    parts.push(
      '## Size of segments',
      `${intro({ ...about, rounds: Math.min(about.rounds, 3) })} One S3 store; shares of the full backup that an incremental one uploads.`,
      table(
        ['segment', 'full', 'unchanged', 'objects', 'peak memory', '1 % appended', '1 % updated', 'newest 1 % updated'],
        values.map((row) => [
          `${row.segmentMiB} MiB`, seconds(row.fullMs), seconds(row.unchangedMs), String(row.objects), mebibytes(row.rssBytes),
          percent(row.appendedShare), percent(row.updatedShare), percent(row.recentShare),
        ]), // prettier-ignore
      ),
    );
  }
  if (results.restore) {
    const { values, ...about } = results.restore;
    parts.push('## Restore and proof', intro(about), laneTable(values, medianMs(values[0]!), 'to pg_restore'));
  }
  if (results.network) {
    const { values, ...about } = results.network;
    parts.push(
      '## Far stores',
      `${intro(about)} A full backup; each store behind a proxy that adds ${LATENCY_MS} ms to every answer and lets ${MEGABYTES_PER_SECOND} MB/s through.`,
      laneTable(
        values,
        Math.max(...values.filter(({ name }) => name !== TOGETHER).map(medianMs)),
        'to the slowest alone',
      ),
    );
  }
  if (results.copies) {
    const { values, ...about } = results.copies;
    parts.push(
      '## Copies between stores',
      `${intro(about)} One backup from one S3 server to another, four objects at once.`,
      laneTable(values, medianMs(laneNamed(values, RCLONE)), 'to rclone'),
    );
  }
  if (results.providers) {
    const { values, ...about } = results.providers;
    const rate = (lane: LaneResult, fact: string) =>
      `${Math.round(PROVIDER_BYTES / 1e3 / median(lane.samples.map((sample) => sample.facts?.[fact] ?? Number.NaN)))} MB/s`;
    parts.push(
      '## Kinds of store',
      `${intro(about)} Objects of 4 MiB that do not compress, four at once; the servers run on the same cores.`,
      table(
        ['store', 'upload', 'read'],
        values.map((lane) => [lane.name, rate(lane, 'uploadMs'), rate(lane, 'readMs')]),
      ),
    );
  }
  parts.push(...loadParts(results, intro));
  if (results.large) {
    const { values, ...about } = results.large;
    parts.push('## A large database', intro(about), laneTable(values, medianMs(values[0]!)));
  }
  return `${parts.join('\n\n')}\n`;
}

function intro({ at, megabytes, rounds, loadBefore }: Omit<Measured<unknown>, 'values'>): string {
  return `Database of about ${megabytes} MB, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${at.slice(0, 10)}; load average before it ${loadBefore}.`;
}

function laneTable(lanes: readonly LaneResult[], base: number, against = 'to the ceiling'): string {
  return table(
    ['lane', 'median', against, 'fastest', 'slowest', 'bytes stored', 'peak memory'],
    lanes.map((lane) => {
      const times = lane.samples.map((sample) => sample.ms);
      const bytes = stored(lane);
      return [
        lane.name, seconds(medianMs(lane)), ratio(medianMs(lane) / base), seconds(Math.min(...times)), seconds(Math.max(...times)),
        bytes ? mebibytes(bytes) : '', peak(lane) ? mebibytes(peak(lane)) : '',
      ]; // prettier-ignore
    }),
  );
}
