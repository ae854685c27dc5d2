/** Every copy is proved in turn, and what no new backup reads is read again: damage there is found, healed and proved. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadKeysFromDir } from '../../src/repository/keys';
import { manifestKey, segmentKey } from '../../src/repository/layout';
import { readInventory } from '../../src/repository/reader';
import type { Inventory } from '../../src/repository/types';
import type { IntactResult, RotationResult } from '../../src/domain/verification-runs';
import { folderStore } from '../support/format-world';
import { fillShop, startStack, type Stack } from '../support/stack';
import { runCli } from '../integration/cli/run-cli';

const STORES = ['disk', 'other', 'third'];
let stack: Stack;
let stopWorkers: () => Promise<void>;
let configFile: string;
/** Oldest first: the second shares nothing with the first. */
const backups: string[] = [];

beforeAll(async () => {
  stack = await startStack({
    stores: STORES,
    database: {
      verification: {
        rotation: { every: 'daily', newest: 2 },
        intact: { every: 'daily', maxBytesPerSecond: '200MB/s' },
      },
    },
  });
  configFile = join(stack.folder, 'holdfast.yaml');
  writeFileSync(configFile, JSON.stringify(stack.input));
  stopWorkers = await stack.startWorkers();
  for (const turn of [1, 2]) {
    await stack.postgres.sql('DROP TABLE IF EXISTS items', 'shop');
    await fillShop(stack.postgres, 300);
    await stack.postgres.sql(`UPDATE items SET body = reverse(body) || ${turn}`, 'shop');
    const { workflowId } = await stack.client.requestBackup({
      database: 'shop',
      type: 'full',
      overlap: 'skip',
      requestedBy: 'a test',
    });
    backups.push((await stack.client.requestResult(workflowId)).backup!.backupId);
  }
}, 240_000);
afterAll(async () => {
  await stopWorkers?.();
  await stack?.stop();
}, 60_000);

async function takeTurn(): Promise<RotationResult> {
  const { workflowId } = await stack.client.startRotation({ database: 'shop', requestedBy: 'a test' });
  return stack.client.rotationResult(workflowId);
}
async function readPart(part: number): Promise<IntactResult> {
  const { workflowId } = await stack.client.startIntact({
    database: 'shop',
    stores: [],
    share: { part },
    requestedBy: 'a test',
  });
  return stack.client.intactResult(workflowId);
}
const cli = (...args: string[]) => runCli(['-c', configFile, ...args], { cwd: stack.folder });
const fileOf = (store: string, key: string) => join(stack.storePath(store), key);
async function inventoryOf(store: string, backupId: string): Promise<Inventory> {
  const keys = await loadKeysFromDir(join(stack.folder, 'keys'));
  return readInventory(folderStore(stack.storePath(store), store), 'shop', backupId, keys);
}
const copyOf = async (store: string, backupId: string) =>
  (await stack.catalog.copies({ backupId })).find((copy) => copy.store === store)!;

test('a rotation proves each copy at each store by its own bytes, store by store', async () => {
  const missing = () => stack.catalog.copies({}).then((copies) => copies.filter(({ grade }) => grade !== 'exact'));
  const before = (await missing()).length;
  expect(before).toBe(4); // Each backup was proved at one store after it was made.
  const turns: RotationResult[] = [];
  for (let turn = 0; turn < 6; turn++) turns.push(await takeTurn());
  expect(turns.map(({ outcome }) => outcome)).toEqual(Array(6).fill('proved'));
  expect(await missing()).toEqual([]);
  // No store has two turns more than another.
  for (let end = 1; end <= turns.length; end++) {
    const seen = STORES.map((store) => turns.slice(0, end).filter(({ turn }) => turn!.store === store).length);
    expect(Math.max(...seen) - Math.min(...seen)).toBeLessThanOrEqual(1);
  }
  const [first] = turns;
  expect(first).toMatchObject({ copies: 6, skipped: [], proof: { grade: 'exact', failure: null } });
  const { sealedBytes } = await inventoryOf(first!.turn!.store, first!.turn!.backupId);
  expect(first!.turn!.estimate).toMatchObject({ bytes: sealedBytes });
  expect(first!.measured!.ms).toBeGreaterThan(0);
  const recorded = await stack.catalog.turns({ database: 'shop' });
  expect(recorded.map(({ outcome }) => outcome)).toEqual(Array(6).fill('proved'));
}, 300_000);

