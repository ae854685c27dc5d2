import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DemoResult } from '../../src/cli/demo/result';
import { freshFolder } from '../../src/cli/demo/folder';
import { removeClusterFolder } from '../../src/provision';

const ROOT = join(__dirname, '..', '..');
/** Megabytes: small, yet enough that a pause finds the dump under way. */
const SIZE = '30';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;

beforeAll(() => {
  if (!existsSync(join(ROOT, 'dist/cli/demo/main.js')))
    throw new Error('run `npm run build` first: this drives the built program');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
});
afterEach(async () => {
  // Ends what a failed run left, and removes what lies outside of the folder too.
  await freshFolder(folder);
  removeClusterFolder(join(folder, 'postgres'));
  rmSync(folder, { recursive: true, force: true });
});

function startDemo(...args: string[]) {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'dist/cli/demo/main.js'), '--size', SIZE, '--folder', folder, ...args],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  const said = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => stderr.includes(text) && resolve();
      child.stderr.on('data', look);
      void ended.then((end) => reject(new Error(`it ended before it said "${text}":\n${end.stderr}`)));
      look();
    });
  return { child, ended, said };
}

/** Servers that still run and were started from this folder. */
function processesIn(where: string): string[] {
  const seen: string[] = [];
  for (const name of [
    'temporal/temporal.pid',
    's3/s3.pid',
    'gcs/gcs.pid',
    'worker/worker.pid',
    'users/users.pid',
    'rush/rush.pid',
    'postgres/cluster/data/postmaster.pid',
  ])
    if (existsSync(join(where, name))) seen.push(`${name}: ${readFileSync(join(where, name), 'utf8').slice(0, 60)}`);
  return seen;
}

