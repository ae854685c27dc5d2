import { checkCopyPolicy } from '../../../../src/cli/commands/doctor/check-services';
import { clockFinding, examine } from '../../../../src/cli/commands/doctor/finding';
import { configSchema } from '../../../../src/config/schema';
import { cliError } from '../../../../src/errors/cli';

const config = (stores: readonly object[], policy?: object) =>
  configSchema.parse({
    version: 1,
    databases: [{ name: 'shop', connection: { url: 'env:SHOP_URL' } }],
    stores,
    keys: { repository: './keys', idKey: 'env:ID' },
    catalog: { connection: { url: 'env:CATALOG_URL' } },
    ...(policy === undefined ? {} : { policy }),
  });
const disk = (name: string, path: string) => ({ name, adapter: 'filesystem', path });
const s3 = (name: string, changes: object = {}) => ({ name, adapter: 's3', bucket: name, ...changes });
const details = async (...given: Parameters<typeof config>) =>
  (await checkCopyPolicy(config(...given))).map(({ status, detail }) => `${status} ${detail}`);

test('one store alone is warned of', async () => {
  expect(await details([disk('a', '/srv/a')])).toEqual(['warn shop: there is only one store']);
});

test('stores that share disk, credentials or region are warned of, others are not', async () => {
  expect(await details([disk('a', '/tmp/a'), disk('b', '/tmp/b'), s3('c'), s3('d')])).toEqual([
    expect.stringMatching(/^warn a and b share the disk device \d+:\d+: one broken disk takes them all$/),
    'warn c and d share the credentials of the environment: who has them has them all',
    'warn c and d share the region aws/us-east-1: when it is down they are all down',
  ]);
  const apart = [
    disk('a', '/srv/a'),
    s3('c', { accessKeyId: 'env:A', secretAccessKey: 'env:B' }),
    s3('d', { region: 'x' }),
  ];
  expect(await details(apart)).toEqual([]);
});

test('a policy that the stores cannot meet is a failure that names the clause, one that they can is in order', async () => {
  expect(await details([disk('a', '/srv/a')], {})).toEqual([
    'fail shop: 3 copies are wanted, but there is 1 store',
    'fail shop: 2 kinds of media are wanted, but the stores are of 1 (disk)',
    'fail shop: 1 copy elsewhere is wanted, but no store has the role offsite',
  ]);
  const enough = [disk('a', '/srv/a'), s3('c', { region: 'x', role: 'offsite' })];
  expect(await details(enough, { copies: 2 })).toEqual(['ok the stores can hold the copies that are wanted of shop']);
});

test('a clock is told apart only beyond what NTP leaves', () => {
  expect(clockFinding('temporal', 900).status).toBe('ok');
  expect(clockFinding('temporal', -60_000)).toMatchObject({
    status: 'warn',
    detail: 'its clock is 60.0 s behind ours',
  });
});

test('a check that throws is a failed check with its hint', async () => {
  const found = await examine('keys', () => Promise.reject(cliError('CLI_STORE_UNKNOWN')));
  expect(found).toEqual([
    { area: 'keys', status: 'fail', detail: expect.stringContaining('CLI_STORE_UNKNOWN'), hint: expect.any(String) },
  ]);
});
