import { exitCodeFor, renderStatus } from '../../../../../src/cli/commands/store/health';
import { EXIT } from '../../../../../src/cli/exit-codes';
import { createUi } from '../../../../../src/cli/output/ui';
import type { StoreReport } from '../../../../../src/domain/store-report';

const plain = createUi({ color: false }).colors;
const NOW = new Date('2026-11-21T12:00:00Z');
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1_000).toISOString();
const healthy: StoreReport = {
  store: 'disk',
  role: 'primary',
  watch: 'watched',
  state: 'healthy',
  since: ago(7_200),
  breaker: 'closed',
  breakerSince: ago(7_200),
  trialDueAt: null,
  latencyMs: 12.4,
  errorRate: 0,
  lastProbeAt: ago(10),
  lastFault: null,
  lastEvent: null,
  waiting: [],
  usable: true,
};
const down: StoreReport = {
  ...healthy,
  store: 's3',
  role: 'secondary',
  state: 'down',
  since: ago(120),
  breaker: 'open',
  breakerSince: ago(120),
  trialDueAt: ago(-40),
  errorRate: 0.87,
  lastFault: { code: 'STORE_UNREACHABLE', message: 'refused', hint: 'Check the endpoint.', at: ago(20) },
  lastEvent: {
    ...{ store: 's3', at: ago(120), kind: 'breaker', from: 'closed', to: 'open' },
    ...{ reason: '3 failures in a row', code: null, database: null },
  },
  waiting: [{ database: 'shop', backupId: 'b', since: ago(60), bytes: 3 * 1024 * 1024, detail: null }],
  usable: false,
};

test.each<[string, Partial<StoreReport>[], number]>([
  ['every store can be used', [healthy, { ...healthy, state: 'degraded' }], EXIT.ok],
  ['stores are not watched on purpose', [{ ...healthy, watch: 'off', state: null, breaker: null }], EXIT.ok],
  ['one is down', [healthy, down], EXIT.unreachable],
  ['a breaker is on trial', [healthy, { ...healthy, breaker: 'half-open' }], EXIT.unreachable],
  ['nothing is known of one', [healthy, { ...healthy, watch: 'none', state: null, breaker: null }], EXIT.failed],
  ['nothing new is known of one, which was down', [{ ...down, watch: 'late' }], EXIT.failed],
  ['one is down and nothing is known of another', [down, { ...healthy, watch: 'none' }], EXIT.unreachable],
])('the exit status where %s', (_, reports, code) => {
  expect(exitCodeFor(reports as StoreReport[])).toBe(code);
});

test('the table says what is down, since when, why, when it is tried and what waits', () => {
  const lines = renderStatus([healthy, down], NOW, plain).split('\n');
  expect(lines[1]).toMatch(/^disk +primary +healthy +2 h ago +closed +12 ms +0 % +10 s ago +— +—$/);
  expect(lines[2]).toMatch(
    /^s3 +secondary +down +2 min ago +open, trial in 40 s +12 ms +87 % +10 s ago +1 copy, at most 3 MiB +breaker closed → open 2 min ago$/,
  );
  expect(lines.slice(4)).toEqual(['s3: STORE_UNREACHABLE refused (20 s ago)', 'hint: Check the endpoint.']);
});

test('a store of which nothing is known says what is missing', () => {
  const nothing = { ...healthy, watch: 'none', state: null, since: null, breaker: null, latencyMs: null } as const;
  const text = renderStatus([{ ...nothing, errorRate: null, lastProbeAt: null }], NOW, plain);
  expect(text).toMatch(/disk +primary +not known +— +— +— +— +— +— +—/);
  expect(text).toMatch(/a worker that serves the queue store has to run/);
});
