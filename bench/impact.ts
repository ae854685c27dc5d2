/**
 * What a backup costs the application that shares its server: pgbench at half of what the server can do, alone, under a backup
 * that nothing slows, under one that the load watch paces, and under pg_dump. One pgbench runs through all of it; each lane is a
 * time cut out of its log, compared with the quiet times before and after it. A lane without a backup says what chance does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { placeServer, placeUsers } from './apart';
import type { Bench } from './bench';
import { openCatalogServer } from './catalog-server';
import { openIdleGroup } from './idle-group';
import {
  DUMP_COMMAND,
  dumpLane,
  LONGEST_MS,
  nothingLane,
  standingStill,
  workerLane,
  type Worked,
} from './impact-lanes';
import { openInstallation } from './installation';
import { readyLogFiles } from './log-files';
import { median, shell } from './measure';
import { feltBetween, initPgbench, runPgbench, startLoad, type Felt, type LoadShape } from './pgbench';
import { compareTurns, type Standstill } from './standstill';

/** Reads and writes of one large table: without the few rows that all transactions of TPC-B meet in. */
const SHAPE: LoadShape = { script: 'simple-update', clients: 8 };
/** Times 100 000 accounts: 65 MB. */
const SCALE = 5;
const CAPACITY_SECONDS = 5;
/** What a lane leaves behind, before the next quiet time counts. */
const SETTLE_MS = 4_000;
/** Transactions that are due later than this after a lane still wait in its queue; at most so long it is waited for. */
const LAG_MS = 20;
const CAUGHT_UP_MS = 30_000;
const QUIET_MS = 15_000;
/** Of the lane without a backup. */
const NOTHING_MS = 90_000;

/**
 * As a user writes it for a small server that the worker shares: a backup that is never quick, and slower while the server's backends
 * wait longer for a CPU than they usually do. What such a worker computes is taken from nobody, and its own probe waits with it,
 * so neither the CPU nor the probe says what users feel.
 */
const GOVERNED_LOAD = {
  watch: true,
  // The bench runs at any hour.
  peak: { windows: [] },
  maxRate: '500KB/s',
  minRate: '250KB/s',
  safePace: { maxRate: '500KB/s', readers: 1 },
  limits: {
    backendCpuWaitMs: { throttle: '+20%', release: '+10%', pause: '+100%', least: 0 },
    hostCpu: 'off',
    probeLatencyMs: 'off',
  },
};

/** A slow backup needs no second connection to be slow. */
const GOVERNED_READERS = 1;

/** Of the worker beside the database, as the documentation says. */
const GOVERNED_WORKER = { niceness: 10 };

const GOVERNED = { readers: GOVERNED_READERS, load: GOVERNED_LOAD, worker: GOVERNED_WORKER };

export interface ImpactRun extends Worked {
  readonly round: number;
  /** From the request to the end. */
  readonly ms: number;
  readonly felt: Felt;
  /** In the quiet times before and after it, as if they were one. */
  readonly quiet: Felt;
}

export interface ImpactLane {
  readonly name: string;
  readonly runs: readonly ImpactRun[];
}

export interface ImpactResult {
  /** Transactions per second at full speed, and those that were asked for: half of it. */
  readonly capacity: number;
  readonly asked: number;
  readonly script: string;
  /** The workers that give way, and what has machines of its own elsewhere, computed only while nothing else wanted to. */
  readonly idleGroup?: boolean;
  /** The files of Temporal, the stores and the catalogue were in memory, those of the database were not. */
  readonly inMemory?: boolean;
  /** What the governed backup was told, as holdfast.yaml says it. */
  readonly governed: object;
  /** A governed backup that took longer was cancelled. Milliseconds. */
  readonly longestMs: number;
  /** All quiet times together. */
  readonly alone: Felt;
  /** The p95 of each quiet time by itself: what chance does to it. */
  readonly aloneP95: readonly number[];
  readonly lanes: readonly ImpactLane[];
  /** Where the processes could be stopped. */
  readonly standstill?: Standstill | null;
}

/** What happened in a lane; times in milliseconds since the epoch. */
interface Ran extends Worked {
  readonly lane: number;
  readonly round: number;
  readonly from: number;
  readonly to: number;
}

export const LANES = {
  nothing: 'no backup',
  dump: DUMP_COMMAND,
  free: 'Holdfast, not governed',
  nice: 'Holdfast, not governed, its worker gives way',
  governed: 'Holdfast, governed',
} as const;

