import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { removeClusterFolder } from '../../../src/provision';
import { isAlive } from '../../../src/provision/process-identity';
import { freePort, startPostgres, type TestPostgres } from '../../support/postgres';
import { tempFolder, type TempFolder } from '../../support/temp';
import { runCli, startCli, until, type CliOutcome, type RunningCli } from './run-cli';

const UP_MS = 120_000;

interface Ready {
  readonly temporal: string;
  readonly webUi: string;
  readonly catalog: string;
  readonly config: string;
  readonly pids: Readonly<Record<'catalogue' | 'temporal' | 'worker', number>>;
}
interface Listed {
  readonly backupId: string;
  readonly status: string;
  readonly verificationStatus: string;
  readonly rows: number;
  readonly copies: readonly { readonly store: string; readonly state: string; readonly grade: string }[];
}

jest.setTimeout(60_000);

let temp: TempFolder;
let postgres: TestPostgres;
let running: RunningCli | null = null;
let first: Ready;
let ports: readonly [grpc: string, ui: string];
/** Commands that watch; one whose test failed must not outlive it. */
const watching: RunningCli[] = [];

const holdfast = (...args: string[]): Promise<CliOutcome> => runCli([...args, '--json'], { cwd: temp.path });

/** Keeps a dump in its middle, at a lock, while `work` runs: however fast the machine, it is met there. */
async function whileHeldUp(work: () => Promise<void>): Promise<void> {
  const client = new Client(postgres.target('shop'));
  await client.connect();
  try {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    await work();
  } finally {
    await client.end();
  }
}

function watch(...args: string[]): RunningCli {
  const started = startCli(args, { cwd: temp.path });
  watching.push(started);
  return started;
}

/** Starts `holdfast up` and waits for the document that says that everything answers. */
async function bringUp(): Promise<Ready> {
  const started = startCli(['up', '--json', '--temporal-port', ports[0], '--ui-port', ports[1]], { cwd: temp.path });
  running = started;
  let text = '';
  started.child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until(
    'holdfast up is ready',
    () => {
      if (started.child.exitCode !== null) throw new Error(`holdfast up ended: ${started.output()}`);
      return /^\}$/m.test(text);
    },
    UP_MS,
    started.output,
  );
  return JSON.parse(text) as Ready;
}

async function down(): Promise<CliOutcome | null> {
  const ending = running;
  running = null;
  if (ending === null) return null;
  ending.child.kill('SIGTERM');
  return ending.outcome;
}

afterEach(async () => {
  for (const { child, outcome } of watching.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await outcome;
  }
});

