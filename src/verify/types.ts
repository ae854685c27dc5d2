import type { ProofGrade } from '../domain/names';
import type { BackupReader, ProofRecord, RepositoryKeys } from '../repository/types';

/** A query run in the restored database; equal to `expect` (text of the single value) or the proof fails. */
export interface SqlAssertion {
  readonly name: string;
  readonly sql: string;
  /** Compared as text with the single value of the single row. */
  readonly expect: string;
}

export interface ScratchLimits {
  /** Parent folder of private clusters; each has its own folder, removed afterwards whatever happens. */
  readonly baseDir: string;
  readonly binDirs: readonly string[];
  /** Free bytes that must remain; checked before the cluster is made. */
  readonly minFreeBytes: number;
  /** OS user to run the server as when this process is root. */
  readonly osUser: string | null;
  readonly jobs: number;
}

export interface ProveRequest {
  readonly reader: BackupReader;
  readonly keys: RepositoryKeys;
  readonly grade: ProofGrade;
  readonly scratch: ScratchLimits;
  readonly assertions: readonly SqlAssertion[];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly step: string; readonly done: number; readonly total: number }) => void;
}

/** Never throws for a failed proof: the record says what failed and of which class. Throws only when cancelled. */
export type ProveCopy = (request: ProveRequest) => Promise<ProofRecord>;
