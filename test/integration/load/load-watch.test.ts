import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeFile } from 'node:fs/promises';
import { LOAD_WATCH, type Pace } from '../../../src/domain/pace';
import { loadWatchId } from '../../../src/workflows/ids';
import { endOpenRuns, fillShop, startStack, type Stack } from '../../support/stack';

/** Between two looks, and for how long one thing may take: the machine may be busy. */
const LOOK_MS = 200;

/** Sessions alone decide: whatever else runs on this machine has no say. */
const OFF = [
  'httpLatencyMs',
  'httpFailures',
  'probeLatencyMs',
  'statementMeanMs',
  'poolUse',
  'lockWaiters',
  'replicationLagMs',
  'hostCpu',
  'hostIoWait',
  'hostMemory',
  'containerCpu',
  'containerMemory',
  'workerMemoryBytes',
];
const limits = {
  ...Object.fromEntries(OFF.map((signal) => [signal, 'off' as const])),
  sessionsActive: { throttle: 3, pause: 5, release: 2 },
};

describe('the load watch beside a real backup', () => {
  let stack: Stack;
  let stopWorkers: () => Promise<void>;
  let load: ChildProcess | null = null;

  beforeAll(async () => {
    stack = await startStack({
      database: { readers: 2 },
      load: {
        watch: true,
        every: '500ms',
        idleEvery: '1s',
        limits,
        peak: { limits: Object.fromEntries(OFF.map((signal) => [signal, 'off' as const])) },
        minSignals: 1,
        maxRate: '400KB',
        minRate: '200KB',
        safePace: { maxRate: '100KB', readers: 1, uploads: 1 },
        silentAfter: '6s',
        samplers: { host: { enabled: false } },
      },
    });
    await fillShop(stack.postgres, 40_000);
    stopWorkers = await stack.startWorkers();
  }, 120_000);
  afterAll(async () => {
    await endLoad();
    await stopWorkers();
    await stack.stop();
  }, 60_000);

  const paceOfRun = async (): Promise<Pace | null> => (await stack.client.progress('shop'))?.pace ?? null;
  const untilPace = async (what: (pace: Pace) => boolean): Promise<Pace> => {
    for (;;) {
      const pace = await paceOfRun();
      if (pace !== null && what(pace)) return pace;
      await delay(LOOK_MS);
    }
  };
  const words = async () => (await stack.catalog.loadWatches({ database: 'shop' }))[0];

  /** Eight sessions that are active nearly all the time, and cost next to nothing. */
  const startLoad = async () => {
    const script = path.join(stack.folder, 'busy.sql');
    await writeFile(script, 'SELECT pg_sleep(0.2);\n');
    const { postgres } = stack;
    const { host, port, user, password } = postgres.target('shop');
    const options = ['-h', host, '-p', `${port}`, '-U', user, '-n', '-c', '8', '-j', '1', '-T', '300', '-f', script];
    load = spawn(path.join(postgres.binDir, 'pgbench'), [...options, 'shop'], {
      stdio: 'ignore',
      env: { ...process.env, PGPASSWORD: password },
    });
  };
  async function endLoad(): Promise<void> {
    const running = load;
    load = null;
    if (running === null || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGTERM');
    await gone;
  }

  it('slows the backup while pgbench runs, lets it go on afterwards, and takes over where a watch was lost', async () => {
    // Learns what is usual before anything runs.
    while ((await words())?.word.rhythm !== 'idle') await delay(LOOK_MS);
    await stack.client.requestBackup({ database: 'shop', type: 'full', requestedBy: 'a test', overlap: 'skip' });
    // As fast as the config allows at any hour: that is a pace of the watch too.
    await untilPace(
      ({ setBy, maxBytesPerSecond, readers }) =>
        setBy === LOAD_WATCH && maxBytesPerSecond === 400e3 && readers === null,
    );

    await startLoad();
    const slowed = await untilPace(({ paused, setBy }) => setBy === LOAD_WATCH && paused);
    expect(slowed.reason).toMatch(/session/i);
    await endLoad();
    await untilPace(({ paused, setBy }) => setBy === LOAD_WATCH && !paused);

    // A person's word is not touched by what the watch sees.
    const asked = await stack.client.setPace('shop', { maxBytesPerSecond: 300e3, readers: 1 }, 'ana', 'by hand', 4_000);
    await stack.client.awaitPaceApplied('shop', asked.sequence, 15_000);
    await untilPace(({ setBy }) => setBy === LOAD_WATCH);
    expect(Date.now()).toBeGreaterThanOrEqual(asked.until!);

    // Without a watch the dump goes to the safe pace by itself, and says so.
    await stack.env.client.workflow.getHandle(loadWatchId('shop')).terminate('a test');
    const safe = await untilPace(({ setBy }) => setBy === 'default');
    expect(safe).toMatchObject({ maxBytesPerSecond: 100e3, readers: 1, paused: false });
    expect(safe.reason).toContain('the load watch was not heard');
    expect(await stack.client.applyLoadWatches()).toEqual([{ database: 'shop', action: 'start' }]);
    await untilPace(({ setBy, maxBytesPerSecond }) => setBy === LOAD_WATCH && maxBytesPerSecond! > 100e3);

    const { backupId } = (await stack.client.progress('shop'))!;
    const events = await stack.catalog.loadEvents({ backupId });
    expect(events.some(({ word, setBy }) => word === 'paused' && setBy === LOAD_WATCH)).toBe(true);
    const samples = await stack.catalog.loadSamples({ database: 'shop', from: new Date(0) });
    expect(samples.some(({ source, signals }) => source === 'postgres' && signals.sessionsActive !== undefined)).toBe(
      true,
    );
    // Runs that never end are nobody's list of runs.
    expect((await stack.client.runs({})).map(({ type }) => type)).not.toContain('loadWatch');
    await stack.client.cancel('shop', 'the test is over');
  }, 400_000);

  it('refuses a backup while an emergency stop stands, whoever asks', async () => {
    await endOpenRuns(stack);
    await stack.catalog.stopAll({ by: 'ana', why: 'the site is down', at: new Date() });
    const { workflowId } = await stack.client.requestBackup({
      database: 'shop',
      type: 'full',
      requestedBy: 'schedule shop/nightly',
      overlap: 'skip',
    });
    await expect(stack.client.requestResult(workflowId)).rejects.toMatchObject({ code: 'RUN_EMERGENCY_STOP' });
    await stack.catalog.endStop({ by: 'ana', why: 'it is up', at: new Date() });
  }, 60_000);
});
