/**
 * Records what the samplers measure of a server under pgbench at some rates, as `bench/day/samples.json`, which the bench's
 * section `day` composes a day from: `node scripts/ts.js scripts/record-load.ts [SECONDS]`. Numbers alone, no names. The CPU is
 * that of the server's and pgbench's processes: what else ran on the machine of the recording belongs to no day of the server.
 */
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { samplingOf } from '../src/config/load-rules';
import { loadSchema } from '../src/config/load-schema';
import type { SignalName } from '../src/domain/load/signals';
import { createLoadSamplers } from '../src/load/samplers/create-samplers';
import { statFields } from '../src/provision/process-identity';
import { startPostgres, type TestPostgres } from '../test/support/postgres';

const EVERY_MS = 2_000;
const FILE = join(__dirname, '..', 'bench', 'day', 'samples.json');
/** Transactions per second, the quietest first; null: as many as two clients can. */
const RATES = [2, 40, 120, 300, null] as const;
const SIGNALS: readonly SignalName[] = [
  'sessionsActive',
  'sessionsWaiting',
  'poolUse',
  'lockWaiters',
  'commitsPerSecond',
  'cacheHit',
  'statementMeanMs',
  'probeLatencyMs',
];

async function record(server: TestPostgres, seconds: number): Promise<void> {
  const samplers = createLoadSamplers({
    sampling: samplingOf(loadSchema.parse({ samplers: { host: { enabled: false } } }), {}),
    target: () => Promise.resolve(server.target('load')),
    secrets: () => Promise.reject(new Error('there are no secrets here')),
  });
  const levels: { rate: number | null; rows: (number | null)[][] }[] = [];
  for (const rate of RATES) {
    const load = pgbench(server, rate);
    let before = cpuOf(server.pid, load.pid!);
    let at = performance.now();
    const rows: (number | null)[][] = [];
    for (let round = -2; round < seconds / (EVERY_MS / 1_000); round += 1) {
      await delay(EVERY_MS - ((performance.now() - at) % EVERY_MS));
      const { samples } = await samplers.sample();
      const now = performance.now();
      const after = cpuOf(server.pid, load.pid!);
      const share = spentBetween(before, after) / ((now - at) / 1_000) / cpus().length;
      [before, at] = [after, now];
      const signals = Object.assign({}, ...samples.map((sample) => sample.signals)) as Record<string, number>;
      const row = [...SIGNALS.map((name) => signals[name] ?? null), Math.min(1, share)];
      // The first rounds have no rates yet.
      if (round >= 0) rows.push(row.map((value) => (value === null ? null : Number(value.toPrecision(3)))));
    }
    await ended(load);
    levels.push({ rate, rows });
    console.log(`${rate ?? 'unlimited'} transactions a second: ${rows.length} rounds`);
  }
  await samplers.close();
  const rows = levels.map(
    ({ rate, rows: found }) =>
      `    { "rate": ${rate}, "rows": [\n${found.map((row) => `      ${JSON.stringify(row)}`).join(',\n')}\n    ] }`,
  );
  const head = `  "everyMs": ${EVERY_MS},\n  "signals": ${JSON.stringify([...SIGNALS, 'hostCpu'])},`;
  writeFileSync(FILE, `{\n${head}\n  "levels": [\n${rows.join(',\n')}\n  ]\n}\n`);
}

function pgbench(server: TestPostgres, rate: number | null): ChildProcess {
  const { host, port, user } = server.target('load');
  const login = ['-h', host, '-p', `${port}`, '-U', user];
  const pace = rate === null ? ['-c', '2'] : ['-c', '4', '-R', `${rate}`];
  return spawn(join(server.binDir, 'pgbench'), [...login, '-n', ...pace, '-T', '600', 'load'], { stdio: 'ignore' });
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

/** Seconds of CPU by process, of the server, its children and pgbench. */
function cpuOf(server: number, client: number): ReadonlyMap<number, number> {
  const spent = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const fields = statFields(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      const parent = Number(fields[1]);
      if (pid !== server && parent !== server && pid !== client) continue;
      spent.set(pid, (Number(fields[11]) + Number(fields[12])) / 100);
    } catch {
      // It ended meanwhile.
    }
  }
  return spent;
}

const spentBetween = (before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number =>
  [...after].reduce((sum, [pid, spent]) => sum + spent - (before.get(pid) ?? 0), 0);

async function main(): Promise<void> {
  const server = await startPostgres({ settings: { shared_preload_libraries: 'pg_stat_statements' } });
  try {
    await server.createDatabase('load');
    await server.sql('CREATE EXTENSION pg_stat_statements', 'load');
    const { host, port, user } = server.target('load');
    const login = ['-h', host, '-p', `${port}`, '-U', user];
    execFileSync(join(server.binDir, 'pgbench'), [...login, '-i', '-q', '-s', '5', 'load'], { stdio: 'ignore' });
    await record(server, Number(process.argv[2] ?? 60));
  } finally {
    await server.stop();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
