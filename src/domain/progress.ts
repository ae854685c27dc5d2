import type { Compliance } from './compliance';
import type { BackupPhase, BackupType, CopyState, ProofGrade } from './names';
import type { Pace } from './pace';

/** What a process sent to a store in the last seconds. */
export interface UploadFigures {
  readonly bytesPerSecond: number;
  /** Mean time of the uploads that ended; null where none did. */
  readonly latencyMs: number | null;
}

/** Counters of a dump while it runs. Bytes and milliseconds throughout. */
export interface DumpProgress {
  readonly attempt: number;
  /** Qualified name of the table being read, or the step (`schema`, `globals`). */
  readonly current: string | null;
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rows: number;
  /** Plain bytes read from the source. */
  readonly plainBytes: number;
  /** An estimate (relation sizes), for an ETA; null until known. */
  readonly plainBytesExpected: number | null;
  /** Sealed bytes of this backup, new and reused. */
  readonly sealedBytes: number;
  /** Sealed bytes sent, once per object however many stores took it. */
  readonly uploadedBytes: number;
  /** Sealed bytes found again from an older backup or an earlier attempt. */
  readonly reusedBytes: number;
  /** Of the last few seconds. */
  readonly bytesPerSecond: number;
  readonly elapsedMs: number;
  readonly etaMs: number | null;
  /** Pace as the governor of the dumping process has it now. */
  readonly pace: Pace;
  /** By store, of the dumping process; absent in what earlier releases told. */
  readonly stores?: Readonly<Record<string, UploadFigures>>;
}

export interface CopyStatus {
  readonly store: string;
  readonly state: CopyState;
  readonly grade: ProofGrade | null;
  readonly detail: string | null;
}

export interface Waiting {
  /** A fact, in lower case. */
  readonly reason: string;
  /** ISO time; null = nobody can tell. */
  readonly until: string | null;
  /** `opening`: its calendar or the impact breaker; an operator may let it start now. `stop`: an emergency stop. */
  readonly for: 'opening' | 'stop' | 'place' | 'store';
}

/** The answer of the `progress` query of a backup run. */
export interface BackupProgress {
  readonly database: string;
  readonly backupId: string;
  readonly type: BackupType;
  readonly phase: BackupPhase;
  readonly startedAt: string;
  readonly dump: DumpProgress | null;
  readonly copies: readonly CopyStatus[];
  /** Against the copy policy; null before there is a backup, and of runs that began without one. */
  readonly compliance?: Compliance | null;
  readonly pace: Pace;
  /** True once the dumping worker confirmed `pace`. */
  readonly paceApplied: boolean;
  /** ISO time, by the dumping process's clock, since when `pace` is in force there; null until confirmed. */
  readonly paceAppliedAt: string | null;
  /** What holds the run up before it reads: a window, a place among the heavy work, a store. Null: nothing does. */
  readonly waiting?: Waiting | null;
  readonly error: { readonly type: string; readonly message: string } | null;
}

type FinalCounts = Pick<DumpProgress, 'rows' | 'plainBytes' | 'sealedBytes' | 'uploadedBytes' | 'reusedBytes'>;

/** The last report of a dump came before its end: the final counts stand in its result. */
export function finishedDump(last: DumpProgress, result: FinalCounts): DumpProgress {
  const { rows, plainBytes, sealedBytes, uploadedBytes, reusedBytes } = result;
  const counted = { rows, plainBytes, plainBytesExpected: plainBytes, sealedBytes, uploadedBytes, reusedBytes };
  return { ...last, ...counted, current: null, tablesDone: last.tablesTotal, bytesPerSecond: 0, etaMs: 0 };
}
