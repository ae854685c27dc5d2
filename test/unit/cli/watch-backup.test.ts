import { createUi } from '../../../src/cli/output/ui';
import { backupFrame, describePace } from '../../../src/cli/watch-backup';
import { FULL_PACE } from '../../../src/domain/pace';
import type { BackupProgress } from '../../../src/domain/progress';

const { colors } = createUi({ color: false });
const MIB = 2 ** 20;

function progress(changes: Partial<BackupProgress> = {}): BackupProgress {
  return {
    database: 'shop',
    backupId: '20261121T092530Z-full-1a2b3c4d',
    type: 'full',
    phase: 'dumping',
    startedAt: '2026-11-21T09:25:30.000Z',
    dump: {
      attempt: 1,
      current: 'public.orders',
      tablesDone: 4,
      tablesTotal: 12,
      rows: 1_204_000,
      plainBytes: 120 * MIB,
      plainBytesExpected: 200 * MIB,
      sealedBytes: 40 * MIB,
      uploadedBytes: 12 * MIB,
      reusedBytes: 28 * MIB,
      bytesPerSecond: 41 * MIB,
      elapsedMs: 3_000,
      etaMs: 2_000,
      pace: FULL_PACE,
    },
    copies: [{ store: 'disk', state: 'copying', grade: null, detail: null }],
    pace: FULL_PACE,
    paceApplied: true,
    error: null,
    ...changes,
  } as BackupProgress;
}

test('a dump shows table, share, rows, bytes, rate, time left, what was sent and reused, pace and copies', () => {
  const { block, line } = backupFrame(progress(), colors);
  const text = block.join('\n');
  for (const part of [
    'public.orders',
    '60 %',
    '1,204,000 rows',
    '120 MiB of about 200 MiB',
    '41 MiB/s',
    '2 s left',
    'tables 4/12',
    'sent 12 MiB',
    'reused 28 MiB',
    'pace full',
    'disk copying',
  ]) {
    expect(text).toContain(part);
  }
  expect(line).toBe(
    'shop full dumping public.orders · 60 % · 1,204,000 rows · 120 MiB of about 200 MiB · 41 MiB/s · 2 s left',
  );
});

test('a repeated attempt, a pause and an unconfirmed pace are told', () => {
  const pace = { ...FULL_PACE, paused: true, reason: 'month end', setBy: 'ana', sequence: 7 };
  const dump = { ...progress().dump!, attempt: 2 };
  const { block } = backupFrame(progress({ pace, paceApplied: false, dump }), colors);
  const text = block.join('\n');
  expect(text).toContain('attempt 2');
  expect(text).toContain('paused · month end (not confirmed yet)');
});

test('a proof shows its own step in place of the dump', () => {
  const sub = { store: 's3', step: 'comparing rows', done: 1, total: 4, current: 'public.orders' };
  const { block, line } = backupFrame(progress({ phase: 'verifying' }), colors, sub);
  expect(block.join('\n')).toContain('25 % s3: comparing rows public.orders');
  expect(line).toContain('s3: comparing rows 25 %');
  expect(line).not.toContain('left');
});

test('the key changes with phase, pace and copies, not with counters', () => {
  const key = (changes: Partial<BackupProgress>) => backupFrame(progress(changes), colors).key;
  const dump = { ...progress().dump!, rows: 2_000_000 };
  expect(key({ dump })).toBe(key({}));
  expect(key({ phase: 'verifying' })).not.toBe(key({}));
  expect(key({ pace: { ...FULL_PACE, sequence: 3 } })).not.toBe(key({}));
  const proved = [{ store: 'disk', state: 'proved', grade: 'exact', detail: null }] as const;
  expect(key({ phase: 'verifying', copies: proved })).not.toBe(key({ phase: 'verifying' }));
});

test('limits are told in words', () => {
  const pace = { ...FULL_PACE, maxBytesPerSecond: 20 * MIB, readers: 1, reason: 'asked by ana' };
  expect(describePace(pace)).toBe('at most 20 MiB/s, 1 reader · asked by ana');
});

test('a run that waits for its time shows why and until when, instead of a bar', () => {
  const waiting = { reason: 'booking is protected', until: '2026-11-21T22:00:00.000Z', for: 'opening' as const };
  const frame = backupFrame(progress({ phase: 'admitting', dump: null, waiting }), colors);
  expect(frame.line).toContain('admitting · waits: booking is protected, until 2026-11-21T22:00:00.000Z');
  expect(frame.block).toContain('waits: booking is protected, until 2026-11-21T22:00:00.000Z');
  expect(frame.block.join('\n')).not.toContain('░');
});
