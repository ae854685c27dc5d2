/** What the workflows `rotation` and `intactShare` are asked and what they answer. Names, ids, counts and states only. */
import type { CopyState, ProofGrade } from './names';
import type { AskedShare, Share } from './intact-plan';
import type { ReadEstimate } from './reading';
import type { VerifyResult } from './runs';

export interface RotationInput {
  readonly database: string;
  readonly requestedBy: string;
}
/** Whose turn it is. */
export interface PlannedTurn {
  readonly backupId: string;
  readonly store: string;
  readonly grade: ProofGrade;
  readonly why: string;
  readonly estimate: ReadEstimate;
  readonly timeoutMs: number;
}
export interface RotationDecision {
  /** null = no copy can be proved now. */
  readonly turn: PlannedTurn | null;
  readonly copies: number;
  readonly overdue: number;
  readonly skipped: readonly StoreAway[];
}
export interface StoreAway {
  readonly store: string;
  readonly reason: string;
}
export interface RotationResult extends RotationDecision {
  readonly database: string;
  /** `busy`: this very copy is being proved by another run. `none`: there was nothing to prove. */
  readonly outcome: 'proved' | 'healed' | 'failed' | 'busy' | 'none';
  readonly proof: VerifyResult | null;
  /** null when nothing was read. */
  readonly measured: ReadEstimate | null;
}

export interface IntactInput {
  readonly database: string;
  /** Empty = all of the database. */
  readonly stores: readonly string[];
  readonly share: AskedShare;
  readonly requestedBy: string;
}
/** One store's part of a run. */
export interface PlannedShare extends Share {
  readonly store: string;
  readonly estimate: ReadEstimate;
}
/** A copy that is known to be damaged. */
export interface DamagedCopy {
  readonly store: string;
  readonly backupId: string;
  /** Objects to be replaced, at most `MAX_OBJECTS_NAMED`; empty = read all of the copy again. */
  readonly objects: readonly string[];
  /** What the copy had been proved to before. */
  readonly gradeBefore: ProofGrade | null;
  readonly detail: string;
}
export interface IntactPlan {
  readonly shares: readonly PlannedShare[];
  readonly away: readonly StoreAway[];
  /** Damaged copies that no run has healed yet. */
  readonly leftOver: readonly DamagedCopy[];
  /** To which grade a healed copy is proved where nothing is known of before. */
  readonly grade: ProofGrade;
  readonly timeoutMs: number;
}
export interface ShareInput {
  readonly database: string;
  readonly store: string;
  readonly from: number;
  readonly to: number;
  /** ISO time. */
  readonly cycleStartedAt: string;
  readonly requestedBy: string;
}
/** What was read; also the heartbeat, from which the next attempt goes on. */
export interface ShareRead {
  readonly from: number;
  readonly to: number;
  readonly nextBucket: number;
  readonly objects: number;
  readonly bytes: number;
  readonly missingObjects: number;
  readonly damagedObjects: number;
  /** Time spent, all attempts together. Milliseconds. */
  readonly ms: number;
  /** Of what was read, as text with its currency; null = no price is stated; absent while it reads, and of older workers. */
  readonly cost?: string | null;
  readonly damaged: readonly DamagedCopy[];
}
export interface StoreShareResult {
  readonly store: string;
  readonly share: PlannedShare;
  /** null when the store could not be read; then the next run catches up. */
  readonly read: ShareRead | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly measured: ReadEstimate | null;
}
export interface HealedCopy {
  readonly store: string;
  readonly backupId: string;
  readonly state: CopyState;
  readonly grade: ProofGrade | null;
  readonly copiedObjects: number;
  /** Why it is not proved again; null when it is. */
  readonly failure: { readonly code: string; readonly message: string } | null;
}
export interface IntactResult {
  readonly database: string;
  readonly shares: readonly StoreShareResult[];
  readonly away: readonly StoreAway[];
  readonly healed: readonly HealedCopy[];
  /** Damaged copies that were left for the next run. */
  readonly postponed: number;
}

/** Of one damaged copy: more are healed by reading all of the copy. */
export const MAX_OBJECTS_NAMED = 20;
