/** What a proof says of the copy that it was made of. */
import { gradeAtLeast, type CopyState, type FaultClass, type ProofGrade } from './names';

export interface ProofOutcome {
  /** What was reached, also by a proof that failed on the way to more. */
  readonly grade: ProofGrade | null;
  readonly failure: { readonly class: FaultClass } | null;
}

/**
 * A copy is proved when nothing failed, damaged when its data did, and otherwise what it was before (null): a missing
 * extension or a full disk says nothing about the copy. The grade that a failed proof reached on its way never counts.
 */
export function copyStateAfter(proof: ProofOutcome): Extract<CopyState, 'proved' | 'damaged'> | null {
  if (proof.failure === null) return proof.grade === null ? null : 'proved';
  return proof.failure.class === 'data' ? 'damaged' : null;
}

/** A weaker check that passes takes nothing from what was proved before: the stronger of the two grades stands. */
export function gradeAfter(
  before: { readonly state: CopyState; readonly grade: ProofGrade | null } | undefined,
  proved: ProofGrade,
): ProofGrade {
  return before?.state === 'proved' && before.grade !== null && gradeAtLeast(before.grade, proved)
    ? before.grade
    : proved;
}

/** Whether a copy may be counted on, for retention's floor: proved, and at least as strongly as the config asks. */
export function countsAsProved(
  copy: { readonly state: CopyState; readonly grade: ProofGrade | null },
  asked: ProofGrade,
): boolean {
  return copy.state === 'proved' && gradeAtLeast(copy.grade, asked);
}
