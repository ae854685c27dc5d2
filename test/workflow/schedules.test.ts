import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createClient } from '../../src/client/create-client';
import type { HoldfastClient } from '../../src/client/types';
import { configSchema, type HoldfastConfigInput } from '../../src/config/schema';
import { freePort } from '../support/ports';
import { startTemporal } from '../support/temporal';

type Schedules = NonNullable<HoldfastConfigInput['databases'][number]['schedules']>;

let env: TestWorkflowEnvironment;
const open: HoldfastClient[] = [];
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(async () => {
  for (const client of open) await client.close();
  await env.teardown();
});

type Verification = HoldfastConfigInput['databases'][number]['verification'];

function configFor(prefix: string, schedules: Schedules, address = env.address, verification: Verification = {}) {
  return configSchema.parse({
    version: 1,
    databases: [{ name: prefix, connection: { host: 'h', database: 'd', user: 'u' }, schedules, verification }],
    stores: [{ name: 'disk', adapter: 'filesystem', path: '/nowhere' }],
    keys: { repository: 'keys', idKey: 'env:ID_KEY' },
    catalog: { connection: { host: 'h', database: 'c', user: 'u' } },
    temporal: { address, webUi: 'http://127.0.0.1:8233/' },
    taskQueues: { prefix },
  } satisfies HoldfastConfigInput);
}

async function clientFor(
  prefix: string,
  schedules: Schedules,
  verification: Verification = {},
): Promise<HoldfastClient> {
  const client = await createClient(configFor(prefix, schedules, env.address, verification), {
    secrets: () => '',
    identity: 'ana@laptop',
  });
  open.push(client);
  return client;
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 15_000; !(await check()); await new Promise((resolve) => setTimeout(resolve, 100)))
    if (Date.now() > deadline) throw new Error('not in time');
}

const EVERY_KIND: Schedules = [
  { name: 'hourly', every: 'hourly', at: '00:20', jitter: '2m' },
  {
    name: 'daily',
    every: 'daily',
    at: '02:30',
    timezone: 'Europe/Berlin',
    overlap: 'wait',
    type: 'full',
    note: 'ask ana',
  },
  { name: 'weekly', every: 'weekly', dayOfWeek: 'saturday', overlap: 'cancel', catchupWindow: '3h' },
  { name: 'monthly', every: 'monthly', dayOfMonth: 28, at: '23:59' },
  { name: 'often', interval: '15m', type: 'differential' },
  { name: 'cron', cron: '5 4 * * 1-5', timezone: 'America/New_York' },
  { name: 'resting', every: 'daily', paused: true },
];

test('every kind of schedule is made once, and is equal to the config afterwards', async () => {
  const client = await clientFor('kinds', EVERY_KIND);
  expect((await client.planSchedules()).map(({ action }) => action)).toEqual([
    ...EVERY_KIND.map(() => 'create'),
    'create',
  ]);
  await client.applySchedules();
  expect(await client.planSchedules()).toEqual(
    [...EVERY_KIND.map(({ name }) => `kinds/${name}`), '_kinds/store-usage'].map((scheduleId) => ({
      scheduleId,
      action: 'unchanged',
      differences: [],
    })),
  );
  const views = await client.schedules();
  expect(views).toHaveLength(EVERY_KIND.length + 1);
  const daily = views.find(({ name }) => name === 'daily')!;
  expect(daily).toMatchObject({ scheduleId: 'kinds/daily', database: 'kinds', paused: false, note: 'ask ana' });
  const berlin = new Intl.DateTimeFormat('en', {
    timeZone: 'Europe/Berlin',
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  });
  expect(berlin.format(daily.nextRuns[0]!)).toBe('02:30');
  expect(views.find(({ name }) => name === 'resting')!.paused).toBe(true);
}, 60_000);

test('what differs is named field by field, and applied', async () => {
  await (await clientFor('changes', [{ name: 'one', every: 'daily', at: '01:00' }])).applySchedules();
  const client = await clientFor('changes', [
    { name: 'one', every: 'daily', at: '03:00', overlap: 'wait', catchupWindow: '2h', type: 'full', note: 'new' },
  ]);
  const [change] = await client.planSchedules();
  expect(change).toEqual({
    scheduleId: 'changes/one',
    action: 'update',
    differences: [
      'when: daily at 01:00 [0 1 * *] → daily at 03:00 [0 3 * *]',
      'type: incremental → full',
      'overlap policy: skip → wait',
      'schedule overlap: SKIP → BUFFER_ONE',
      'catch-up window: 1h → 2h',
      'note: nothing → new',
    ],
  });
  await client.applySchedules();
  expect((await client.planSchedules())[0]!.action).toBe('unchanged');
}, 60_000);

test('a schedule that left the config is paused with a note, and goes on when it comes back', async () => {
  const both: Schedules = [
    { name: 'stays', every: 'daily' },
    { name: 'goes', every: 'daily', note: 'mine' },
  ];
  await (await clientFor('removal', both)).applySchedules();
  const client = await clientFor('removal', both.slice(0, 1));
  await until(async () => (await client.planSchedules()).some(({ action }) => action === 'pause'));
  await client.applySchedules();
  const gone = (await client.schedules()).find(({ name }) => name === 'goes')!;
  expect(gone).toMatchObject({ paused: true });
  expect(gone.note).toContain('no longer in the config');
  await (await clientFor('removal', both)).applySchedules();
  const back = (await client.schedules()).find(({ name }) => name === 'goes')!;
  expect(back).toMatchObject({ paused: false, note: 'mine' });
}, 60_000);

