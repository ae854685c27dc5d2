/** What to do about those who wait behind a lock of ours. */

/** What happens when somebody waits behind a lock of ours for longer than `afterMs`. */
export interface LockWaiterRule {
  /** `yield`: the snapshot is given up and the dump starts again later. `alert`: it says so. `hold`: nothing. */
  readonly action: 'yield' | 'alert' | 'hold';
  readonly afterMs: number;
}

export const DEFAULT_LOCK_RULE: LockWaiterRule = { action: 'yield', afterMs: 3_000 };

/** One session that waits, as the lock watch reports it. */
export interface Waiting {
  readonly pid: number;
  readonly mode: string;
  /** `schema.table`; null where it waits for something else, or for a table of another database. */
  readonly relation: string | null;
  /** Null where the server does not tell. */
  readonly waitedMs: number | null;
  /** False: it waits for another waiter. */
  readonly direct: boolean;
}

export interface LockVerdict {
  readonly action: 'yield' | 'alert';
  /** A fact for people, without names of roles and without query texts. */
  readonly text: string;
  /** Process ids of the backends that wait for us directly, the longest first. */
  readonly backends: readonly number[];
}

/** `seenForMs`: how long somebody has been seen waiting, for servers that do not tell. Null: nothing to do, or not yet. */
export function lockVerdict(waiting: readonly Waiting[], rule: LockWaiterRule, seenForMs: number): LockVerdict | null {
  if (rule.action === 'hold' || waiting.length === 0) return null;
  const timeOf = ({ waitedMs }: Waiting) => waitedMs ?? seenForMs;
  const sorted = [...waiting].sort((a, b) => timeOf(b) - timeOf(a));
  const longestMs = timeOf(sorted[0]!);
  if (longestMs < rule.afterMs) return null;
  const direct = sorted.filter((one) => one.direct);
  const first = direct[0] ?? sorted[0]!;
  const what = first.relation === null ? first.mode : `${first.mode} on ${first.relation}`;
  const who = waiting.length === 1 ? '1 session waits' : `${waiting.length} sessions wait`;
  return {
    action: rule.action,
    text: `${who} behind a lock of the backup, the longest for ${(longestMs / 1_000).toFixed(1)} s (backend ${first.pid}: ${what})`,
    backends: direct.map(({ pid }) => pid),
  };
}

/** After the n-th time that a run gave way: for how long nobody may need the locks before the dump begins anew. Milliseconds. */
export const quietAfter = (times: number): number => Math.min(60_000, 1_000 * 2 ** Math.max(0, times - 1));
