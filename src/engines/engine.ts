/** One interface for the logical and the physical engine. Knows nothing of Temporal, stores or the catalogue. */
import type { DumpProgress } from '../domain/progress';
import type { EngineKind } from '../domain/names';
import type { Governor } from '../load/governor';

/** Where an engine puts the files of a backup; the repository's writer implements it. */
export interface FileSink {
  /** Several files may be open at once. `path` is relative, in the safe alphabet, unique within the backup. */
  openFile(path: string): FileSinkHandle;
}
export interface FileSinkHandle {
  /** Copies what it keeps of the chunk; resolves when the next may come (back-pressure), and the memory is the caller's again. */
  write(chunk: Buffer): Promise<void>;
  /** Seals the rest. `bytes` is the plain length. */
  end(): Promise<{ readonly bytes: number }>;
}

/** Where an engine reads them back from; the repository's reader implements it. Segments arrive verified and opened. */
export interface FileSource {
  /** Plain bytes of one file, in order, each chunk authenticated before it is yielded. */
  readFile(path: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<Buffer>;
  /** Frees a chunk that nobody looks at any more; without it the collector does, later. */
  release?(chunk: Buffer): void;
}

/** PostgreSQL connection, already resolved from its secret reference. Never logged, never in an argument list. */
export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly sslmode?: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  readonly sslrootcert?: string;
  readonly sslcert?: string;
  readonly sslkey?: string;
  /** Shown in errors and logs instead of the connection: the name in the config. */
  readonly name: string;
}

/** One file of a backup as the engine describes it in the manifest's body. */
export interface DumpedFile {
  readonly path: string;
  readonly kind: 'schema' | 'globals' | 'rows' | 'base' | 'wal';
  readonly bytes: number;
  /** For `rows`: which table and block range (half-open, in blocks; null = whole table), rows as PostgreSQL counted. */
  readonly table?: { readonly oid: number; readonly schema: string; readonly name: string };
  readonly range?: { readonly fromBlock: number; readonly toBlock: number | null } | null;
  readonly rows?: number;
}

export interface DumpedTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Columns in COPY order, unquoted; generated columns are left out. */
  readonly columns: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  /** Paths of its files in the order in which their rows stand in the table. */
  readonly files: readonly string[];
  /** `COPY "s"."t" ("a","b") FROM stdin`, quoted, for scripts; feed it the files one after another. */
  readonly copyStatement?: string;
}

/** What the engine says of a finished dump; goes into the manifest's sealed body as it is. */
export interface DumpSummary {
  readonly engine: EngineKind;
  readonly serverVersion: string;
  readonly serverVersionNum: number;
  readonly toolVersion: string;
  readonly systemIdentifier: string | null;
  readonly databaseName: string;
  /** Encoding and locale facts needed to make an equal database. */
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly localeProvider: string | null;
  readonly icuLocale: string | null;
  readonly snapshotLsn: string | null;
  /** ISO time at which the snapshot was taken, by the source's clock. */
  readonly snapshotAt: string;
  readonly globalsWithoutPasswords: boolean;
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  readonly files: readonly DumpedFile[];
  readonly tables: readonly DumpedTable[];
  readonly rows: number;
  readonly plainBytes: number;
  /** Tablespaces besides the default that relations of the database are in. */
  readonly tablespaces?: readonly string[];
  /** Foreign keys that point to tables left out by the patterns: the restore leaves them out too. */
  readonly omittedConstraints?: readonly { readonly schema: string; readonly table: string; readonly name: string }[];
  /** Things an operator should know ("foreign table data is not dumped"). */
  readonly notices: readonly string[];
}

export interface LogicalDumpOptions {
  readonly readers: number;
  /** Target plain bytes of a block range file; big tables are cut so. A multiple of the segment size. */
  readonly rangeBytes: number;
  /** Glob patterns `schema.table`, as pg_dump's -t/-T take. Empty = all. */
  readonly includeTables: readonly string[];
  readonly excludeTables: readonly string[];
  readonly includeSchemas: readonly string[];
  readonly excludeSchemas: readonly string[];
  readonly lockTimeoutMs: number;
  /** A snapshot held in pause longer than this is given up with PG_PAUSE_BUDGET_SPENT (retryable). */
  readonly pauseBudgetMs: number;
  /** Folders searched first for pg_dump and friends. */
  readonly binDirs: readonly string[];
  /** Client tools of at least this major. @default the server's own, or the nearest newer one */
  readonly clientMajor?: number;
}

export interface DumpRequest {
  readonly source: ConnectionTarget;
  readonly options: LogicalDumpOptions;
  readonly sink: FileSink;
  readonly governor: Governor;
  readonly signal: AbortSignal;
  /** Called often and cheaply; the caller throttles. The engine fills in what it knows. */
  readonly onProgress: (progress: EngineProgress) => void;
}
export type EngineProgress = Pick<
  DumpProgress,
  'current' | 'tablesDone' | 'tablesTotal' | 'rows' | 'plainBytes' | 'plainBytesExpected'
>;

export interface RestoreOptions {
  readonly jobs: number;
  /** Empty = all. Exact `schema` or `schema.table` names. */
  readonly schemas: readonly string[];
  readonly tables: readonly string[];
  readonly owners: 'keep' | 'omit' | { readonly mapTo: string };
  readonly acls: 'keep' | 'omit';
  /** Create missing roles from globals.sql (without passwords where they are absent) before anything else. */
  readonly globals: 'none' | 'roles';
  readonly binDirs: readonly string[];
  /** Client tools of at least this major. @default the target server's own or the archive's, whichever is newer */
  readonly clientMajor?: number;
  /** Scratch cluster: settings that trade durability for speed are already set there. */
  readonly scratchDir: string;
}

export interface RestoreRequest {
  readonly source: FileSource;
  readonly summary: DumpSummary;
  /** An existing, empty database. Creation, naming, marking and dropping belong to the caller (`src/postgres`). */
  readonly target: ConnectionTarget;
  readonly options: RestoreOptions;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RestoreProgress) => void;
}
export interface RestoreProgress {
  readonly step: 'globals' | 'pre-data' | 'rows' | 'data' | 'post-data' | 'check';
  readonly current: string | null;
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rows: number;
  readonly plainBytes: number;
  readonly plainBytesTotal: number;
}
export interface RestoreSummary {
  readonly rows: number;
  readonly plainBytes: number;
  readonly tables: readonly {
    readonly schema: string;
    readonly name: string;
    readonly rows: number;
    readonly expected: number;
  }[];
  readonly durationMs: number;
  readonly steps: Readonly<Record<string, number>>;
  readonly notices: readonly string[];
}

export interface BackupEngine {
  readonly kind: EngineKind;
  dump(request: DumpRequest): Promise<DumpSummary>;
  restore(request: RestoreRequest): Promise<RestoreSummary>;
}
