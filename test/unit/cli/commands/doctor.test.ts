import { checkSeparation } from '../../../../src/cli/commands/doctor/check-services';
import { clockFinding, examine } from '../../../../src/cli/commands/doctor/finding';
import { filesystemStoreSchema, s3StoreSchema } from '../../../../src/config/schema';
import { cliError } from '../../../../src/errors/cli';

const disk = (name: string, path: string) => filesystemStoreSchema.parse({ name, adapter: 'filesystem', path });
const s3 = (name: string, changes: object = {}) =>
  s3StoreSchema.parse({ name, adapter: 's3', bucket: name, ...changes });

test('one store alone is warned of', () => {
  expect(checkSeparation([disk('a', '/srv/a')])).toMatchObject([{ status: 'warn', detail: 'there is only one store' }]);
});

test('stores that share place or account are warned of, others are not', () => {
  const shared = checkSeparation([disk('a', '/srv/a'), disk('b', '/srv/b'), s3('c'), s3('d')]);
  expect(shared.map((finding) => finding.detail)).toEqual([
    'a and b share the file system of /srv',
    'c and d share AWS us-east-1 with the credentials of the environment',
  ]);
  const apart = [disk('a', '/srv/a'), s3('c', { accessKeyId: 'env:A' }), s3('d', { accessKeyId: 'env:B' })];
  expect(checkSeparation(apart)).toEqual([]);
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