describe('the demo', () => {
  it('backs up, pauses, proves, loses, restores and compares, and says so in one JSON line', async () => {
    const { code, stdout, stderr } = await startDemo('--exit', '--json').ended;
    const lines = stdout.trim().split('\n');
    const result = JSON.parse(lines.at(-1) ?? 'null') as DemoResult;
    expect({ code, error: result.error, stderr: code === 0 ? '' : stderr }).toEqual({
      code: 0,
      error: undefined,
      stderr: '',
    });
    expect(lines).toHaveLength(1);
    expect(result.ok).toBe(true);
    expect(result.backups.map(({ type, grade }) => [type, grade])).toEqual([
      ['full', 'exact'],
      ['incremental', 'exact'],
    ]);
    for (const backup of result.backups) {
      expect([...backup.copies].sort((a, b) => a.store.localeCompare(b.store))).toEqual([
        { store: 'disk', state: 'proved', grade: 'exact' },
        { store: 'gcs', state: 'proved', grade: 'exact' },
        { store: 's3', state: 'proved', grade: 'exact' },
      ]);
      expect(backup.rows).toBeGreaterThan(100_000);
      expect(backup.sealedBytes).toBeGreaterThan(0);
      expect(backup.plainBytes).toBeGreaterThan(backup.sealedBytes);
      expect(backup.durationMs).toBeGreaterThan(0);
    }
    const [full, incremental] = result.backups;
    expect(full).toMatchObject({ reusedBytes: 0, uploadedBytes: full!.sealedBytes });
    expect(incremental!.reusedBytes).toBeGreaterThan(0);
    expect(incremental!.uploadedBytes).toBeLessThan(full!.uploadedBytes);
    expect(result.restore).toMatchObject({ equal: true, rows: incremental!.rows });
    expect(new Date(result.pause!.askedAt).getTime()).toBeGreaterThan(0);
    expect(result.pause!.effectiveMs).toBeLessThan(1_000);
    expect(processesIn(folder)).toEqual([]);
  }, 600_000);

  it('loses a store in the middle of the dump, ends well without it, and fills it from another copy when it is back', async () => {
    const { ended, said } = startDemo('--exit', '--json', '--outage');
    const pidOfS3 = () => (JSON.parse(readFileSync(join(folder, 's3', 's3.pid'), 'utf8')) as { pid: number }).pid;
    await said('Start Holdfast');
    const before = pidOfS3();
    await said('s3 is down');
    expect(() => process.kill(before, 0)).toThrow('ESRCH');
    await said('s3 answers again');
    expect(pidOfS3()).not.toBe(before);
    const { code, stdout, stderr } = await ended;
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as DemoResult;
    expect({ code, error: result.error, stderr: code === 0 ? '' : stderr }).toEqual({
      code: 0,
      error: undefined,
      stderr: '',
    });
    expect(result).toMatchObject({ ok: true, outage: { store: 's3', statesSeen: ['2/3', '3/3'], dumps: 1 } });
    const { downAt, upAt, compliance } = result.outage!;
    const rowOf = (state: string) => Date.parse(compliance.find((row) => row.state === state)!.at);
    expect(rowOf('2/3')).toBeGreaterThan(Date.parse(downAt));
    expect(rowOf('2/3')).toBeLessThan(Date.parse(upAt!));
    expect(rowOf('3/3')).toBeGreaterThan(Date.parse(upAt!));
    expect(compliance.at(-1)).toMatchObject({ state: '3/3', proved: 3, compliant: true });
    expect(result.backups.map(({ copies }) => copies.map(({ grade }) => grade))).toEqual([
      ['exact', 'exact', 'exact'],
      ['exact', 'exact', 'exact'],
    ]);
    for (const said of ['The outage, as it went', 'store status', 'store diff disk s3', 'store usage', 'store cost'])
      expect(stderr).toContain(said);
    expect(processesIn(folder)).toEqual([]);
  }, 600_000);

  it('makes a load in the middle of a backup, follows it with the pace, and draws both', async () => {
    const { code, stdout, stderr } = await startDemo('--exit', '--json', '--load').ended;
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as DemoResult;
    // A machine that is busy with much else pauses the backup before the load does: then that is what it says.
    if (result.error) expect({ ...result.error, stderr }).toMatchObject({ code: 'DEMO_LOAD_FAILED' });
    expect(code).toBe(result.ok ? 0 : 1);
    expect(result.backups.map(({ copies }) => copies.map(({ grade }) => grade))).toEqual([['exact', 'exact', 'exact']]);
    const load = result.load!;
    expect(load.visits).toBeGreaterThan(100);
    expect(load.mostChangesInAMinute).toBeLessThanOrEqual(4);
    expect(readFileSync(load.chart!, 'utf8')).toContain('load begins');
    for (const said of ['Pace of the backup', 'What the users wait for', 'load ends', 'load-watch%2Fshop'])
      expect(stderr).toContain(said);
    if (result.ok) {
      expect(load.changes.length).toBeGreaterThanOrEqual(2);
      expect(load.reactionMs).toBeGreaterThan(0);
      expect(result.restore).toMatchObject({ equal: true });
    }
    expect(processesIn(folder)).toEqual([]);
  }, 600_000);

  it.each([
    ['at its start', 'Start Holdfast', []],
    ['while a store is down', 's3 is down', ['--outage']],
  ])(
    'ends everything that it started when it is interrupted %s, and says that it is not done',
    async (_, line, more) => {
      const { child, ended, said } = startDemo('--exit', '--json', ...more);
      await said(line);
      child.kill('SIGINT');
      const { code, stdout } = await ended;
      expect(code).toBe(130);
      expect(JSON.parse(stdout.trim())).toMatchObject({ ok: false, backups: [], restore: null });
      expect(processesIn(folder)).toEqual([]);
    },
    300_000,
  );

  it('clears away what a killed demo left running', async () => {
    const first = startDemo('--exit', '--json');
    await first.said('Start Holdfast');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(processesIn(folder)).not.toEqual([]);
    const second = startDemo('--exit', '--json');
    await second.said('making a cluster').catch(() => undefined);
    second.child.kill('SIGINT');
    await second.ended;
    expect(processesIn(folder)).toEqual([]);
  }, 180_000);
});
