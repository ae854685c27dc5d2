import fc from 'fast-check';
import { lockVerdict, quietAfter, type LockWaiterRule, type Waiting } from '../../../../src/domain/load/lock-verdict';

const RULE: LockWaiterRule = { action: 'yield', afterMs: 3_000 };
const waiting = (pid: number, waitedMs: number | null, more: Partial<Waiting> = {}): Waiting => ({
  pid,
  mode: 'AccessExclusiveLock',
  relation: 'public.orders',
  waitedMs,
  direct: true,
  ...more,
});

test('nobody waits, or not for long enough: nothing is done', () => {
  expect(lockVerdict([], RULE, 60_000)).toBeNull();
  expect(lockVerdict([waiting(7, 2_999)], RULE, 60_000)).toBeNull();
});

test('who waited long enough is named, with what for', () => {
  expect(lockVerdict([waiting(7, 3_000)], RULE, 0)).toEqual({
    action: 'yield',
    text: '1 session waits behind a lock of the backup, the longest for 3.0 s (backend 7: AccessExclusiveLock on public.orders)',
    backends: [7],
  });
});

test('of a queue the head is named, and only those are let through first who wait for us', () => {
  const queue = [
    waiting(9, 1_000, { direct: false, mode: 'AccessShareLock' }),
    waiting(8, 4_000, { relation: null, mode: 'ShareLock' }),
    waiting(7, 5_400),
  ];
  const verdict = lockVerdict(queue, { ...RULE, action: 'alert' }, 0);
  expect(verdict).toMatchObject({ action: 'alert', backends: [7, 8] });
  expect(verdict!.text).toMatch(/^3 sessions wait .* for 5\.4 s \(backend 7: AccessExclusiveLock on public\.orders\)$/);
});

test('where the server does not tell how long, it counts from when they were first seen', () => {
  expect(lockVerdict([waiting(7, null)], RULE, 2_000)).toBeNull();
  expect(lockVerdict([waiting(7, null, { relation: null })], RULE, 3_100)?.text).toContain('for 3.1 s (backend 7: Acc');
});

test('who is told to hold on does nothing, whoever waits for however long; else it is done exactly when somebody waited so long', () => {
  const session = fc.record({
    pid: fc.integer({ min: 1 }),
    waitedMs: fc.option(fc.integer({ min: 0, max: 20_000 })),
    direct: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(session),
      fc.constantFrom('yield' as const, 'alert' as const, 'hold' as const),
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ min: 0, max: 20_000 }),
      (sessions, action, afterMs, seenForMs) => {
        const all = sessions.map(({ pid, waitedMs, direct }) => waiting(pid, waitedMs, { direct }));
        const verdict = lockVerdict(all, { action, afterMs }, seenForMs);
        const due = all.some(({ waitedMs }) => (waitedMs ?? seenForMs) >= afterMs);
        expect(verdict !== null).toBe(action !== 'hold' && due);
        if (verdict !== null) expect(verdict.action).toBe(action);
      },
    ),
  );
});

test('each time that a run gives way it waits longer for quiet, up to a minute', () => {
  expect([1, 2, 3, 6, 7, 50].map(quietAfter)).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
});
