import { lockWaitersOf, type WaiterRow } from '../../../../../src/load/samplers/postgres/lock-waiters';

const row = (pid: number, blockers: readonly number[], more: Partial<WaiterRow> = {}): WaiterRow => ({
  pid,
  blockers,
  locktype: 'relation',
  mode: 'AccessShareLock',
  relation: 'public.orders',
  waited_ms: 10,
  waiters: 9,
  ours: [100, 101],
  ...more,
});

test('nobody waits when the server shows no waiter', () => {
  expect(lockWaitersOf([])).toEqual({ waiters: 0, behindUs: [] });
});

test('DDL that waits for our lock counts, and so does every query in the queue behind it', () => {
  const { waiters, behindUs } = lockWaitersOf([
    row(4, [3]),
    row(3, [2]),
    row(2, [101], { mode: 'AccessExclusiveLock' }),
    row(7, [6]),
  ]);
  expect(waiters).toBe(9);
  expect(behindUs.map(({ pid, direct }) => [pid, direct])).toEqual([
    [4, false],
    [3, false],
    [2, true],
  ]);
  expect(behindUs[2]).toEqual({
    pid: 2,
    lockType: 'relation',
    mode: 'AccessExclusiveLock',
    relation: 'public.orders',
    waitedMs: 10,
    direct: true,
  });
});

test('waiters of somebody else are not ours, whatever they wait for', () => {
  expect(lockWaitersOf([row(2, [1]), row(3, [2]), row(4, [])]).behindUs).toEqual([]);
  expect(lockWaitersOf([row(2, [100], { ours: [] })]).behindUs).toEqual([]);
});

test('a circle of waiters, as before the server breaks a deadlock, ends', () => {
  expect(lockWaitersOf([row(2, [3]), row(3, [2])]).behindUs).toEqual([]);
  expect(lockWaitersOf([row(2, [3]), row(3, [2, 100])]).behindUs).toHaveLength(2);
});
