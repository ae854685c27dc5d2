import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { HeavyQueue } from '../../../src/domain/load/places';
import { backupRunId, heavyWorkId, verifyId } from '../../../src/workflows/ids';
import { fillShop, startStack, type Stack } from '../../support/stack';
import { startCli } from '../cli/run-cli';

const LOOK_MS = 200;
const began = new Date().getUTCHours();
const hour = (inHours: number) => `${String((began + inHours) % 24).padStart(2, '0')}:00`;

describe('what may start, on real servers', () => {
  let stack: Stack;
  let stopWorkers: () => Promise<void>;
  beforeAll(async () => {
    // Open for an hour, half a day from now.
    const windows = [{ from: hour(11), to: hour(12) }];
    stack = await startStack({ stores: ['disk'], load: { watch: false, windows } });
    await fillShop(stack.postgres, 500);
    await writeFile(path.join(stack.folder, 'holdfast.yaml'), JSON.stringify(stack.input));
    stopWorkers = await stack.startWorkers();
  }, 120_000);
  afterAll(async () => {
    await stopWorkers();
    await stack.stop();
  }, 60_000);

  const cli = async (...args: string[]) => {
    const { outcome } = startCli(args, { cwd: stack.folder });
    return outcome;
  };
  const request = (now?: boolean) =>
    stack.client.requestBackup({
      ...{ database: 'shop', type: 'full', overlap: 'skip', requestedBy: 'a test' },
      ...(now ? { now } : {}),
    } as const);

  it('waits for its window, says so everywhere, and starts on the word of a person', async () => {
    const { workflowId } = await request();
    while ((await stack.client.progress('shop').catch(() => null))?.waiting?.for !== 'opening') await delay(LOOK_MS);
    const until = (await stack.client.progress('shop'))!.waiting!.until!;
    expect(new Date(until).toISOString().slice(11, 16)).toBe(hour(11));

    const list = await cli('backup', 'list');
    expect(list.stdout).toContain(`waits: outside of its windows (daily ${hour(11)}–${hour(12)}, UTC), until ${until}`);
    const queue = await cli('queue');
    expect(queue.stdout).toMatch(/^0 of 2 places taken, 0 waiting\n/);
    expect(queue.stdout).toMatch(/\nnot yet +backup of shop +outside of its windows .*, until /);

    const resumed = await cli('backup', 'resume', 'shop', '--reason', 'month-end');
    expect(resumed.stdout).toContain('shop: starts now; it waited: outside of its windows');
    const { backup } = await stack.client.requestResult(workflowId);
    expect(backup).toMatchObject({ grade: 'exact', rows: 500 });
    expect(backup!.notices).toEqual([
      expect.stringMatching(/^.+ let it start now, whatever its calendar and the impact breaker say: month-end$/),
    ]);
    const emptied = (await stack.client.heavyQueue())!;
    expect({ running: emptied.running, waiting: emptied.waiting }).toEqual({ running: [], waiting: [] });
  }, 200_000);

  it('starts at once where it is asked for now, and an emergency stop holds it all the same', async () => {
    await stack.catalog.stopAll({ by: 'ana', why: 'the site is down', at: new Date() });
    const refused = await request(true);
    await expect(stack.client.requestResult(refused.workflowId)).rejects.toMatchObject({ code: 'RUN_EMERGENCY_STOP' });
    // A proof that is asked for meanwhile waits for the end of the stop.
    const [job] = await stack.catalog.jobs({ database: 'shop', status: 'completed' });
    const { backupId } = job!;
    const proof = { database: 'shop', backupId, store: 'disk', grade: 'restored', requestedBy: 'a test' } as const;
    await stack.client.startVerify(proof);
    const held = async (): Promise<HeavyQueue['waiting']> => (await stack.client.heavyQueue())?.waiting ?? [];
    while ((await held()).length === 0) await delay(LOOK_MS);
    expect(await held()).toMatchObject([
      { id: verifyId('shop', backupId, 'disk'), text: 'held back: an emergency stop of ana stands: the site is down' },
    ]);
    await stack.catalog.endStop({ by: 'ana', why: 'over', at: new Date() });
    await stack.client.lookAtHeavyWork();
    expect(await stack.client.verifyResult(verifyId('shop', backupId, 'disk'))).toMatchObject({ grade: 'restored' });

    const started = await request(true);
    expect((await stack.client.requestResult(started.workflowId)).backup).toMatchObject({ grade: 'exact' });
  }, 200_000);

  it('asks for its place in two steps of the history, and nobody sees the keeper among the runs', async () => {
    const { events } = await stack.env.client.workflow.getHandle(backupRunId('shop')).fetchHistory();
    const asked = events!.findIndex(
      (one) => one.activityTaskScheduledEventAttributes?.activityType?.name === 'askTurn',
    );
    const told = events!.findIndex((one) => one.workflowExecutionSignaledEventAttributes?.signalName === 'turn');
    expect(asked).toBeGreaterThan(0);
    expect(told).toBeGreaterThan(asked);
    expect((await stack.client.runs({})).map(({ workflowId }) => workflowId)).not.toContain(
      heavyWorkId(stack.config.taskQueues.prefix),
    );
  }, 60_000);
});
