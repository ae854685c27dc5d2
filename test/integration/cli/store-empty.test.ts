/** store retire --delete-objects: what is ours goes by exact key, when nothing needs it any more. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillShop, startStack, type Stack } from '../../support/stack';
import { runCli } from './run-cli';

jest.setTimeout(300_000);

let stack: Stack;
let stopWorkers: () => Promise<void>;
let backupId: string;
beforeAll(async () => {
  stack = await startStack({ stores: ['disk', 'other', 'third'], database: { verification: { stores: 'all' } } });
  await fillShop(stack.postgres, 50);
  const price = { currency: 'EUR', storagePerGbMonth: 20, per1000Writes: 5, per1000Reads: '0.4', egressPerGb: 90 };
  const quota = { maxBytes: '1MiB', warnAt: 0.001 };
  const stores = stack.input.stores.map((store: { name: string }) =>
    store.name === 'third' ? store : { ...store, price, ...(store.name === 'disk' ? { quota } : {}) },
  );
  writeFileSync(join(stack.folder, 'holdfast.yaml'), JSON.stringify({ ...stack.input, stores }));
  stopWorkers = await stack.startWorkers();
  const { workflowId } = await stack.client.requestBackup({
    ...{ database: 'shop', type: 'full', overlap: 'skip', requestedBy: 'a test' },
  });
  backupId = (await stack.client.requestResult(workflowId)).backup!.backupId;
});
afterAll(async () => {
  await stopWorkers?.();
  await stack?.stop();
});

const cli = (...args: string[]) => runCli([...args, '--json'], { cwd: stack.folder });
const empty = (...args: string[]) => cli('store', 'retire', 'other', '--delete-objects', ...args);
const filesAt = (store: string) =>
  readdirSync(stack.storePath(store), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.holdfast-tmp'))
    .map((entry) => join(entry.parentPath, entry.name).slice(stack.storePath(store).length + 1));
const codeOf = (answer: { json: <T>() => T }) => answer.json<{ error: { code: string } }>().error.code;
const others = () => ['notes.txt', 'shop/segments/readme', 'mine/data/a'];

interface Shown {
  readonly segments: number;
  readonly copies: readonly {
    readonly store: string;
    readonly cost: {
      readonly perMonth: { amount: string };
      spent: { amount: string };
      readBack: { amount: string };
    } | null;
  }[];
  readonly cost: { readonly perMonth: readonly { amount: string; currency: string }[] };
}

test('a backup shows what each copy costs, in a month, so far, and to read, where prices are stated', async () => {
  const shown = (await cli('backup', 'show', backupId)).json<Shown>();
  const of = (store: string) => shown.copies.find((copy) => copy.store === store)!.cost;
  expect(of('third')).toBeNull();
  expect(of('disk')!.perMonth).toEqual(of('other')!.perMonth);
  expect(Number(of('disk')!.perMonth.amount)).toBeGreaterThan(0);
  // At least a put for each object.
  expect(Number(of('disk')!.spent.amount)).toBeGreaterThanOrEqual((shown.segments * 5) / 1_000);
  expect(Number(of('disk')!.readBack.amount)).toBeGreaterThan((shown.segments * 0.4) / 1_000);
  expect(shown.cost.perMonth).toEqual([
    { amount: String(Number((2 * Number(of('disk')!.perMonth.amount)).toFixed(12))), currency: 'EUR' },
  ]);
  const text = (await runCli(['backup', 'show', backupId], { cwd: stack.folder })).stdout;
  expect(text).toMatch(/A MONTH +SPENT +A RESTORE/);
  expect(text).toMatch(/cost .*EUR a month for what it brought/);
});

test('doctor says how full each store is, and warns from the mark on', async () => {
  const { findings } = (await cli('doctor')).json<{ findings: { area: string; status: string; detail: string }[] }>();
  const room = (store: string) =>
    findings.find(({ area, detail }) => area === `store ${store}` && detail.includes('holds '));
  expect(room('disk')).toMatchObject({ status: 'warn', detail: expect.stringMatching(/% of 1.0 MiB is used/) });
  expect(room('third')).toMatchObject({ status: 'ok' });
});

test('says what would go, and deletes nothing without the name', async () => {
  for (const key of others()) {
    mkdirSync(join(stack.storePath('other'), key, '..'), { recursive: true });
    writeFileSync(join(stack.storePath('other'), key), 'mine');
  }
  const before = filesAt('other').length;
  const dry = await empty('--dry-run');
  expect(dry.code).toBe(0);
  expect(dry.json()).toMatchObject({ dryRun: true, retired: false, obstacles: [], found: { others: 3, locked: 0 } });
  expect(dry.json<{ found: { objects: number } }>().found.objects).toBe(before - 3);
  const yes = await empty('--yes');
  expect([yes.code, codeOf(yes)]).toEqual([4, 'CLI_CONFIRMATION_REQUIRED']);
  expect((await empty('--confirm', 'disk')).code).toBe(4);
  expect(filesAt('other')).toHaveLength(before);
  expect(await stack.catalog.storeLives()).toEqual([]);
});

test('refuses while another store has the last good copy here, by what that store itself shows', async () => {
  // The catalogue believes in the copies at disk and third; both stores show no manifest of it now.
  const manifests = ['disk', 'third'].map((store) => join(stack.storePath(store), 'shop/manifests', backupId));
  const kept = manifests.map((file) => readFileSync(file));
  manifests.forEach((file) => rmSync(file));
  const refused = await empty('--confirm', 'other');
  expect([refused.code, codeOf(refused)]).toEqual([4, 'CLI_STORE_RETIRE_REFUSED']);
  expect((await empty('--dry-run')).json()).toMatchObject({ obstacles: [{ backupId, clause: 'only-copy' }] });
  manifests.forEach((file, index) => writeFileSync(file, kept[index]!));
  expect(await stack.catalog.storeLives()).toEqual([]);
});

test('refuses two names of one place, whatever the catalogue says', async () => {
  const twice = stack.input.stores.map((store: { name: string }) =>
    store.name === 'third' ? { ...store, path: stack.storePath('other') } : store,
  );
  const file = join(stack.folder, 'twice.yaml');
  writeFileSync(file, JSON.stringify({ ...stack.input, stores: twice }));
  const before = filesAt('other').length;
  const refused = await cli('-c', file, 'store', 'retire', 'other', '--delete-objects', '--confirm', 'other');
  expect([refused.code, codeOf(refused)]).toEqual([4, 'CLI_STORE_RETIRE_REFUSED']);
  expect(refused.json()).toMatchObject({ error: { message: expect.stringContaining('third is the same place') } });
  expect(filesAt('other')).toHaveLength(before);
});

test('deletes what is ours and nothing else, and says so in the audit log', async () => {
  const done = await empty('--confirm', 'other');
  expect(done.code).toBe(0);
  expect(done.json()).toMatchObject({ retired: true, copies: 1, removed: { others: 3, locked: 0 } });
  expect(filesAt('other').sort()).toEqual(others().sort());
  const actions = (await stack.catalog.auditLog({})).map(({ action }) => action);
  expect(actions).toEqual(expect.arrayContaining(['store.retired', 'store.emptying', 'store.emptied']));
  expect((await stack.catalog.currentUsage({ store: 'other' })).every(({ bytes }) => bytes === 0)).toBe(true);
  expect(existsSync(join(stack.storePath('disk'), 'shop/manifests', backupId))).toBe(true);
  const proof = await cli('verify', backupId, '--store', 'disk', '--grade', 'intact');
  expect(proof.code).toBe(0);
});

test('given again, carries on with what is left, and finds nothing more to do', async () => {
  const again = await empty('--confirm', 'other');
  expect(again.code).toBe(0);
  expect(again.json()).toMatchObject({ retired: true, copies: 0, removed: { objects: 0, others: 3 } });
  expect(filesAt('other').sort()).toEqual(others().sort());
});
