/**
 * Whose turn it is to be proved. Every store's own bytes are restored in turn: stores take turns, and within a store a copy
 * that was never proved comes first, newest first, then the one whose proof is oldest. Pure.
 */
import type { CopyState, ProofGrade } from './names';

/** One copy that may be proved. Times are milliseconds since the epoch. */
export interface RotationCandidate {
  readonly backupId: string;
  readonly store: string;
  readonly startedAt: number;
  readonly state: CopyState;
  /** Grade that the copy holds now. */
  readonly grade: ProofGrade | null;
  /** When a proof of at least the asked grade was last begun, however it ended; null = never. */
  readonly triedAt: number | null;
  /** When such a proof last succeeded. */
  readonly provedAt: number | null;
  readonly sealedBytes: number;
}

export interface RotationRules {
  /** In the order of the config; it decides between stores that waited equally long. */
  readonly stores: readonly string[];
  /** When each store last had a turn, of whichever backup; a store that is not named never had one. */
  readonly lastTurn: Readonly<Record<string, number>>;
  /** Stores that cannot be read now. */
  readonly down: readonly string[];
  /** How many of the newest backups are rotated over. */
  readonly newest: number;
  /** A copy that waited for longer than this is overdue and goes before those never proved. Milliseconds. */
  readonly maxAgeMs: number;
  readonly now: number;
}

export interface RotationTurn {
  readonly candidate: RotationCandidate;
  readonly why: string;
  readonly overdue: boolean;
}

export interface RotationPlan {
  /** In the order in which they would be proved if nothing else happened, one a store; the first is whose turn it is. */
  readonly turns: readonly RotationTurn[];
  /** Copies whose last proof, or whose backup where there is none, is older than `maxAgeMs`. */
  readonly overdue: number;
  /** Copies that take part. */
  readonly copies: number;
  /** Stores that have copies but are down: they keep their place. */
  readonly skipped: readonly string[];
}

/** Copies that are whole by what is known, and damaged ones, which a turn heals. */
const READABLE: ReadonlySet<CopyState> = new Set<CopyState>(['complete', 'proved', 'damaged']);

/**
 * Bounded: with S stores up and N backups each copy that stays in rotation is tried within S × N turns of becoming
 * overdue; a store that is up never waits for more than S turns. A turn counts when it begins, so one that always fails
 * holds up nobody.
 */
export function planRotation(candidates: readonly RotationCandidate[], rules: RotationRules): RotationPlan {
  const pool = inRotation(candidates, rules);
  const waited = (copy: RotationCandidate) => rules.now - (copy.triedAt ?? copy.startedAt);
  const isOverdue = (copy: RotationCandidate) => waited(copy) > rules.maxAgeMs;
  const lastTurn = (store: string) => rules.lastTurn[store] ?? -Infinity;
  const stores = [...new Set(rules.stores)]
    .filter((store) => pool.some((copy) => copy.store === store))
    .sort((a, b) => compare(lastTurn(a), lastTurn(b)));
  const down = new Set(rules.down);
  const turns = stores
    .filter((store) => !down.has(store))
    .map((store): RotationTurn => {
      const copies = pool.filter((copy) => copy.store === store);
      const overdue = longest(copies.filter(isOverdue), waited);
      if (overdue !== null)
        return { candidate: overdue, overdue: true, why: `waited longest, more than ${days(rules.maxAgeMs)}` };
      const [fresh] = copies
        .filter((copy) => copy.triedAt === null)
        .sort((a, b) => b.startedAt - a.startedAt || compare(b.backupId, a.backupId));
      if (fresh) return { candidate: fresh, overdue: false, why: 'newest copy there that was never proved so far' };
      return { candidate: longest(copies, waited)!, overdue: false, why: 'its proof is the oldest there' };
    });
  return {
    turns,
    overdue: pool.filter(isOverdue).length,
    copies: pool.length,
    skipped: stores.filter((store) => down.has(store)),
  };
}

/** Copies of the newest backups that any store holds. */
function inRotation(
  candidates: readonly RotationCandidate[],
  { newest, stores }: RotationRules,
): readonly RotationCandidate[] {
  const readable = candidates.filter((copy) => READABLE.has(copy.state) && stores.includes(copy.store));
  const started = new Map(readable.map((copy) => [copy.backupId, copy.startedAt]));
  const kept = new Set(
    [...started]
      .sort(([a, at], [b, bt]) => bt - at || compare(b, a))
      .slice(0, newest)
      .map(([backupId]) => backupId),
  );
  return readable.filter((copy) => kept.has(copy.backupId));
}

function longest(
  copies: readonly RotationCandidate[],
  waited: (copy: RotationCandidate) => number,
): RotationCandidate | null {
  return copies.reduce<RotationCandidate | null>((best, copy) => {
    if (best === null) return copy;
    const difference = waited(copy) - waited(best);
    return difference > 0 || (difference === 0 && copy.backupId > best.backupId) ? copy : best;
  }, null);
}

const days = (ms: number) => `${Math.round((ms / 86_400_000) * 10) / 10} days`;

function compare<Value extends string | number>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
