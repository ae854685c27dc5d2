/** pgbench as the application that shares the server: what it can do at most, and what each of its transactions took. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench';

/** One transaction as the log of pgbench has it. */
export interface Transaction {
  /** When it ended. Milliseconds since the epoch. */
  readonly at: number;
  /** From the time that it was due: with a fixed rate, waiting for an earlier one counts. Milliseconds. */
  readonly ms: number;
}

export interface Load {
  /** Of pgbench. */
  readonly pid: number;
  /** How late the newest logged transaction began, with a fixed rate: what waits in a queue after the server was too slow. Milliseconds. */
  lagMs(): number;
  /** All transactions of the finished run, in the order of their ends. */
  stop(): Promise<readonly Transaction[]>;
}

/** How the application works: one built-in script over prepared statements. */
export interface LoadShape {
  readonly script: 'tpcb-like' | 'simple-update' | 'select-only';
  readonly clients: number;
}

export function initPgbench(bench: Bench, database: string, scale: number): void {
  execFileSync(join(bench.binDir, 'pgbench'), ['-i', '-q', '-s', String(scale)], {
    env: bench.pgEnv(database),
    stdio: 'ignore',
  });
}

const shapeArgs = ({ script, clients }: LoadShape) => ['-n', '-b', script, '-M', 'prepared', '-c', String(clients)];

/** Transactions per second at full speed, over one run. */
export async function runPgbench(bench: Bench, database: string, shape: LoadShape, seconds: number): Promise<number> {
  const child = spawn(join(bench.binDir, 'pgbench'), [...shapeArgs(shape), '-j', '2', '-T', String(seconds)], {
    env: bench.pgEnv(database),
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

export interface LoadOptions {
  /** As they come from many users: a slow one does not keep the next from being due. Absent = as fast as it can. */
  readonly perSecond?: number;
  /** Share of the transactions that are logged. @default all */
  readonly logged?: number;
}

/** Runs until it is stopped. */
export function startLoad(bench: Bench, database: string, shape: LoadShape, options: LoadOptions): Load {
  const { perSecond, logged } = options;
  const folder = join(bench.elsewhere, 'pgbench');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const args = [...shapeArgs(shape), '-j', '1', '-T', '3600', '--log', `--log-prefix=${folder}/log`];
  if (perSecond !== undefined) args.push('-R', String(perSecond));
  if (logged !== undefined) args.push(`--sampling-rate=${logged}`);
  const child = spawn(join(bench.binDir, 'pgbench'), args, {
    env: bench.pgEnv(database),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  let stopped = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2_000)));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  bench.supervisor.add('pgbench', async () => {
    child.kill();
    await ended;
  });
  return {
    pid: child.pid!,
    lagMs: () => Math.max(0, ...readdirSync(folder).map((name) => lastLagMs(tailOf(join(folder, name))))),
    async stop() {
      if (child.exitCode !== null) throw new Error(`pgbench ended early:\n${complaint}`);
      if (!stopped) child.kill();
      stopped = true;
      await ended;
      const all = readdirSync(folder).flatMap((name) => parseLog(readFileSync(join(folder, name), 'utf8')));
      return all.sort((one, other) => one.at - other.at);
    },
  };
}

/** `client_id transaction_no time script_no time_epoch time_us [schedule_lag]`, times in microseconds; the last line may be cut. */
export function parseLog(text: string): Transaction[] {
  const found: Transaction[] = [];
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const [, , took, , seconds, micros] = line.split(' ').map(Number);
    if (took === undefined || micros === undefined || seconds === undefined) continue;
    // `skipped` and `failed` stand where the time would be.
    if (Number.isFinite(took)) found.push({ at: seconds * 1_000 + micros / 1_000, ms: took / 1_000 });
  }
  return found;
}

function tailOf(file: string): string {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const tail = Buffer.alloc(Math.min(size, 4_096));
    readSync(handle, tail, 0, tail.length, size - tail.length);
    return tail.toString();
  } finally {
    closeSync(handle);
  }
}

/** Of the last whole line; 0 where there is none. */
export function lastLagMs(text: string): number {
  const line = text
    .slice(0, Math.max(0, text.lastIndexOf('\n')))
    .split('\n')
    .at(-1)!;
  return (Number(line.split(' ')[6]) || 0) / 1_000;
}

/** Of the transactions that ended in a time. */
export interface Felt {
  readonly count: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** In all of these times together, `from` included, `to` not; milliseconds since the epoch. */
export function feltBetween(
  all: readonly Transaction[],
  times: readonly { readonly from: number; readonly to: number }[],
): Felt {
  const found = all.filter(({ at }) => times.some(({ from, to }) => at >= from && at < to)).map(({ ms }) => ms);
  found.sort((one, other) => one - other);
  const seconds = times.reduce((sum, { from, to }) => sum + (to - from), 0) / 1_000;
  const of = (share: number) => percentile(found, share);
  return { count: found.length, perSecond: found.length / seconds, p50: of(0.5), p95: of(0.95), p99: of(0.99) };
}

/** The smallest value that this share of all does not exceed. `sorted` ascends; NaN of nothing. */
export function percentile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))]!;
}
