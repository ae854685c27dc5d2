/** Rows about proving every copy in turn, and reading every object again. */
import type { ProofGrade } from '../domain/names';

export interface RotationTurnRow {
  /** Run id of the workflow that took the turn. */
  readonly turnId: string;
  readonly database: string;
  readonly store: string;
  readonly backupId: string;
  readonly asked: ProofGrade;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly outcome: 'proved' | 'healed' | 'failed' | 'busy' | null;
  readonly detail: string | null;
}

/** Proofs of one copy that were asked for one grade. */
export interface ProofSummary {
  readonly backupId: string;
  readonly database: string;
  readonly store: string;
  readonly asked: ProofGrade;
  /** When the newest of them began, however it ended. */
  readonly triedAt: Date;
  /** When the newest that held began; null = none did. */
  readonly provedAt: Date | null;
}

export interface IntactCycleRow {
  readonly database: string;
  readonly store: string;
  readonly startedAt: Date;
  readonly nextBucket: number;
  readonly bytes: number;
  readonly objects: number;
  readonly damaged: number;
  /** Time spent on reading, milliseconds. */
  readonly readMs: number;
  readonly lastShareAt: Date | null;
  readonly completedAt: Date | null;
}

/** The buckets of one store together. */
export interface IntactReading {
  readonly database: string;
  readonly store: string;
  /** Buckets that were ever read. */
  readonly buckets: number;
  /** When the one was read that was read longest ago. */
  readonly oldestReadAt: Date;
  /** What all of them held when they were read. */
  readonly bytes: number;
  readonly objects: number;
}

export interface BucketRead {
  readonly database: string;
  readonly store: string;
  readonly cycleStartedAt: Date;
  readonly bucket: number;
  readonly at: Date;
  readonly bytes: number;
  readonly objects: number;
  readonly damaged: number;
  readonly ms: number;
}

/** Every write is idempotent. */
export interface VerificationCatalog {
  /** Written before the proof begins. */
  beginTurn(
    turn: Pick<RotationTurnRow, 'turnId' | 'database' | 'store' | 'backupId' | 'asked' | 'startedAt'>,
  ): Promise<void>;
  finishTurn(turn: {
    turnId: string;
    finishedAt: Date;
    outcome: NonNullable<RotationTurnRow['outcome']>;
    detail: string | null;
  }): Promise<void>;
  /** Newest first. */
  turns(filter: { database?: string; limit?: number }): Promise<readonly RotationTurnRow[]>;
  proofSummaries(filter: { database?: string }): Promise<readonly ProofSummary[]>;

  /** Newest first; the first of a store and database is the one that is under way, or the last that was. */
  intactCycles(filter: { database?: string; store?: string; limit?: number }): Promise<readonly IntactCycleRow[]>;
  beginIntactCycle(cycle: { database: string; store: string; startedAt: Date }): Promise<void>;
  /** Moves the cycle on when it stood at this very bucket; a repeated call changes nothing. */
  recordBucket(read: BucketRead): Promise<void>;
  intactReadings(filter: { database?: string }): Promise<readonly IntactReading[]>;
  /** What buckets from `from` to before `to` held when they were read last; null = not every one was read. */
  bucketSizes(filter: {
    database: string;
    store: string;
    from: number;
    to: number;
  }): Promise<{ readonly bytes: number; readonly objects: number } | null>;
}
