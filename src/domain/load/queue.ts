/**
 * Heavy operations wait for their turn: a restore first, then by priority, then by who asked first. A restore waits for no backup
 * and no proof: it starts beside them, and backups under way give way to it.
 */
import { PRIORITIES, type Priority } from './rules';

export interface HeavyOperation {
  /** The id of the workflow that asks. */
  readonly id: string;
  readonly kind: 'backup' | 'restore' | 'verify';
  readonly database: string;
  readonly priority: Priority;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** Why it may not start now whatever its turn ("the impact breaker is open"); null = it may. */
  readonly heldBack: string | null;
}

export interface QueuePlace {
  readonly operation: HeavyOperation;
  /** It starts now. */
  readonly starts: boolean;
  /** 1 = next; 0 when it starts. */
  readonly place: number;
  /** For people: "waits for 1 of 2 places, behind restore of orders". */
  readonly text: string;
}

/** Restores, then critical work, then the rest; at the same rank a backup before a proof. */
export function byTurn(a: HeavyOperation, b: HeavyOperation): number {
  return rank(a) - rank(b) || a.askedAt - b.askedAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function rank({ kind, priority }: HeavyOperation): number {
  if (kind === 'restore') return 0;
  return 1 + PRIORITIES.indexOf(priority) * 2 + (kind === 'verify' ? 1 : 0);
}

/**
 * Who of those who wait starts now, and the place of everybody else. An operation that is held back keeps its turn and takes no
 * place; doubled ids count once, and one that runs already is not started again. Only restores hold a restore up.
 */
export function queueOf(
  waiting: readonly HeavyOperation[],
  running: readonly HeavyOperation[],
  atMost: number,
): readonly QueuePlace[] {
  const underWay = new Map(running.map((operation) => [operation.id, operation]));
  const inTurn = [...new Map(waiting.map((operation) => [operation.id, operation])).values()]
    .filter(({ id }) => !underWay.has(id))
    .sort(byTurn);
  let taken = underWay.size;
  let restores = [...underWay.values()].filter(({ kind }) => kind === 'restore').length;
  let place = 0;
  let ahead: HeavyOperation | null = null;
  return inTurn.map((operation) => {
    if (operation.heldBack !== null)
      return { operation, starts: false, place: ++place, text: `held back: ${operation.heldBack}` };
    if ((operation.kind === 'restore' ? restores : taken) < atMost) {
      taken += 1;
      if (operation.kind === 'restore') restores += 1;
      return { operation, starts: true, place: 0, text: 'starts now' };
    }
    const behind = ahead === null ? '' : `, behind the ${nameOf(ahead)}`;
    ahead = operation;
    return { operation, starts: false, place: ++place, text: `waits for one of ${atMost} places${behind}` };
  });
}

/** More important work that is under way, which a running backup gives way to; null when there is none. */
export function givesWayTo(operation: HeavyOperation, running: readonly HeavyOperation[]): string | null {
  const first = running.filter(({ id }) => id !== operation.id).sort(byTurn)[0];
  return first && rank(first) < rank(operation) && first.kind !== 'verify' ? nameOf(first) : null;
}

/** For people: "restore of orders". */
export const nameOf = ({ kind, database }: Pick<HeavyOperation, 'kind' | 'database'>): string =>
  `${kind === 'verify' ? 'proof' : kind} of ${database}`;
