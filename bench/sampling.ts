/** What sampling costs the server and the machine: pgbench with and without it, in turns, on the same server. */
import { spawn, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import type { Bench } from './bench';
import type { SamplingFigures } from './sampling-child';

const DATABASE = 'sampling';
/** Times 100 000 accounts: fits the cache, so that TPS is CPU and not the luck of the disk. */
const SCALE = 10;
const SLICE_SECONDS = 4;
/** Of four slices each, for every round that is asked for. */
const TURNS = 3;
const CLIENTS = 4;

export interface SamplingResult {
  /** Transactions per second, each the mean of two slices that ran around, or between, those of the other. */
  readonly pairs: readonly { readonly alone: number; readonly sampled: number }[];
  /** Of one core, while sampling. */
  readonly workerCpuShare: number;
  /** Of the backend that answers the sampler. */
  readonly serverCpuShare: number;
  readonly rounds: number;
  readonly roundMs: readonly number[];
  readonly signals: number;
}

/** Four slices a turn: alone, sampled, sampled, alone, so that a drift of the machine meets both alike. */
export async function measureSampling(bench: Bench): Promise<SamplingResult> {
  await bench.sql(`drop database if exists ${DATABASE}`);
  await bench.sql(`create database ${DATABASE}`);
  execFileSync(join(bench.binDir, 'pgbench'), ['-i', '-q', '-s', String(SCALE)], {
    env: bench.pgEnv(DATABASE),
    stdio: 'ignore',
  });
  const sampler = await startSampler(bench);
  try {
    const backend = await backendPid(bench);
    await slice(bench);
    const before = cpuSeconds(backend);
    const pairs: { alone: number; sampled: number }[] = [];
    const sampled = async () => {
      await sampler.say('on');
      const tps = await slice(bench);
      await sampler.say('off');
      return tps;
    };
    const turns = bench.options.rounds * TURNS;
    for (let turn = 1; turn <= turns; turn += 1) {
      const [first, second, third, last] = [await slice(bench), await sampled(), await sampled(), await slice(bench)];
      const pair = { alone: (first + last) / 2, sampled: (second + third) / 2 };
      pairs.push(pair);
      bench.say(
        `turn ${turn}/${turns}  alone ${Math.round(pair.alone)}, sampled ${Math.round(pair.sampled)} transactions/s`,
      );
    }
    const serverSeconds = cpuSeconds(backend) - before;
    const { cpuShare, onMs, rounds, roundMs, signals, failures } = await sampler.end();
    if (failures > 0) throw new Error(`${failures} samples failed: such figures are of something else`);
    return {
      pairs,
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

/** Transactions per second of one slice: reads alone, which no flush and no checkpoint holds up, so that every lost cycle shows. */
async function slice(bench: Bench): Promise<number> {
  const args = ['-n', '-S', '-M', 'prepared', '-c', String(CLIENTS), '-j', '2', '-T', String(SLICE_SECONDS)];
  const child = spawn(join(bench.binDir, 'pgbench'), args, {
    env: bench.pgEnv(DATABASE),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const tps = /^tps = ([\d.]+)/m.exec(told)?.[1];
  if (code !== 0 || tps === undefined) throw new Error(`pgbench ended with ${String(code)}:\n${told.slice(-2_000)}`);
  return Number(tps);
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
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
