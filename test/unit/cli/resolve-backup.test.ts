import { resolveBackup } from '../../../src/cli/resolve-backup';
import type { BackupJob, Catalog } from '../../../src/catalog/types';

const job = (backupId: string, changes: Partial<BackupJob> = {}): BackupJob =>
  ({ backupId, database: 'shop', status: 'completed', deletedAt: null, ...changes }) as BackupJob;

const JOBS = [
  job('20261121T102000Z-incremental-cccc0003', { status: 'running' }),
  job('20261121T101000Z-incremental-bbbb0002'),
  job('20261121T100000Z-full-aaaa0001'),
  job('20261120T100000Z-full-dddd0001', { database: 'orders', deletedAt: new Date(0) }),
];

/** The catalogue's two questions, answered from a list. */
const catalog = {
  job: async (id: string) => JOBS.find((one) => one.backupId === id) ?? null,
  jobs: async ({ database, includeDeleted }: { database?: string; includeDeleted?: boolean }) =>
    JOBS.filter(
      (one) => (database === undefined || one.database === database) && (includeDeleted || one.deletedAt === null),
    ),
} as unknown as Catalog;

const find = (text: string, completed = false) => resolveBackup(catalog, text, ['shop', 'orders'], { completed });

test('a whole id is that backup, even a deleted one', async () => {
  expect((await find('20261120T100000Z-full-dddd0001')).database).toBe('orders');
});

test('a database is its newest backup; where data is needed, its newest complete one', async () => {
  expect((await find('shop')).backupId).toContain('cccc0003');
  expect((await find('shop@latest', true)).backupId).toContain('bbbb0002');
});

test('the end or the beginning of an id is enough where one fits', async () => {
  expect((await find('aaaa0001')).backupId).toContain('T100000Z-full');
  expect((await find('20261121T1010')).backupId).toContain('bbbb0002');
});

test.each([
  ['0001', 'CLI_BACKUP_AMBIGUOUS'],
  ['20261121T999999Z-full-00000000', 'CLI_BACKUP_UNKNOWN'],
  ['ffff9999', 'CLI_BACKUP_UNKNOWN'],
  ['01', 'CLI_BACKUP_UNKNOWN'],
  ['orders', 'CLI_BACKUP_UNKNOWN'],
])('%s is refused with %s', async (text, code) => {
  await expect(find(text)).rejects.toMatchObject({ code });
});
