/** Tokens and roles on the real thing: a Temporal server, a catalogue, workers, and the command line as a child. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { newToken, tokenHash } from '../../../src/config/access-tokens';
import { configSchema, type HoldfastConfigInput } from '../../../src/config/schema';
import type { BackupProgress } from '../../../src/domain/progress';
import { createWorkers } from '../../../src/workers/create-workers';
import { endOpenRuns, fillShop, secrets, startStack, type Stack } from '../../support/stack';
import { workflowBundle } from '../../support/temporal';
import { runCli, until, type CliOutcome } from './run-cli';

jest.setTimeout(300_000);

const TOKENS = {
  viewer: newToken(),
  oncall: newToken(),
  restorer: newToken(),
  keeper: newToken(),
  past: newToken(),
};
const access: HoldfastConfigInput['access'] = {
  tokens: [
    { name: 'viewer', roles: ['view'], hash: tokenHash(TOKENS.viewer) },
    { name: 'oncall', roles: ['operate'], hash: tokenHash(TOKENS.oncall) },
    { name: 'restorer', roles: ['restore'], hash: tokenHash(TOKENS.restorer) },
    { name: 'keeper', roles: ['administer'], hash: tokenHash(TOKENS.keeper) },
    { name: 'past', roles: ['operate'], hash: tokenHash(TOKENS.past), expires: '2020-01-01' },
  ],
};

let stack: Stack;
let input: HoldfastConfigInput;
let metrics: string;
let stopWorkers: () => Promise<void>;

beforeAll(async () => {
  stack = await startStack({ stores: ['disk'], load: { watch: false }, worker: { metrics: '127.0.0.1:0' } });
  await stack.postgres.createDatabase('books');
  await fillShop(stack.postgres, 30_000);
  const [shop] = stack.input.databases;
  const schedules = [{ name: 'yearly', type: 'full' as const, cron: '0 3 1 1 *' }];
  const target = { ...shop!.connection, database: 'books' } as NonNullable<typeof shop>['connection'];
  input = {
    ...stack.input,
    access,
    // Until a person says otherwise the run has a middle, also in the moments between two words.
    load: { ...stack.input.load, maxRate: '300KB/s', minRate: '100KB/s' },
    databases: [
      { ...shop!, schedules },
      { ...shop!, name: 'books', connection: target, schedules },
    ],
  };
  writeFileSync(join(stack.folder, 'holdfast.yaml'), JSON.stringify(input));
  const config = configSchema.parse(input);
  const workers = await createWorkers({ config, secrets, workflowBundle: await workflowBundle() });
  metrics = `http://${workers.metricsAddress!}/metrics`;
  const running = workers.run();
  stopWorkers = async () => {
    workers.shutdown();
    await running;
  };
}, 120_000);
afterAll(async () => {
  await endOpenRuns(stack);
  await stopWorkers();
  await stack.stop();
}, 60_000);

/** Everything that was printed, so that no token is found in it. */
let printed = '';
async function as(token: keyof typeof TOKENS | null, ...args: string[]): Promise<CliOutcome> {
  const env = token === null ? {} : { HOLDFAST_TOKEN: TOKENS[token] };
  const outcome = await runCli([...args, '--json'], { cwd: stack.folder, env });
  printed += outcome.stdout + outcome.stderr;
  return outcome;
}
const codeOf = (outcome: CliOutcome) => outcome.json<{ error?: { code: string } }>().error?.code ?? null;
const denials = async () =>
  (await stack.catalog.auditLog({})).filter(({ action }) => action === 'access.denied').reverse();

