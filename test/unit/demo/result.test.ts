import { differences } from '../../../src/cli/demo/compare';
import { demoBackup, faultsOf } from '../../../src/cli/demo/result';
import type { BackupResult } from '../../../src/domain/runs';

const backup: BackupResult = {
  database: 'shop',
  backupId: '20261121T100000Z-full-0a1b2c3d',
  type: 'full',
  basedOn: null,
  grade: 'exact',
  rows: 10,
  plainBytes: 1000,
  sealedBytes: 500,
  uploadedBytes: 500,
  reusedBytes: 0,
  segments: 3,
  durationMs: 1234,
  copies: [
    { store: 'disk', state: 'proved', grade: 'exact', detail: null },
    { store: 's3', state: 'complete', grade: 'stored', detail: 'not asked' },
  ],
  notices: [],
};

describe('the result of the demo', () => {
  it('has exactly the promised fields of a backup', () => {
    expect(demoBackup(backup)).toEqual({
      id: backup.backupId,
      type: 'full',
      grade: 'exact',
      rows: 10,
      plainBytes: 1000,
      sealedBytes: 500,
      uploadedBytes: 500,
      reusedBytes: 0,
      durationMs: 1234,
      copies: [
        { store: 'disk', state: 'proved', grade: 'exact' },
        { store: 's3', state: 'complete', grade: 'stored' },
      ],
    });
  });

  it('accepts a backup only when each store proved it exact', () => {
    expect(faultsOf(backup, ['disk'])).toEqual([]);
    expect(faultsOf(backup, ['disk', 's3', 'tape'])).toEqual([
      'the copy at s3 is complete, grade stored: not asked',
      'tape has no copy',
    ]);
  });
});

describe('comparing a database with what it was', () => {
  const before = { dump: 'a', rows: 3, tables: new Map([['s.one', '1 rows, 5'], ['s.two', '2 rows, 7']]) }; // prettier-ignore

  it('finds nothing when nothing differs', () => {
    expect(differences(before, { ...before, tables: new Map(before.tables) })).toEqual([]);
  });

  it('names each table that is missing, different or new, and the schema', () => {
    const after = { dump: 'b', rows: 3, tables: new Map([['s.two', '2 rows, 8'], ['s.three', '0 rows, 0']]) }; // prettier-ignore
    expect(differences(before, after)).toEqual([
      's.one is missing',
      's.two differs',
      's.three is new',
      'the texts of pg_dump differ',
    ]);
  });
});