beforeAll(async () => {
  temp = await tempFolder('up');
  // The scratch servers' OS user must be able to pass through.
  chmodSync(temp.path, 0o755);
  ports = [String(await freePort()), String(await freePort())];
  postgres = await startPostgres();
  await postgres.createDatabase('shop');
  await postgres.sql(
    `CREATE TABLE orders (id int PRIMARY KEY, note text);
     INSERT INTO orders SELECT g, repeat(md5(g::text), 40) FROM generate_series(1, 20000) g`,
    'shop',
  );
  writeFileSync(
    join(temp.path, 'shop-url'),
    `postgresql://postgres@127.0.0.1:${postgres.port}/shop?sslmode=disable\n`,
    {
      mode: 0o600,
    },
  );
  expect((await holdfast('init')).code).toBe(0);
  expect((await holdfast('keys', 'init')).code).toBe(0);
  const file = join(temp.path, 'holdfast.yaml');
  // Neither catalogue nor Temporal are stated: they are embedded. A small shutdown grace keeps the test quick.
  const text = readFileSync(file, 'utf8')
    .replace('env:SHOP_URL', 'file:./shop-url')
    // At full pace at any hour, whatever else this machine does.
    .replace(/^load:$/m, 'load:\n  watch: false')
    .replace(/^# The index of all backups[\s\S]*$/m, 'worker: { shutdownGrace: 2s }\nscratch: { dir: ./scratch }\n');
  writeFileSync(file, text);
  first = await bringUp();
}, UP_MS + 60_000);

afterAll(async () => {
  await down();
  await postgres?.stop();
  // As root the cluster lies where its OS user may enter, not below this folder.
  removeClusterFolder(join(temp.path, '.holdfast', 'catalog'));
  await temp?.remove();
}, 60_000);

test('a folder belongs to one `holdfast up` at a time', async () => {
  const second = await holdfast('up');
  expect(second.json()).toMatchObject({ error: { code: 'CLI_UP_LOCKED', exitCode: 4 } });
  expect(second.code).toBe(4);
}, 60_000);

test('doctor finds everything fit, by the addresses of the embedded services', async () => {
  const outcome = await holdfast('doctor');
  const { findings } = outcome.json<{ findings: { area: string; status: string; detail: string }[] }>();
  expect(findings.filter((finding) => finding.status === 'fail')).toEqual([]);
  expect(findings.map((finding) => finding.detail).join('\n')).toContain(first.temporal);
  expect(outcome.code).toBe(0);
}, 60_000);

test('a backup is made, proved exact, listed, shown, held, and restored beside the original', async () => {
  const made = await holdfast('backup', 'run', 'shop', '--type', 'full');
  expect(made.json()).toMatchObject({ outcome: 'ran', backup: { type: 'full', grade: 'exact', rows: 20_000 } });
  expect(made.code).toBe(0);
  for (const line of made.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('progress');

  const [listed] = (await holdfast('backup', 'list')).json<Listed[]>();
  expect(listed).toMatchObject({
    status: 'completed',
    verificationStatus: 'exact',
    copies: [{ store: 'disk', grade: 'exact' }],
  });
  const shown = (await holdfast('backup', 'show', 'shop')).json<{ url: string; proofs: unknown[] }>();
  expect(shown.url).toContain(first.webUi);
  expect(shown.proofs).toHaveLength(1);

  const id = listed!.backupId;
  expect((await holdfast('backup', 'hold', 'shop', '--reason', 'test', '--holder', 'legal')).code).toBe(0);
  const refused = await holdfast('backup', 'delete', id, '--confirm', id);
  expect(refused.json()).toMatchObject({ error: { code: 'CLI_BACKUP_HELD', exitCode: 4 } });
  expect((await holdfast('backup', 'release', 'shop', '--holder', 'legal')).json()).toMatchObject({
    released: 1,
    remaining: [],
  });
  const floor = await holdfast('backup', 'delete', id, '--confirm', id);
  expect(floor.json()).toMatchObject({ error: { code: 'CLI_BACKUP_FLOOR' } });

  const restored = await holdfast('restore', 'shop', '--to', 'shop', '--as', 'shop_check');
  expect(restored.json()).toMatchObject({ databaseName: 'shop_check', rows: 20_000 });
  const again = await holdfast('restore', 'shop', '--to', 'shop', '--as', 'shop_check');
  expect(again.code).toBe(4);
  const unconfirmed = await holdfast('restore', 'shop', '--to', 'shop', '--as', 'shop_check', '--replace', '--yes');
  expect(unconfirmed.json()).toMatchObject({ error: { code: 'CLI_CONFIRMATION_REQUIRED', exitCode: 4 } });
}, 180_000);

test('schedules are planned, applied, paused and listed', async () => {
  const plan = await holdfast('apply', '--dry-run');
  expect(plan.json()).toMatchObject({
    applied: false,
    plan: ['shop/hourly', 'shop/weekly-full', '_holdfast/store-usage'].map((scheduleId) => ({
      scheduleId,
      action: 'create',
    })),
  });
  expect((await holdfast('apply')).code).toBe(4);
  expect((await holdfast('apply', '--yes')).json()).toMatchObject({ applied: true });
  expect((await holdfast('schedule', 'pause', 'hourly')).json()).toEqual({ scheduleId: 'shop/hourly', paused: true });
  const listed = (await holdfast('schedule', 'list')).json<{ scheduleId: string; paused: boolean }[]>();
  expect(listed.map(({ scheduleId, paused }) => `${scheduleId} ${paused}`).sort()).toEqual([
    '_holdfast/store-usage false',
    'shop/hourly true',
    'shop/weekly-full false',
  ]);
}, 60_000);

test('the catalogue is made again from the store', async () => {
  expect((await holdfast('catalog', 'rebuild', '--store', 'disk')).json()).toMatchObject({
    backups: 1,
    proofs: 1,
    refused: [],
  });
  expect((await holdfast('catalog', 'audit')).json()).toMatchObject({ chain: 'whole' });
}, 60_000);

test('a worker that is killed is started again, and its backup goes on', async () => {
  let backup!: RunningCli;
  await whileHeldUp(async () => {
    backup = watch('backup', 'run', 'shop', '--type', 'full', '--json');
    await until('the dump has begun', () => backup.output().includes('"phase":"dumping"'), 60_000, backup.output);
    process.kill(first.pids.worker, 'SIGKILL');
  });
  const outcome = await backup.outcome;
  expect(outcome.json()).toMatchObject({ outcome: 'ran', backup: { grade: 'exact', rows: 20_000 } });
  expect(running!.output()).toContain('worker is up again');
}, 180_000);

test('killed in mid-backup, the next `holdfast up` ends what was left, at the same addresses, and the backup goes on', async () => {
  let backup!: RunningCli;
  await whileHeldUp(async () => {
    backup = watch('backup', 'run', 'shop', '--type', 'full', '--json');
    await until('the dump has begun', () => backup.output().includes('"phase":"dumping"'), 60_000, backup.output);
    const killed = running!;
    killed.child.kill('SIGKILL');
    await killed.outcome;
  });
  expect(isAlive(first.pids.temporal)).toBe(true);
  const next = await bringUp();
  expect(isAlive(first.pids.temporal)).toBe(false);
  expect(next).toMatchObject({ temporal: first.temporal, webUi: first.webUi, catalog: first.catalog });
  const outcome = await backup.outcome;
  expect(outcome.json()).toMatchObject({ outcome: 'ran', backup: { grade: 'exact', rows: 20_000 } });
  first = next;
}, 300_000);

test('Ctrl-C while watching leaves the backup running', async () => {
  await whileHeldUp(async () => {
    const run = watch('backup', 'run', 'shop', '--type', 'full');
    await until('the run is under way', () => run.output().includes('shop full dumping'), 60_000, run.output);
    run.child.kill('SIGINT');
    const outcome = await run.outcome;
    expect(outcome.code).toBe(130);
    expect(outcome.stderr).toContain('holdfast backup show shop --follow');
  });
  const followed = await holdfast('backup', 'show', 'shop', '--follow');
  expect(followed.json()).toMatchObject({ status: 'completed', verificationStatus: 'exact' });
}, 120_000);

test('told to stop, it ends everything that it started', async () => {
  const outcome = await down();
  expect(outcome!.code).toBe(0);
  expect(Object.values(first.pids).filter(isAlive)).toEqual([]);
  const away = await holdfast('backup', 'list');
  expect(away.code).not.toBe(0);
}, 120_000);
