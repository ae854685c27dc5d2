import { FULL_PACE } from '../../../src/domain/pace';
import type { BackupProgress } from '../../../src/domain/progress';
import { backupCard } from '../../../src/workflows/card';

const progress: BackupProgress = {
  database: 'shop',
  backupId: '20261121T092530Z-full-1a2b3c4d',
  type: 'full',
  phase: 'dumping',
  startedAt: '2026-11-21T09:25:30.000Z',
  dump: {
    attempt: 1,
    current: 'public.orders',
    tablesDone: 3,
    tablesTotal: 12,
    rows: 120_000,
    plainBytes: 52_428_800,
    plainBytesExpected: 104_857_600,
    sealedBytes: 0,
    uploadedBytes: 0,
    reusedBytes: 0,
    bytesPerSecond: 20_971_520,
    elapsedMs: 2_500,
    etaMs: 2_500,
    pace: FULL_PACE,
  },
  copies: [{ store: 'disk', state: 'pending', grade: null, detail: 'a | b' }],
  pace: FULL_PACE,
  paceApplied: true,
  paceAppliedAt: null,
  error: null,
};
const facts = { requestedBy: 'schedule hourly', host: null, notices: [], result: null };

test('says in words what goes on, how far it is, and where the copies stand', () => {
  const card = backupCard(progress, facts);
  expect(card).toContain('Read the database in one snapshot');
  expect(card).toContain('3 of 12 tables');
  expect(card).toContain('50 MiB read (about 50 %)');
  expect(card).toContain('at `public.orders`');
  expect(card).toContain('| disk | pending | — | a \\| b |');
});

test('a pause is the headline, with who asked and why', () => {
  const pace = { ...FULL_PACE, paused: true, reason: 'month end', setBy: 'ana', sequence: 4 };
  const card = backupCard({ ...progress, pace, paceApplied: false }, facts);
  expect(card.split('\n')[0]).toBe('### Paused: month end');
  expect(card).toContain('paused, by ana: month end (not confirmed');
});

test('a failure is the headline, with its code and message', () => {
  const card = backupCard({ ...progress, phase: 'failed', error: { type: 'PG_DENIED', message: 'no' } }, facts);
  expect(card.split('\n')[0]).toBe('### Failed: PG_DENIED');
  expect(card).toContain('`PG_DENIED` — no');
});

test('says how many of the wanted copies there are, and which clause of the policy is missing', () => {
  const missing = [{ clause: 'offsite' as const, have: 0, want: 1, sentence: '0 of 1 copy elsewhere' }];
  const compliance = { state: '2/3', met: 2, wanted: 3, proved: 1, compliant: false, missing };
  expect(backupCard({ ...progress, compliance }, facts)).toContain(
    '**Copies:** 2/3, 1 proved; the policy is not met: 0 of 1 copy elsewhere',
  );
  const met = { ...compliance, state: '3/3', compliant: true, missing: [] };
  expect(backupCard({ ...progress, compliance: met }, facts)).toMatch(/\*\*Copies:\*\* 3\/3, 1 proved$/m);
});

test('a run that waits says for what, until when, and how somebody starts it now', () => {
  const until = '2026-11-21T22:00:00.000Z';
  const waiting = { reason: 'outside of its windows (daily 22:00–05:00, UTC)', until, for: 'opening' as const };
  const card = backupCard({ ...progress, phase: 'admitting', dump: null, waiting }, facts);
  expect(card).toContain(`### Waiting until ${until}`);
  expect(card).toContain(`**Waits:** ${waiting.reason}, until ${until}. \`holdfast backup resume\``);
  const place = {
    reason: 'waits for one of 2 places, behind the backup of orders',
    until: null,
    for: 'place' as const,
  };
  const queued = backupCard({ ...progress, phase: 'admitting', dump: null, waiting: place }, facts);
  expect(queued).toContain('### Waiting\n');
  expect(queued).not.toContain('resume');
});