test('a store that is away keeps its place, and the others take their turns', async () => {
  const moved = `${stack.storePath('other')}-away`;
  const { renameSync } = await import('node:fs');
  renameSync(stack.storePath('other'), moved);
  try {
    const turns = [await takeTurn(), await takeTurn()];
    expect(turns.map(({ turn }) => turn!.store)).not.toContain('other');
    expect(turns[0]!.skipped).toMatchObject([{ store: 'other' }]);
  } finally {
    rmSync(stack.storePath('other'), { recursive: true, force: true });
    renameSync(moved, stack.storePath('other'));
  }
  expect((await takeTurn()).turn!.store).toBe('other');
}, 120_000);

test('damage in an old backup that no new backup reads is found by the cycle, healed, and proved again', async () => {
  const [old, recent] = backups as [string, string];
  const inventory = await inventoryOf('disk', old);
  const named = new Set((await inventoryOf('disk', recent)).segments.map(({ object }) => object));
  const alone = inventory.segments.filter(({ object }) => !named.has(object)).map(({ object }) => object);
  const [flipped, lost] = [alone[0]!, alone[1]!];
  const flippedFile = fileOf('other', segmentKey('shop', flipped));
  const sound = readFileSync(flippedFile);
  const bytes = Buffer.from(sound);
  bytes[bytes.length >> 1]! ^= 4;
  writeFileSync(flippedFile, bytes);
  rmSync(fileOf('third', segmentKey('shop', lost)));
  rmSync(fileOf('disk', manifestKey('shop', old)));

  // Listings tell what is lost; what keeps its size is seen by reading alone.
  const listed = await cli('store', 'diff', 'other', 'third', '--json');
  expect(listed.code).toBe(6);
  expect(listed.json()).toMatchObject({
    equal: false,
    databases: [{ a: { missing: 0, damaged: null }, b: { missing: 1 }, faults: [{ object: lost, backups: [old] }] }],
  });
  const deep = await cli('store', 'diff', 'other', 'disk', '--deep', '--database', 'shop');
  expect(deep.code).toBe(6);
  expect(deep.stdout).toContain(`${flipped.slice(0, 12)}… at other is damaged, named by ${old}`);
  expect(deep.stdout).toContain(`${old} is at other alone`);
  expect(deep.stderr).toMatch(/^reading .* in \d+ objects.* at other$/m);

  // A cycle in four parts; a worker that is stopped in between changes nothing.
  const results: IntactResult[] = [];
  for (let part = 0; part < 4; part++) {
    if (part === 2) {
      await stopWorkers();
      stopWorkers = await stack.startWorkers();
    }
    results.push(await readPart(1 / 4));
  }
  const shares = results.flatMap((result) => result.shares);
  expect(shares.every(({ error }) => error === null)).toBe(true);
  const sum = (store: string, get: (read: NonNullable<(typeof shares)[number]['read']>) => number) =>
    shares.filter((share) => share.store === store).reduce((total, { read }) => total + get(read!), 0);
  expect(sum('other', ({ damagedObjects }) => damagedObjects)).toBe(1);
  expect(sum('third', ({ missingObjects }) => missingObjects)).toBe(1);
  const healed = results.flatMap((result) => result.healed);
  expect(
    healed.map(({ store, backupId, state, grade, failure }) => [store, backupId, state, grade, failure]).sort(),
  ).toEqual(STORES.map((store) => [store, old, 'proved', 'exact', null]));
  // Found where the manifest lacks before an object was read; the other two where the object's bucket came.
  expect(results[0]!.healed.map(({ store }) => store)).toContain('disk');

  expect(readFileSync(flippedFile).equals(sound)).toBe(true);
  for (const store of STORES) expect(await copyOf(store, old)).toMatchObject({ state: 'proved', grade: 'exact' });
  const equal = await cli('store', 'diff', 'other', 'disk', '--deep', '--json');
  expect(equal).toMatchObject({ code: 0 });
  const cycles = await stack.catalog.intactCycles({ database: 'shop' });
  expect(cycles).toHaveLength(3);
  for (const cycle of cycles) expect(cycle.completedAt).not.toBeNull();
  const audit = await stack.catalog.auditLog({ database: 'shop' });
  expect(audit.filter(({ action }) => action === 'verify.damaged')).toHaveLength(3);
}, 300_000);

