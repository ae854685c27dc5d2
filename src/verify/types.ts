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

/**
 * What each grade compares; a record with that grade says that all of it was equal.
 *
 * - `stored`: every object that the manifest names is in the store with its size.
 * - `intact`: the bytes of every object were read again and have the hash that is their name.
 * - `restored`: the copy was restored into a private cluster of the source's major version, or the next newer one installed,
 *   with encoding, locale and roles of the source. The rows of every table were counted there. Every entry of the archive
 *   (tables, views, functions, types, indexes, constraints, triggers, policies, owners, grants, comments …) is in a new dump
 *   of that database, by kind, name and owner; definitions are not compared as text, because PostgreSQL prints some
 *   differently after one restore. No index is invalid. Every sequence stands where it stood. Large objects are equal in
 *   number, bytes and content. All SQL assertions gave the expected value.
 * - `exact`: besides, the rows of every table were read again and are byte for byte those of the backup, in order.
 *
 * Never throws for a failed proof: the record says what failed and of which class. Throws only when cancelled.
 */
export type ProveCopy = (request: ProveRequest) => Promise<ProofRecord>;