test('without the role nothing happens, the exit code is 7, and the audit log says who tried what', async () => {
  const before = (await denials()).length;
  const stop = ['emergency-stop', '--reason', 'a try', '--yes'];
  const missing = await as(null, ...stop);
  expect({ exit: missing.code, code: codeOf(missing) }).toEqual({ exit: 7, code: 'ACCESS_TOKEN_MISSING' });
  const wrong = await runCli([...stop, '--json'], { cwd: stack.folder, env: { HOLDFAST_TOKEN: newToken() } });
  expect({ exit: wrong.code, code: codeOf(wrong) }).toEqual({ exit: 7, code: 'ACCESS_TOKEN_UNKNOWN' });
  expect(codeOf(await as('past', ...stop))).toBe('ACCESS_TOKEN_EXPIRED');
  const narrow = await as('restorer', ...stop);
  expect(narrow.json()).toMatchObject({
    error: {
      code: 'ACCESS_DENIED',
      exitCode: 7,
      context: { command: 'emergency-stop', needs: 'operate', name: 'restorer', roles: 'restore' },
    },
  });
  expect(await stack.catalog.standingStop()).toBeNull();
  const told = (await denials()).slice(before);
  expect(told.map(({ details }) => details)).toEqual([
    { command: 'emergency-stop', needs: ['operate'], code: 'ACCESS_TOKEN_MISSING', roles: [] },
    { command: 'emergency-stop', needs: ['operate'], code: 'ACCESS_TOKEN_UNKNOWN', roles: [] },
    { command: 'emergency-stop', needs: ['operate'], code: 'ACCESS_TOKEN_EXPIRED', roles: ['operate'] },
    { command: 'emergency-stop', needs: ['operate'], code: 'ACCESS_DENIED', roles: ['restore'] },
  ]);
  expect(told.map(({ actor }) => actor.split(' ')[0])).toEqual([
    expect.stringContaining('@'),
    expect.stringContaining('@'),
    'past',
    'restorer',
  ]);
});

test('each role may what it says and no more', async () => {
  expect((await as('viewer', 'backup', 'list')).code).toBe(0);
  expect(codeOf(await as('viewer', 'backup', 'run', 'books'))).toBe('ACCESS_DENIED');
  expect(codeOf(await as('oncall', 'backup', 'delete', 'nothing', '--confirm', 'nothing'))).toBe('ACCESS_DENIED');
  expect(codeOf(await as('oncall', 'restore', 'shop', '--to', 'env:NOWHERE'))).toBe('ACCESS_DENIED');
  expect(codeOf(await as('keeper', 'restore', 'shop', '--to', 'env:NOWHERE'))).toBe('ACCESS_DENIED');
  expect(codeOf(await as('viewer', 'apply', '--yes'))).toBe('ACCESS_DENIED');
  expect((await as('viewer', 'apply', '--dry-run')).code).toBe(0);
  expect((await as('keeper', 'apply', '--yes')).code).toBe(0);
  const listed = (await as('oncall', 'access', 'list')).json<{
    you: string;
    tokens: { name: string; yours: boolean }[];
  }>();
  expect(listed.you).toMatch(/^oncall \(.+@.+\)$/);
  expect(listed.tokens.filter(({ yours }) => yours).map(({ name }) => name)).toEqual(['oncall']);
});

test('what must work when all else is lost asks for no token', async () => {
  expect((await as(null, 'recover', '--store', stack.storePath('disk'), '--list')).code).not.toBe(7);
  expect((await as(null, 'config', 'check')).code).toBe(0);
});

