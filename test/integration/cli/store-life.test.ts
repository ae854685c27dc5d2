import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWorkers } from '../../../src/workers/create-workers';
import { endOpenRuns, fillShop, startStack, type Stack } from '../../support/stack';
import { workflowBundle } from '../../support/temporal';
import { runCli } from './run-cli';

jest.setTimeout(300_000);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ stores: ['disk', 'other', 'third'], database: { verification: { stores: 'all' } } });
  await fillShop(stack.postgres, 50);
});
afterAll(async () => {
  await endOpenRuns(stack);
  await stack.stop();
});

/** Workers and a configuration file with these stores, and a policy of two copies. */
async function running<T>(stores: readonly string[], work: () => Promise<T>): Promise<T> {
  const policy = { copies: 2, media: 1, offsite: 0 };
  const kept = <S extends { name: string }>(list: readonly S[]) => list.filter(({ name }) => stores.includes(name));
  const config = { ...stack.config, policy, stores: kept(stack.config.stores) };
  writeFileSync(
    join(stack.folder, 'holdfast.yaml'),
    JSON.stringify({ ...stack.input, policy, stores: kept(stack.input.stores) }),
  );
  const secrets = async (reference: string) => readFileSync(reference.slice('file:'.length), 'utf8').trim();
  const workers = await createWorkers({ config, secrets, workflowBundle: await workflowBundle() });
  const run = workers.run();
  try {
    return await work();
  } finally {
    workers.shutdown();
    await run;
  }
}

const cli = (...args: string[]) => runCli([...args, '--json'], { cwd: stack.folder });
interface Listed {
  readonly backupId: string;
  readonly copies: readonly { store: string; state: string }[];
  readonly compliance: { readonly state: string; readonly compliant: boolean } | null;
}
const newest = async () => (await cli('backup', 'list', 'shop')).json<Listed[]>()[0]!;

test('a store is added and filled, another drained, and retired only when nothing needs it any more', async () => {
  await running(['disk', 'other'], async () => {
    expect(await cli('backup', 'run', 'shop')).toMatchObject({ code: 0 });
    expect(await newest()).toMatchObject({ compliance: { state: '2/2', compliant: true } });
    const refused = await cli('store', 'retire', 'other', '--yes');
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.json()).toMatchObject({ error: { code: 'CLI_STORE_RETIRE_REFUSED' } });
    expect((await cli('store', 'drain', 'disk')).code).toBe(0);
    const last = await cli('store', 'drain', 'other');
    expect(last.json()).toMatchObject({ error: { code: 'CLI_STORE_DRAIN_REFUSED' } });
    expect((await cli('store', 'activate', 'disk')).code).toBe(0);
  });

  await running(['disk', 'other', 'third'], async () => {
    const { backupId } = await newest();
    const added = await cli('store', 'add', 'third');
    expect(added).toMatchObject({ code: 0 });
    expect(added.json()).toMatchObject({ filled: 1, notFilled: 0 });
    const again = await cli('store', 'add', 'third');
    expect(again.json()).toMatchObject({ filled: 0, copiedBytes: 0 });
    expect((await cli('verify', backupId, '--store', 'third')).code).toBe(0);

    expect((await cli('store', 'drain', 'other', '--reason', 'too dear')).code).toBe(0);
    expect((await cli('backup', 'run', 'shop')).code).toBe(0);
    const second = await newest();
    expect(second.backupId).not.toBe(backupId);
    expect(second.copies.map(({ store }) => store).sort()).toEqual(['disk', 'third']);

    const dry = await cli('store', 'retire', 'other', '--dry-run');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.json()).toMatchObject({ retired: false, obstacles: [] });
    expect((await cli('store', 'retire', 'other', '--confirm', 'disk')).code).toBe(4);
    expect((await cli('store', 'retire', 'other', '--confirm', 'other')).json()).toMatchObject({
      retired: true,
      copies: 1,
    });
    const needed = await cli('store', 'retire', 'third', '--dry-run');
    expect(needed).toMatchObject({ code: 4 });
    expect(needed.json<{ obstacles: { clause: string }[] }>().obstacles.map(({ clause }) => clause)).toContain(
      'copies',
    );
    expect(await newest()).toMatchObject({ compliance: { state: '2/2', compliant: true } });
    const listed = (await cli('store', 'list')).json<{ name: string; life: { state: string } | null }[]>();
    expect(listed.find(({ name }) => name === 'other')).toMatchObject({ life: { state: 'retired' }, copies: 0 });
    const report = await cli('report', 'compliance', '--database', 'shop');
    expect(report.json()).toMatchObject({ databases: [{ database: 'shop', held: true, share: expect.any(Number) }] });
    const audit = await stack.catalog.auditLog({});
    expect(audit.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['store.active', 'store.draining', 'store.retired']),
    );
  });
});
