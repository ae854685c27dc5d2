import { storeReport, type StoreFacts } from '../../../src/domain/store-report';
import {
  DEFAULT_WATCH_LIMITS,
  freshForMs,
  observe,
  untriedStatus,
  type Observation,
} from '../../../src/domain/store-watch';

const T = Date.UTC(2026, 10, 21, 12);
const LIMITS = DEFAULT_WATCH_LIMITS;
const probe = (at: number, ok: boolean): Observation => ({
  id: `probe/${at}`,
  source: 'probe',
  at,
  ok,
  latencyMs: 20,
  fault: ok ? null : { code: 'STORE_UNREACHABLE', message: 'refused', hint: 'look' },
});
const after = (...answers: boolean[]) =>
  answers.reduce(
    (status, ok, index) => observe(status, probe(T + index * 1_000, ok), LIMITS).status,
    untriedStatus('s3', T),
  );
const facts = (changes: Partial<StoreFacts> = {}): StoreFacts => ({
  store: 's3',
  role: 'secondary',
  known: { status: after(true), updatedAt: new Date(T) },
  lastEvent: null,
  waiting: [],
  ...changes,
});

test('a store that answers is told with its averages', () => {
  expect(storeReport(facts(), LIMITS, new Date(T + 1_000))).toMatchObject({
    ...{ store: 's3', role: 'secondary', watch: 'watched', state: 'healthy', breaker: 'closed', trialDueAt: null },
    ...{ latencyMs: 20, errorRate: 0, lastProbeAt: new Date(T).toISOString(), lastFault: null, usable: true },
  });
});

test('an open breaker keeps backups away and tells when its trial is due, until nobody keeps the word fresh', () => {
  const known = { status: after(true, false, false, false), updatedAt: new Date(T + 3_000) };
  const report = storeReport(facts({ known }), LIMITS, new Date(T + 4_000));
  expect(report).toMatchObject({ watch: 'watched', breaker: 'open', usable: false });
  expect(report.trialDueAt).toBe(new Date(T + 3_000 + LIMITS.openForMs).toISOString());
  expect(report.errorRate).toBeGreaterThan(0.5);
  expect(report.lastFault).toMatchObject({ code: 'STORE_UNREACHABLE' });
  const later = new Date(T + 3_000 + freshForMs(LIMITS) + 1);
  expect(storeReport(facts({ known }), LIMITS, later)).toMatchObject({ watch: 'late', breaker: 'open', usable: true });
});

test('a store of which nothing is known, or that is not watched, can be used', () => {
  const nothing = { state: null, breaker: null, latencyMs: null, errorRate: null, usable: true };
  expect(storeReport(facts({ known: null }), LIMITS, new Date(T))).toMatchObject({ ...nothing, watch: 'none' });
  expect(storeReport(facts(), null, new Date(T))).toMatchObject({ ...nothing, watch: 'off' });
});

test('what waits is told oldest backup first', () => {
  const copy = (backupId: string) => ({ database: 'shop', backupId, since: '', bytes: 1, detail: null });
  const { waiting } = storeReport(facts({ waiting: [copy('b'), copy('a')] }), LIMITS, new Date(T));
  expect(waiting.map(({ backupId }) => backupId)).toEqual(['a', 'b']);
});

test('a word stays fresh for longer than any regular silence of the watch', () => {
  for (const limits of [LIMITS, { ...LIMITS, intervalMs: 3_600_000 }, { ...LIMITS, openForMs: 7_200_000 }]) {
    expect(freshForMs(limits)).toBeGreaterThan(limits.intervalMs + limits.openForMs);
    expect(freshForMs(limits)).toBeGreaterThan(2 * limits.intervalMs);
  }
});