test('an emergency stop by role pauses what runs, keeps everybody from starting, and is taken back', async () => {
  const progress = () => stack.client.progress('shop').catch(() => null);
  const reached = (what: string, check: (now: BackupProgress) => boolean) =>
    until(
      what,
      async () => {
        const now = await progress();
        return now !== null && check(now);
      },
      120_000,
    );
  const { workflowId } = await stack.client.requestBackup({
    database: 'shop',
    type: 'full',
    overlap: 'wait',
    requestedBy: 'a test',
  });
  await reached('it dumps', (now) => now.phase === 'dumping');
  const pace = { maxBytesPerSecond: 300_000, readers: null };
  await stack.client.setPace('shop', pace, 'a test', 'to have a middle');
  await reached('rows have come', (now) => (now.dump?.plainBytes ?? 0) > 300_000);

  // The catalogue cannot be reached: what runs stands still, and the command says that the stop does not stand.
  const away = join(stack.folder, 'away.yaml');
  const nowhere = {
    host: '127.0.0.1',
    port: await closedPort(),
    database: 'c',
    user: 'u',
    sslmode: 'disable' as const,
  };
  writeFileSync(away, JSON.stringify({ ...input, catalog: { connection: nowhere } }));
  const half = await as('oncall', '-c', away, 'emergency-stop', '--reason', 'in need', '--yes');
  expect(half.code).toBe(5);
  expect(half.json()).toMatchObject({
    stop: null,
    error: { code: 'CATALOG_UNREACHABLE' },
    runs: [{ outcome: 'told' }, { outcome: 'not-running' }],
  });
  await reached('the readers stand', (now) => now.dump?.pace.paused === true);
  expect(await stack.catalog.standingStop()).toBeNull();
  const freed = await as('oncall', 'emergency-resume', '--yes');
  expect(freed.json()).toMatchObject({ stop: null, runs: [{ database: 'shop', outcome: 'told' }] });
  await reached('the readers go on', (now) => now.dump?.pace.paused === false);
  await stack.client.setPace('shop', pace, 'a test', 'to have a middle');
  expect((await as('oncall', 'emergency-resume', '--yes')).json()).toEqual({ stop: null, runs: [] });

  const stopped = await as('oncall', 'emergency-stop', '--reason', 'the site is down', '--yes');
  expect(stopped.code).toBe(0);
  expect(stopped.json()).toMatchObject({
    stop: { by: expect.stringMatching(/^oncall \(/) as string, why: 'the site is down' },
    runs: [
      { database: 'shop', outcome: 'told' },
      { database: 'books', outcome: 'not-running' },
    ],
  });
  await reached('the readers stand', (now) => now.dump?.pace.paused === true);
  const held = (await progress())!;
  expect(held.pace).toMatchObject({ paused: true, setBy: expect.stringMatching(/^oncall \(/) as string });
  expect(held.pace.reason).toContain('the site is down');

  // By a schedule: its trigger is let through, the run is not.
  const books = stack.env.client.workflow.getHandle('backup/books');
  expect((await as('oncall', 'schedule', 'trigger', 'books/yearly')).code).toBe(0);
  await until('the schedule has started a run', () => books.describe().then(() => true, ignoreNotFound), 60_000);
  const refusedRun = await books.result().then(
    () => null,
    (error: unknown) => error,
  );
  expect(refusedRun).toBeInstanceOf(WorkflowFailedError);
  expect(typesOf(refusedRun)).toContain('RUN_EMERGENCY_STOP');
  // By a person.
  const person = await as('oncall', 'backup', 'run', 'books');
  expect({ exit: person.code, code: codeOf(person) }).toEqual({ exit: 4, code: 'RUN_EMERGENCY_STOP' });
  expect((await stack.catalog.jobs({ database: 'books' })).filter(({ status }) => status === 'completed')).toEqual([]);
  // By letting the one run go on, now or in a while.
  for (const way of [
    ['resume', 'shop'],
    ['pause', 'shop', '--for', '1s'],
    ['pace', 'shop', '--readers', '1', '--for', '1s'],
  ]) {
    const past = await as('oncall', 'backup', ...way);
    expect({ way, exit: past.code, code: codeOf(past) }).toEqual({ way, exit: 4, code: 'CLI_EMERGENCY_STOP' });
  }
  expect((await progress())!.pace.paused).toBe(true);
  // By somebody without the role.
  expect((await as('restorer', 'emergency-resume', '--yes')).code).toBe(7);
  expect(await stack.catalog.standingStop()).not.toBeNull();

  const resumed = await as('oncall', 'emergency-resume', '--reason', 'it is up again', '--yes');
  expect(resumed.code).toBe(0);
  await reached('the readers go on', (now) => !now.pace.paused);
  await stack.client.setPace('shop', { maxBytesPerSecond: null, readers: null }, 'a test', 'on');
  expect(await stack.client.requestResult(workflowId)).toMatchObject({ outcome: 'ran' });
  expect((await as('oncall', 'backup', 'run', 'books')).code).toBe(0);

  const words = (await stack.catalog.auditLog({})).map(({ actor, action }) => [actor.split(' ')[0], action]);
  expect(words).toEqual(
    expect.arrayContaining([
      ['oncall', 'emergency.stop'],
      ['restorer', 'access.denied'],
      ['oncall', 'emergency.resume'],
    ]),
  );
  expect(await stack.catalog.auditVerify()).toBeNull();
});

test('a worker shows its metrics to a token that may view, and to nobody else', async () => {
  expect((await fetch(metrics)).status).toBe(401);
  const scraped = await fetch(metrics, { headers: { authorization: `Bearer ${TOKENS.viewer}` } });
  expect(scraped.status).toBe(200);
  const text = await scraped.text();
  expect(text).toContain('holdfast_catalog_up 1');
  expect(text).not.toContain(stack.folder);
  expect(text).not.toMatch(/select|copy \(/i);
});

test('a denial does not wait for a catalogue that does not answer, and says that it is not on record', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = silent.address() as { port: number };
    const connection = { host: '127.0.0.1', port, database: 'c', user: 'u', sslmode: 'disable' as const };
    const file = join(stack.folder, 'silent.yaml');
    writeFileSync(file, JSON.stringify({ ...input, catalog: { connection } }));
    const outcome = await as('viewer', '-c', file, 'emergency-stop', '--yes');
    expect(outcome.code).toBe(7);
    expect(outcome.json()).toMatchObject({ error: { code: 'ACCESS_DENIED', context: { recorded: false } } });
  } finally {
    silent.close();
  }
});

test('a token that is made by the command is accepted once its hash is in the configuration', async () => {
  const file = join(stack.folder, 'new-token');
  const made = await as(null, 'access', 'token', 'night', '--role', 'view', '--expires', '2999-01-01', '--out', file);
  const { token, ...entry } = made.json<{
    name: string;
    roles: ['view'];
    hash: string;
    expires: string;
    token: null;
    file: string;
  }>();
  expect(token).toBeNull();
  const { name, roles, hash, expires } = entry;
  const more = join(stack.folder, 'more.yaml');
  const tokens = [...access!.tokens, { name, roles, hash, expires }];
  writeFileSync(more, JSON.stringify({ ...input, access: { tokens } }));
  const env = { HOLDFAST_TOKEN_FILE: file };
  expect((await runCli(['-c', more, 'backup', 'list', '--json'], { cwd: stack.folder, env })).code).toBe(0);
  expect((await runCli(['backup', 'list', '--json'], { cwd: stack.folder, env })).code).toBe(7);
  const again = await as(null, 'access', 'token', 'night', '--role', 'view', '--out', file);
  expect(codeOf(again)).toBe('CLI_FILE_EXISTS');
});

test('no token is in what the command line printed or in the audit log', async () => {
  expect(printed.length).toBeGreaterThan(1_000);
  const kept = printed + JSON.stringify(await stack.catalog.auditLog({}));
  expect(Object.values(TOKENS).filter((token) => kept.includes(token))).toEqual([]);
});

async function closedPort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function ignoreNotFound(error: unknown): false {
  if (error instanceof WorkflowNotFoundError) return false;
  throw error;
}

/** The types of an error and of what caused it. */
function typesOf(error: unknown): readonly string[] {
  const types: string[] = [];
  for (let one = error; one instanceof Error; one = one.cause) {
    const { type } = one as { type?: unknown };
    if (typeof type === 'string') types.push(type);
  }
  return types;
}
