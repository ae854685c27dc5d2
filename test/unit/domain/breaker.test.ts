import fc from 'fast-check';
import {
  breakerAfter,
  breakerAt,
  CLOSED,
  mayTry,
  trialDueAt,
  type Breaker,
  type BreakerLimits,
} from '../../../src/domain/breaker';

const LIMITS: BreakerLimits = { openAfter: 3, openForMs: 60_000, closeAfter: 2 };
const T = Date.UTC(2026, 10, 21, 12);
const bad = (breaker: Breaker, at: number, belowLimit = false) =>
  breakerAfter(breaker, { ok: false, at, belowLimit }, LIMITS);
const good = (breaker: Breaker, at: number) => breakerAfter(breaker, { ok: true, at, belowLimit: false }, LIMITS);
const opened = () => [T, T + 1, T + 2].reduce((breaker, at) => bad(breaker, at), CLOSED);

test('it opens at the stated number of failures in a row, not before', () => {
  const two = bad(bad(CLOSED, T), T);
  expect(two).toMatchObject({ state: 'closed', failures: 2 });
  expect(bad(two, T + 5)).toEqual({ state: 'open', failures: 3, goodTrials: 0, openedAt: T + 5 });
});

test('a good answer in between starts the count again', () => {
  expect(bad(bad(good(bad(bad(CLOSED, T), T), T), T), T).state).toBe('closed');
});

test('it opens at once when the average is under its limit', () => {
  expect(bad(CLOSED, T, true).state).toBe('open');
});

test('it allows one trial when the stated time has passed, and none before', () => {
  const open = opened();
  expect(trialDueAt(open, T + 10, LIMITS)).toBe(T + 2 + 60_000);
  expect(breakerAt(open, T + 60_001, LIMITS).state).toBe('open');
  expect(breakerAt(open, T + 60_002, LIMITS).state).toBe('half-open');
});

test('a failed trial opens it for the whole time again', () => {
  const trial = breakerAt(opened(), T + 61_000, LIMITS);
  const again = bad(trial, T + 61_000);
  expect(again).toMatchObject({ state: 'open', openedAt: T + 61_000 });
  expect(breakerAt(again, T + 120_999, LIMITS).state).toBe('open');
});

test('it closes after the stated number of good trials in a row', () => {
  const trial = breakerAt(opened(), T + 61_000, LIMITS);
  const once = good(trial, T + 61_000);
  expect(once).toMatchObject({ state: 'half-open', goodTrials: 1 });
  expect(good(once, T + 62_000)).toEqual(CLOSED);
  expect(bad(once, T + 62_000).state).toBe('open');
});

test('failures that are reported while it is open do not put the trial off', () => {
  expect(bad(opened(), T + 30_000).openedAt).toBe(T + 2);
});

test.each([
  ['back by a day', -86_400_000, 'open'],
  ['on by a day', 86_400_000, 'half-open'],
] as const)('a clock that is set %s never keeps a store away for longer than the stated time', (_, jump, state) => {
  const now = T + jump;
  const jumped = breakerAt(opened(), now, LIMITS);
  expect(jumped.state).toBe(state);
  expect(trialDueAt(jumped, now, LIMITS)).toBeLessThanOrEqual(now + LIMITS.openForMs);
  expect(breakerAt(jumped, now + LIMITS.openForMs, LIMITS).state).toBe('half-open');
});

const step = fc.record({
  ok: fc.boolean(),
  belowLimit: fc.boolean(),
  /** Clocks jump, both ways. */
  by: fc.integer({ min: -200_000, max: 200_000 }),
  look: fc.boolean(),
});
const limits = fc.record({
  openAfter: fc.integer({ min: 1, max: 5 }),
  openForMs: fc.integer({ min: 0, max: 100_000 }),
  closeAfter: fc.integer({ min: 1, max: 4 }),
});

test('whatever happens, it never closes without a good answer, and never opens without a bad one', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), limits, (steps, chosen) => {
      let breaker: Breaker = CLOSED;
      let now = T;
      for (const { ok, belowLimit, by, look } of steps) {
        now += by;
        const before = breaker;
        breaker = look ? breakerAt(before, now, chosen) : breakerAfter(before, { ok, at: now, belowLimit }, chosen);
        if (before.state !== 'closed' && breaker.state === 'closed') expect([look, ok]).toEqual([false, true]);
        if (before.state === 'closed' && breaker.state !== 'closed')
          expect([look, ok, breaker.state]).toEqual([false, false, 'open']);
        // The next trial is never further away than the stated time.
        expect(trialDueAt(breaker, now, chosen) - now).toBeLessThanOrEqual(chosen.openForMs);
      }
    }),
  );
});

test('closing takes as many good trials in a row as stated, after the last failure', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), limits, (steps, chosen) => {
      let breaker: Breaker = CLOSED;
      let now = T;
      let inARow = 0;
      for (const { ok, belowLimit, by, look } of steps) {
        now += by;
        const before = breaker.state;
        if (look) breaker = breakerAt(breaker, now, chosen);
        else {
          inARow = ok ? inARow + 1 : 0;
          breaker = breakerAfter(breaker, { ok, at: now, belowLimit }, chosen);
        }
        if (before !== 'closed' && breaker.state === 'closed') expect(inARow).toBeGreaterThanOrEqual(chosen.closeAfter);
      }
    }),
  );
});

test('looking twice at the same time is looking once', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e6, max: 1e6 }), limits, (by, chosen) => {
      const once = breakerAt(opened(), T + by, chosen);
      expect(breakerAt(once, T + by, { ...chosen, openForMs: Math.max(1, chosen.openForMs) })).toEqual(once);
    }),
  );
});

test('while it is half-open one tries at a time, until the breaker changes or the trial is too old', () => {
  const half: Breaker = { state: 'half-open', failures: 0, goodTrials: 0, openedAt: T };
  const ask = (by: string, at = T, since = 'then') => ({ by, at, since });
  expect(mayTry(half, null, ask('shop'))).toBe(true);
  expect(mayTry(half, ask('shop'), ask('crm', T + 1_000))).toBe(false);
  // Asked again, after an answer that was lost.
  expect(mayTry(half, ask('shop'), ask('shop', T + 1_000))).toBe(true);
  expect(mayTry(half, ask('shop'), ask('crm', T + 1_000, 'half-open anew'))).toBe(true);
  expect(mayTry(half, ask('shop'), ask('crm', T + 600_000))).toBe(true);
});

test('while it is open none tries; while it is closed, or unknown, all do', () => {
  const ask = { by: 'crm', at: T, since: 'then' };
  expect(mayTry(opened(), null, ask)).toBe(false);
  for (const breaker of [CLOSED, null]) expect(mayTry(breaker, { ...ask, by: 'shop' }, ask)).toBe(true);
});
