/** What sampling costs the server and the machine: pgbench in the moments of each sample, and between them. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { statFields } from '../src/provision/process-identity';
import { lostAround, type Around } from './around';
import type { Bench } from './bench';
import { initPgbench, startLoad, type LoadShape } from './pgbench';
import type { SamplingFigures } from './sampling-child';

const DATABASE = 'sampling';
/** Times 100 000 accounts: fits the cache, so that TPS is CPU and not the luck of the disk. */
const SCALE = 10;
/** Reads alone, which no flush and no checkpoint holds up, so that every lost cycle shows. */
const SHAPE: LoadShape = { script: 'select-only', clients: 4 };
const LOGGED = 0.05;
/** For every round that is asked for. */
const SECONDS = 30;
/** The rhythm of a running backup, which is the default of `load.every`. */
const CYCLE_MS = 2_000;
/** A sample takes a few hundredths of a second; what it leaves behind, such as memory to be swept, a little longer. */
const FELT_MS = 250;

export interface SamplingResult {
  /** Transactions per second while it was sampled. */
  readonly perSecond: number;
  readonly around: Around;
  /** The same figures taken around moments in which nothing was sampled: what chance makes of them. */
  readonly nothing: Around;
  /** Of one core, while sampling. */
  readonly workerCpuShare: number;
  /** Of the backend that answers the sampler. */
  readonly serverCpuShare: number;
  readonly rounds: number;
  readonly roundMs: readonly number[];
  readonly signals: number;
}

/** pgbench at full speed all the time; what each sample cost is seen in the transactions around it. */
export async function measureSampling(bench: Bench): Promise<SamplingResult> {
  await bench.sql(`drop database if exists ${DATABASE}`);
  await bench.sql(`create database ${DATABASE}`);
  initPgbench(bench, DATABASE, SCALE);
  const sampler = await startSampler(bench);
  try {
    const backend = await backendPid(bench);
    const load = startLoad(bench, DATABASE, SHAPE, { logged: LOGGED });
    await sleep(5_000);
    const before = cpuSeconds(backend);
    const from = Date.now();
    await sampler.say('on');
    await sleep((bench.options.quick ? 10 : bench.options.rounds * SECONDS) * 1_000);
    await sampler.say('off');
    const to = Date.now();
    const serverSeconds = cpuSeconds(backend) - before;
    const done = (await load.stop()).map(({ at }) => at);
    const { cpuShare, onMs, rounds, roundAt, roundMs, signals, failures } = await sampler.end();
    if (failures > 0) throw new Error(`${failures} samples failed: such figures are of something else`);
    const cut = { done, feltMs: FELT_MS, cycleMs: CYCLE_MS };
    const within = done.filter((at) => at >= from && at < to).length;
    return {
      perSecond: within / LOGGED / ((to - from) / 1_000),
      around: lostAround({ ...cut, events: roundAt }),
      nothing: lostAround({ ...cut, events: roundAt.map((at) => at + CYCLE_MS / 2) }),
      workerCpuShare: cpuShare,
      serverCpuShare: serverSeconds / (onMs / 1_000),
      rounds,
      roundMs,
      signals,
    };
  } finally {
    sampler.kill();
    await bench.sql(`drop database if exists ${DATABASE} with (force)`);
  }
}

async function startSampler(bench: Bench) {
  const child = spawn(process.execPath, [join(__dirname, 'sampling-child.js')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the sampling process ended');
    return value;
  };
  child.stdin.write(`${bench.postgres.url(DATABASE)}\n`);
  await answer();
  return {
    async say(word: 'on' | 'off') {
      child.stdin.write(`${word}\n`);
      await answer();
    },
    async end(): Promise<SamplingFigures> {
      child.stdin.end();
      return JSON.parse(await answer()) as SamplingFigures;
    },
    kill: () => void child.kill(),
  };
}

async function backendPid(bench: Bench): Promise<number> {
  const client = new Client({ connectionString: bench.postgres.url(DATABASE) });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'holdfast load'`,
    );
    return rows[0]!.pid;
  } finally {
    await client.end();
  }
}

/** User and system time of a process; Linux counts in hundredths. */
function cpuSeconds(pid: number): number {
  const fields = statFields(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