test('a backup that no store holds whole is filled and healed from what each store has of it', async () => {
  const recent = backups[1]!;
  const { segments } = await inventoryOf('disk', recent);
  const [shared, ...rest] = segments.map(({ object }) => segmentKey('shop', object)) as [string, ...string[]];
  // As after an outage of two stores: `disk` alone took the backup, and lost an object since that an older backup left elsewhere.
  const record = (store: string, state: 'lost' | 'damaged') =>
    stack.catalog.setCopy({
      ...{ backupId: recent, database: 'shop', store, state },
      ...{ grade: null, detail: null, at: new Date() },
    });
  const leave = async (store: string, gone: readonly string[]) => {
    for (const key of gone) rmSync(fileOf(store, key));
    await record(store, 'lost');
  };
  await leave('other', [manifestKey('shop', recent), ...rest]);
  await leave('third', [manifestKey('shop', recent), shared, ...rest]);
  const damage = async () => {
    rmSync(fileOf('disk', shared));
    await record('disk', 'damaged');
  };
  await damage();

  const proof = await cli('verify', recent, '--store', 'disk', '--grade', 'exact', '--json');
  expect(proof).toMatchObject({ code: 0 });
  expect(await copyOf('disk', recent)).toMatchObject({ state: 'proved', grade: 'exact' });
  await damage();
  for (const store of ['other', 'third']) {
    const { workflowId, runId } = await stack.client.startReplicate('shop', recent, store);
    const filled = await stack.env.client.workflow.getHandle(workflowId, runId).result();
    expect(filled).toMatchObject({ store, state: 'complete' });
  }
  for (const store of STORES)
    expect(await cli('verify', recent, '--store', store, '--grade', 'exact', '--json')).toMatchObject({ code: 0 });
  for (const store of STORES) expect(await copyOf(store, recent)).toMatchObject({ state: 'proved', grade: 'exact' });
}, 240_000);

test('two copies that are damaged in different places heal each other; damage everywhere is reported, and nothing is hidden', async () => {
  const [old] = backups as [string];
  const { segments } = await inventoryOf('disk', old);
  const harm = (store: string, index: number) => {
    const file = fileOf(store, segmentKey('shop', segments[index]!.object));
    const bytes = readFileSync(file);
    bytes[10]! ^= 1;
    writeFileSync(file, bytes);
  };
  for (const [index, store] of STORES.entries()) harm(store, index);
  const { workflowId } = await stack.client.startIntact({
    database: 'shop',
    stores: [],
    share: 'all',
    requestedBy: 'a test',
  });
  const mutual = await stack.client.intactResult(workflowId);
  expect(mutual.shares.map(({ read }) => read!.damagedObjects)).toEqual([1, 1, 1]);
  for (const store of STORES) expect(await copyOf(store, old)).toMatchObject({ state: 'proved', grade: 'exact' });

  for (const store of STORES) harm(store, 3);
  const everywhere = await cli('verify', 'shop', '--intact', '--all-stores', '--share', 'all', '--json');
  expect(everywhere.code).toBe(6);
  const result = everywhere.json<{ healed: { failure: { code: string } | null; state: string }[] }>();
  expect(result.healed.map(({ failure, state }) => [failure?.code, state])).toEqual(
    Array(3).fill(['REPO_NO_GOOD_COPY', 'damaged']),
  );
  for (const store of STORES) expect((await copyOf(store, old)).state).toBe('damaged');
  expect(readdirSync(stack.config.scratch.dir, { withFileTypes: true }).filter((one) => one.isDirectory())).toEqual([]);
}, 400_000);

test('the status says what is proved where, how long ago, and what comes next', async () => {
  const answer = await cli('verify', 'status', '--json');
  expect(answer.code).toBe(0);
  const [status] = answer.json<{ stores: { store: string; cycle: { progress: number } }[] }[]>() as never as [
    {
      stores: {
        store: string;
        proved: { exact: string };
        cycle: { progress: number };
        copies: object;
        oldestReadAt: string;
      }[];
    },
  ];
  expect(status.stores.map(({ store }) => store).sort()).toEqual(STORES);
  for (const store of status.stores) {
    expect(store).toMatchObject({ cycle: { progress: 1 }, copies: { held: 1, damaged: 1 } });
    expect(Date.parse(store.proved.exact)).not.toBeNaN();
    expect(Date.parse(store.oldestReadAt)).not.toBeNaN();
  }
  const text = await cli('verify', 'status');
  expect(text.stdout).toMatch(/^next turn {2}\S+ at \S+ \(/m);
  const refused = await cli('verify', 'shop', '--rotate', '--grade', 'exact');
  expect(refused.code).toBe(2);
}, 120_000);