/** `apart`: the server has a CPU of its own; the caller has left it. */
export async function measureImpact(bench: Bench, { apart = false } = {}): Promise<ImpactResult> {
  if (apart) placeServer(bench);
  // On a CPU of its own nobody gives way.
  const idle = apart ? null : openIdleGroup();
  const giveWay = (pid: number) => idle?.add(pid);
  for (const { process } of bench.s3) giveWay(process.pid);
  initPgbench(bench, bench.database, SCALE);
  await bench.sql('create extension if not exists pg_stat_statements', bench.database);
  await readyLogFiles(bench);
  const speeds: number[] = [];
  for (let run = 0; run < 3; run += 1)
    speeds.push(await runPgbench(bench, bench.database, SHAPE, bench.options.quick ? 2 : CAPACITY_SECONDS));
  const capacity = median(speeds);
  const asked = Math.round(capacity / 2);
  bench.say(`capacity ${Math.round(capacity)} transactions/s; ${asked} are asked for`);
  const catalogServer = await openCatalogServer(bench);
  giveWay(catalogServer.pid);
  const free = await openInstallation(bench, {
    name: 'free',
    databases: [{ name: 'free' }],
    catalogServer,
    place: { temporal: giveWay },
  });
  const nice = apart
    ? []
    : [
        await openInstallation(bench, {
          name: 'nice',
          databases: [{ name: 'nice' }],
          sections: { worker: GOVERNED_WORKER },
          catalogServer,
          place: { temporal: giveWay, worker: giveWay },
        }),
      ];
  const governed = await openInstallation(bench, {
    name: 'governed',
    databases: [{ name: 'governed', load: GOVERNED_LOAD, readers: GOVERNED_READERS }],
    sections: { worker: GOVERNED_WORKER },
    catalogServer,
    place: { temporal: giveWay, worker: giveWay },
  });
  try {
    await bench.sql('checkpoint');
    const load = startLoad(bench, bench.database, SHAPE, { perSecond: asked });
    if (apart) placeUsers(load.pid);
    const lanes = [
      nothingLane(LANES.nothing, bench.options.quick ? QUIET_MS : NOTHING_MS),
      dumpLane(bench),
      workerLane(LANES.free, free, 'free'),
      ...nice.map((one) => workerLane(LANES.nice, one, 'nice')),
      workerLane(LANES.governed, governed, 'governed'),
    ];
    const quiet: { from: number; to: number }[] = [];
    const ran: Ran[] = [];
    const restful = async () => {
      await shell('sync');
      await sleep(SETTLE_MS);
      // What waited while the server was too slow belongs to the lane before.
      const patience = Date.now() + CAUGHT_UP_MS;
      while (load.lagMs() > LAG_MS && Date.now() < patience) await sleep(1_000);
      const from = Date.now();
      await sleep(bench.options.quick ? QUIET_MS / 3 : QUIET_MS);
      quiet.push({ from, to: Date.now() });
    };
    for (let round = 1; round <= bench.options.rounds; round += 1)
      for (let turn = 0; turn < lanes.length; turn += 1) {
        // Whoever went first goes last in the next round.
        const index = (turn + round - 1) % lanes.length;
        const lane = lanes[index]!;
        await lane.prepare();
        // It grows by each transaction, and every backup reads it.
        await bench.sql('truncate pgbench_history', bench.database);
        await restful();
        const from = Date.now();
        const { share, paces } = await lane.run();
        const to = Date.now();
        ran.push({ lane: index, round, from, to, share, paces });
        await lane.after();
        const part = share < 1 ? `, ${Math.round(share * 100)} % of it done` : '';
        bench.say(`round ${round}  ${lane.name}: ${((to - from) / 1000).toFixed(1)} s${part}`);
        for (const pace of paces) bench.say(`  ${pace}`);
      }
    await restful();
    const turns = idle ? await standingStill(bench, governed, idle) : [];
    const all = await load.stop();
    const felt = (times: readonly { from: number; to: number }[]) => feltBetween(all, times);
    const runsOf = (index: number): ImpactRun[] =>
      ran.flatMap(({ lane, from, to, round, share, paces }, place) =>
        lane !== index
          ? []
          : [
              {
                round,
                ms: to - from,
                share,
                paces,
                felt: felt([{ from, to }]),
                quiet: felt(quiet.slice(place, place + 2)),
              },
            ],
      );
    return {
      capacity,
      asked,
      script: SHAPE.script,
      idleGroup: idle !== null,
      inMemory: bench.elsewhere !== bench.options.folder,
      governed: GOVERNED,
      longestMs: LONGEST_MS,
      alone: felt(quiet),
      aloneP95: quiet.map((time) => felt([time]).p95),
      lanes: lanes.map(({ name }, index) => ({ name, runs: runsOf(index) })),
      standstill: compareTurns(all, turns),
    };
  } finally {
    await Promise.all([free, ...nice, governed].map((one) => one.close()));
    if (idle) {
      // A group that somebody is in cannot be removed.
      await Promise.all([catalogServer, ...bench.s3].map((server) => server.stop()));
      await idle.remove();
    }
  }
}

/** How many times that of the quiet times around it the p95 was, run by run. */
export const p95Ratios = ({ runs }: ImpactLane): readonly number[] =>
  runs.map(({ felt, quiet }) => felt.p95 / quiet.p95);