test('rotation and intact checks are schedules of their own, and paused when they leave the config', async () => {
  const verification: Verification = {
    rotation: { every: 'daily', at: '04:00', timezone: 'Europe/Berlin', note: 'quiet hours' },
    intact: { interval: '12h', cycle: '14d' },
  };
  const client = await clientFor('proofs', [{ name: 'one', every: 'daily' }], verification);
  const planned = await client.planSchedules();
  expect(planned.map(({ scheduleId, action }) => [scheduleId, action])).toEqual([
    ['proofs/one', 'create'],
    ['proofs/rotation', 'create'],
    ['proofs/intact', 'create'],
    ['_proofs/store-usage', 'create'],
  ]);
  expect(planned[1]!.differences).toEqual(expect.arrayContaining(['starts: rotation', 'schedule overlap: SKIP']));
  await client.applySchedules();
  expect((await client.planSchedules()).map(({ action }) => action)).toEqual(Array(4).fill('unchanged'));
  expect((await client.schedules()).map(({ scheduleId }) => scheduleId)).toEqual([
    'proofs/intact',
    'proofs/one',
    'proofs/rotation',
    '_proofs/store-usage',
  ]);
  for (const [name, type] of [
    ['rotation', 'rotation'],
    ['intact', 'intactShare'],
  ] as const) {
    await client.triggerSchedule(`proofs/${name}`);
    await until(async () => (await client.runs({ database: 'proofs', open: true })).some((run) => run.type === type));
    const run = (await client.runs({ database: 'proofs', open: true })).find((one) => one.type === type)!;
    expect(run.workflowId.startsWith(`${name}/proofs-20`)).toBe(true);
  }
  const changed = await clientFor('proofs', [{ name: 'one', every: 'daily' }], {
    rotation: { ...verification.rotation, at: '05:00' },
  });
  await until(async () => (await changed.planSchedules()).some(({ action }) => action === 'pause'));
  expect(await changed.planSchedules()).toMatchObject([
    { action: 'unchanged' },
    { action: 'update', differences: ['when: daily at 04:00 [0 4 * *] → daily at 05:00 [0 5 * *]'] },
    { scheduleId: '_proofs/store-usage', action: 'unchanged' },
    { scheduleId: 'proofs/intact', action: 'pause' },
  ]);
}, 60_000);

test("a person's pause survives an apply", async () => {
  const client = await clientFor('held', [{ name: 'one', every: 'daily', note: 'n' }]);
  await client.applySchedules();
  await client.pauseSchedule('held/one', 'month end');
  expect((await client.planSchedules())[0]!.action).toBe('unchanged');
  const changed = await clientFor('held', [{ name: 'one', every: 'hourly', note: 'n' }]);
  await changed.applySchedules();
  expect((await client.schedules())[0]).toMatchObject({ paused: true, note: 'month end' });
  await client.resumeSchedule('held/one', 'n');
  expect((await changed.planSchedules())[0]!.action).toBe('unchanged');
}, 60_000);

test('a triggered schedule starts a request with a readable id', async () => {
  const client = await clientFor('fired', [{ name: 'one', every: 'daily' }]);
  await client.applySchedules();
  await client.triggerSchedule('fired/one');
  await until(async () => (await client.schedules())[0]!.lastRuns.length === 1);
  const [run] = (await client.schedules())[0]!.lastRuns;
  expect(run!.workflowId).toMatch(/^request\/fired\/one-20\d\d-/);
  await until(async () => (await client.runs({ database: 'fired' })).length === 1);
  expect((await client.runs({ database: 'fired', open: true }))[0]).toMatchObject({
    type: 'request',
    status: 'running',
  });
  await expect(client.triggerSchedule('fired/none')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
}, 60_000);

test('what is not there is said with its own code', async () => {
  const client = await clientFor('absent', []);
  expect(await client.progress('absent')).toBeNull();
  await expect(client.pause('absent', 'ana', 'x')).rejects.toMatchObject({ code: 'RUN_NOT_ACTIVE' });
  await expect(client.cancel('absent', 'x')).rejects.toMatchObject({ code: 'RUN_NOT_ACTIVE' });
  await expect(client.requestResult('request/absent/none')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  expect(await client.activityProgress('restore/none')).toBeNull();
});

test('the server is described: version, search attributes, and who polls', async () => {
  const client = await clientFor('server', []);
  const server = await client.checkServer();
  expect(server).toMatchObject({ missingSearchAttributes: [], pollers: { workflow: 0, dump: 0 } });
  expect(server.serverVersion).toMatch(/^\d+\.\d+/);
  expect(await client.registerSearchAttributes()).toEqual([]);
  expect(client.webUiUrl('backup/shop', 'r')).toBe(
    'http://127.0.0.1:8233/namespaces/default/workflows/backup%2Fshop/r/history',
  );
});

test('a server that does not answer is reported within ten seconds, with what to check', async () => {
  const config = configFor('nobody', [], `127.0.0.1:${await freePort()}`);
  const startedAt = Date.now();
  await expect(createClient(config, { secrets: () => '', identity: 'x' })).rejects.toMatchObject({
    code: 'TEMPORAL_UNREACHABLE',
    hint: expect.stringContaining('temporal.address'),
  });
  expect(Date.now() - startedAt).toBeLessThan(10_000);
}, 20_000);
