/**
 * A copy is a state machine: which word about a copy may follow which. Messages arrive late and twice, and a proof outlives
 * the transfer that told of it, so a word that takes back what is known is passed over.
 */
import { gradeAtLeast, type CopyState, type ProofGrade } from './names';

export const COPY_STATES: readonly CopyState[] = [
  'pending',
  'copying',
  'complete',
  'proved',
  'damaged',
  'lost',
  'retired',
];

/** `absent`: nothing is known of the copy yet. */
type Known = CopyState | 'absent';

/**
 * State before → states that may follow, besides itself. `complete` and `proved` are left by evidence against the copy
 * only (`damaged`, `lost`), never by a transfer that says it begins or waits. `damaged` is left by a copy that was healed
 * or proved, never by one that is about to be: nobody should read from it meanwhile. `retired` is left when its store is
 * taken back (`holdfast store add`).
 */
export const COPY_TRANSITIONS: Readonly<Record<Known, readonly CopyState[]>> = {
  absent: ['pending', 'copying', 'complete', 'proved', 'damaged', 'lost', 'retired'],
  pending: ['copying', 'complete', 'proved', 'damaged', 'lost', 'retired'],
  copying: ['pending', 'complete', 'proved', 'damaged', 'lost', 'retired'],
  complete: ['proved', 'damaged', 'lost', 'retired'],
  proved: ['damaged', 'lost', 'retired'],
  damaged: ['complete', 'proved', 'lost', 'retired'],
  lost: ['pending', 'copying', 'complete', 'proved', 'damaged', 'retired'],
  retired: ['pending', 'copying', 'complete', 'proved', 'damaged', 'lost'],
};

export interface CopyWord {
  readonly state: CopyState;
  /** Of a proof; undefined where the word is not about one. */
  readonly grade?: ProofGrade | null;
}

/**
 * Whether a word about a copy is taken over. A damage is cleared by a proof that read the bytes again, not by one that
 * looked at sizes.
 */
export function mayFollow(before: CopyState | null, word: CopyWord): boolean {
  if (before === word.state) return true;
  if (!COPY_TRANSITIONS[before ?? 'absent'].includes(word.state)) return false;
  if (before === 'damaged' && word.state === 'proved') return gradeAtLeast(word.grade ?? null, 'intact');
  return true;
}

/** Copies that can be restored from, as far as anybody knows. */
export function isGood(state: CopyState): boolean {
  return state === 'complete' || state === 'proved';
}
