import fc from 'fast-check';
import {
  atTime,
  DEFAULT_WATCH_LIMITS as LIMITS,
  observe,
  probeDueAt,
  untriedStatus,
  type Observation,
  type StoreEvent,
  type StoreStatus,
} from '../../../src/domain/store-watch';

const T = Date.UTC(2026, 10, 21, 12);
const FAULT = { code: 'STORE_UNREACHABLE', message: 'refused', hint: 'look' };
const seen = (ok: boolean, at: number, more: Partial<Observation> = {}): Observation => ({
  id: `probe ${at}`,
  source: 'probe',
  ok,
  at,
  latencyMs: ok ? 20 : null,
  fault: ok ? null : FAULT,
  ...more,
});

function play(observations: readonly Observation[], from: StoreStatus = untriedStatus('s3', T)) {
  let status = from;
  const events: StoreEvent[] = [];
  for (const one of observations) {
    const next = observe(status, one, LIMITS);
    status = next.status;
    events.push(...next.events);
  }
  return { status, events };
}

test('an outage from its first failure to its end is told as events with time, reason and code', () => {
  const down = play([0, 30, 60].map((s) => seen(false, T + s * 1_000)));
  expect(down.status).toMatchObject({ state: 'down', breaker: { state: 'open' }, lastFault: FAULT });
  expect(down.events.map(({ kind, from, to }) => `${kind} ${from} → ${to}`)).toEqual([
    'health healthy → degraded',
    'health degraded → down',
    'breaker closed → open',
  ]);
  expect(down.events[2]).toMatchObject({
    at: new Date(T + 60_000).toISOString(),
    code: 'STORE_UNREACHABLE',
    reason: '3 failures in a row: STORE_UNREACHABLE refused',
  });
  const trial = atTime(down.status, T + 120_000, LIMITS);
  expect(trial.events).toMatchObject([{ kind: 'breaker', from: 'open', to: 'half-open' }]);
  const up = play(
    [150, 180, 210].map((s) => seen(true, T + s * 1_000)),
    trial.status,
  );
  expect(up.events.map(({ kind, from, to }) => `${kind} ${from} → ${to}`)).toEqual([
    'health down → degraded',
    'breaker half-open → closed',
    'health degraded → healthy',
  ]);
  expect(up.status.lastFault).toMatchObject({ at: new Date(T + 60_000).toISOString() });
});

test('reports of runs open the breaker as probes do, and say that a run saw it', () => {
  const reports = [1, 2, 3].map((n) => seen(false, T + n, { id: `run ${n}`, source: 'run' }));
  const { status, events } = play(reports);
  expect(status.breaker.state).toBe('open');
  expect(status.lastProbeAt).toBeNull();
  const after = atTime(status, T + 3 + LIMITS.openForMs, LIMITS).status;
  expect(play([seen(true, T + 90_000, { id: 'run 4', source: 'run' })], after).events[1]).toBeUndefined();
  expect(events.at(-1)!.reason).toContain('3 failures in a row');
});

test('the next probe waits for the interval, and while the breaker is open for its trial', () => {
  expect(probeDueAt(untriedStatus('s3', T), T, LIMITS)).toBe(T);
  const once = play([seen(true, T)]).status;
  expect(probeDueAt(once, T + 1_000, LIMITS)).toBe(T + 30_000);
  const open = play([0, 1, 2].map((n) => seen(false, T + n))).status;
  expect(probeDueAt(open, T + 10, LIMITS)).toBe(T + 2 + LIMITS.openForMs);
  // The clock was set back by a day since.
  expect(probeDueAt(once, T - 86_400_000, LIMITS)).toBe(T - 86_400_000 + LIMITS.intervalMs);
});

const anything = fc.record({
  ok: fc.boolean(),
  by: fc.integer({ min: -100_000, max: 200_000 }),
  id: fc.integer({ min: 0, max: 20 }),
  source: fc.constantFrom('probe' as const, 'run' as const),
});
const observations = fc.array(anything, { maxLength: 40 }).map((list) => {
  let at = T;
  return list.map(({ ok, by, id, source }) => seen(ok, (at += by), { id: `run ${id}`, source }));
});

test('a report that is told twice, at once or later, counts once', () => {
  fc.assert(
    fc.property(observations, fc.nat(), (list, pick) => {
      const reports = list.filter(({ source }) => source === 'run');
      if (reports.length === 0) return;
      const { status } = play(list);
      const again = reports[pick % reports.length]!;
      expect(observe(status, again, LIMITS)).toEqual({ status, events: [] });
    }),
  );
});

test('events and states agree: each event goes from the state before to the state after', () => {
  fc.assert(
    fc.property(observations, (list) => {
      let status = untriedStatus('s3', T);
      for (const one of list) {
        const next = observe(status, one, LIMITS);
        for (const { kind, from, to } of next.events) {
          expect(from).not.toBe(to);
          const of = (at: StoreStatus) => (kind === 'health' ? at.state : at.breaker.state);
          expect([from, to]).toEqual([of(status), of(next.status)]);
        }
        if (next.events.length === 0)
          expect([next.status.state, next.status.breaker.state]).toEqual([status.state, status.breaker.state]);
        status = next.status;
      }
    }),
  );
});

test('it is never closed again but by a good answer that came after it opened', () => {
  fc.assert(
    fc.property(observations, (list) => {
      let status = untriedStatus('s3', T);
      for (const one of list) {
        const before = status;
        status = observe(atTime(before, one.at, LIMITS).status, one, LIMITS).status;
        if (before.breaker.state !== 'closed' && status.breaker.state === 'closed') expect(one.ok).toBe(true);
      }
    }),
  );
});

test('what it remembers of reports is bounded', () => {
  const many = Array.from({ length: 500 }, (_, n) => seen(n % 2 === 0, T + n, { id: `run ${n}`, source: 'run' }));
  expect(play(many).status.seen.length).toBeLessThanOrEqual(64);
});
