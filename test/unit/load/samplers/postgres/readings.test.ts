import { activityOf } from '../../../../../src/load/samplers/postgres/activity';
import { CheckpointRate } from '../../../../../src/load/samplers/postgres/counters';
import { replicationOf } from '../../../../../src/load/samplers/postgres/replication';

const row = {
  connections: 30,
  max_connections: 60,
  active: 4,
  idle_in_transaction: 1,
  waiting: 2,
  lock_waiters: 0,
  longest_ms: 1_500,
  snapshot_ms: 900,
  hidden: 0,
  ours: 3,
  role_shared: false,
};

test('sessions are counted, and without lock waiters nobody waits behind us', () => {
  expect(activityOf(row, true)).toEqual({
    signals: {
      poolUse: 0.5,
      oldestXminAgeMs: 900,
      sessionsActive: 4,
      sessionsIdleInTransaction: 1,
      sessionsWaiting: 2,
      lockWaiters: 0,
      waitersBehindUs: 0,
      longestTransactionMs: 1_500,
    },
    problems: [],
    lookAtLocks: false,
    roleShared: false,
  });
});

test('lock waiters are looked at more closely', () => {
  const { signals, lookAtLocks } = activityOf({ ...row, lock_waiters: 2 }, true);
  expect(lookAtLocks).toBe(true);
  expect(signals.waitersBehindUs).toBeUndefined();
});

test('a role that may not see sessions gives what it can see, and says what it lacks', () => {
  const { signals, problems, lookAtLocks } = activityOf({ ...row, hidden: 5 }, false);
  expect(signals).toEqual({ poolUse: 0.5, oldestXminAgeMs: 900 });
  expect(problems).toEqual([{ kind: 'denied', message: expect.stringContaining('5 sessions') as string }]);
  expect(lookAtLocks).toBe(true);
});

test('a role without rights that hides nothing sees everything', () => {
  expect(activityOf(row, false).problems).toEqual([]);
  expect(activityOf({ ...row, hidden: 1 }, true).problems).toEqual([]);
});

test('the time of a checkpoint is spread over the time since the one before', () => {
  const rate = new CheckpointRate();
  expect(rate.advance('a', 0, 500)).toBeNull();
  expect(rate.advance('a', 2_000, 500)).toBe(0);
  expect(rate.advance('a', 10_000, 1_500)).toBe(100);
  expect(rate.advance('a', 12_000, 1_500)).toBe(0);
  expect(rate.advance('a', 20_000, 900_000)).toBe(1_000);
  expect(rate.advance('a', 22_000, 5)).toBeNull();
  expect(rate.advance('b', 24_000, 10)).toBeNull();
});

test('without a standby there is no lag, with a hidden one a named gap', () => {
  expect(replicationOf({ lag_bytes: null, lag_ms: null, slot_bytes: 7, hidden: 0 })).toEqual({
    signals: { slotBytes: 7 },
    problems: [],
  });
  expect(replicationOf({ lag_bytes: -1, lag_ms: 3, slot_bytes: 0, hidden: 1 })).toEqual({
    signals: { slotBytes: 0, replicationLagBytes: 0, replicationLagMs: 3 },
    problems: [{ kind: 'denied', message: expect.stringContaining('1 standby:') as string }],
  });
});
