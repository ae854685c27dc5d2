/**
 * A logical dump: one exported snapshot; pg_dump for all but table rows, pg_dumpall for roles, and N readers that COPY the rows,
 * all at once, straight into the sink. The first failure ends all of them; nothing of a failed dump is usable, for the summary
 * that the manifest needs is only returned by a dump in which everything succeeded.
 */
import { postgresError } from '../../errors/postgres';
import { childEnvironment } from '../../postgres/child-environment';
import { findTools, type ClientTools } from '../../postgres/tools';
import type { DumpedFile, DumpedTable, DumpRequest, DumpSummary, LogicalDumpOptions } from '../engine';
import { checkAccess, type AccessFindings } from './access-check';
import { listColumns, listSizes, type Relation } from './catalog';
import { loadStatement } from './copy-statement';
import { orderPieces, type Piece } from './plan';
import { runReader, type ReadableTable } from './row-reader';
import { dumpGlobals, dumpSchema } from './schema-dump';
import { openSnapshot, type Snapshot } from './snapshot';

export const SCHEMA_FILE = 'schema.dump';
export const GLOBALS_FILE = 'globals.sql';

/** Servers before this read the whole table for a range of blocks. */
const TID_RANGE_SCAN_SINCE = 140_000;
const PAUSE_CHECK_MS = 200;

export async function dumpLogical(request: DumpRequest): Promise<DumpSummary> {
  const { source, options } = request;
  const failed = new AbortController();
  const signal = AbortSignal.any([request.signal, failed.signal]);
  const snapshot = await openSnapshot(source, options, signal);
  const stopPauseWatch = watchPause(request, failed);
  const onLost = () => failed.abort(snapshot.session.lost.reason);
  snapshot.session.lost.addEventListener('abort', onLost);
  try {
    const tools = await findTools(snapshot.session.serverVersionNum, {
      binDirs: options.binDirs,
      major: options.clientMajor,
      signal,
    });
    const access = await checkAccess(snapshot.session, snapshot.selection);
    const plan = await planRows(snapshot, options);
    return await runAll({ request, snapshot, tools, access, plan, signal, failed });
  } catch (error) {
    // Whatever came first is the reason; the rest followed from it.
    request.signal.throwIfAborted();
    throw failed.signal.aborted ? failed.signal.reason : error;
  } finally {
    stopPauseWatch();
    snapshot.session.lost.removeEventListener('abort', onLost);
    await snapshot.session.close();
  }
}

interface RowPlan {
  readonly tables: readonly Relation[];
  readonly readable: ReadonlyMap<number, ReadableTable>;
  readonly pieces: readonly Piece[];
  readonly notices: readonly string[];
}

async function planRows({ session, selection, facts }: Snapshot, options: LogicalDumpOptions): Promise<RowPlan> {
  const all = selection.relations.filter(({ kind }) => kind === 'table');
  // A standby has no rows of unlogged tables, and refuses to look.
  const unseen = facts.inRecovery ? all.filter(({ unlogged }) => unlogged) : [];
  const tables = all.filter((table) => !unseen.includes(table));
  const oids = tables.map(({ oid }) => oid);
  const columns = await listColumns(session, oids);
  const sizes = await listSizes(session, oids);
  const planned = tables.map((table) => ({
    oid: table.oid,
    ...(sizes.get(table.oid) ?? { heapBytes: 0, toastBytes: 0 }),
    cuttable: table.heap && session.serverVersionNum >= TID_RANGE_SCAN_SINCE,
  }));
  return {
    tables: all,
    readable: new Map(
      tables.map(({ oid, schema, name }) => [oid, { oid, schema, name, columns: columns.get(oid) ?? [] }]),
    ),
    pieces: orderPieces(planned, options.rangeBytes, facts.blockBytes),
    notices: unseen.map(
      ({ schema, name }) => `rows of the unlogged table ${schema}.${name} cannot be read on a standby`,
    ),
  };
}

interface Run {
  readonly request: DumpRequest;
  readonly snapshot: Snapshot;
  readonly tools: ClientTools;
  readonly access: AccessFindings;
  readonly plan: RowPlan;
  readonly signal: AbortSignal;
  readonly failed: AbortController;
}

async function runAll(run: Run): Promise<DumpSummary> {
  const { request, snapshot, tools, access, plan, signal, failed } = run;
  const { source, options, sink } = request;
  const progress = new ProgressCounter(request, plan.pieces);
  const environment = await childEnvironment(source, 'holdfast pg_dump');
  const files: DumpedFile[] = [];
  const { lockTimeoutMs } = options;
  const { encoding } = snapshot.facts;
  const common = { target: source, tools, environment, signal, lockTimeoutMs, encoding };
  const { id: snapshotId, selection } = snapshot;

  let taken = 0;
  const readers = Math.max(1, Math.min(options.readers, plan.pieces.length));
  const lockAhead = plan.readable.size * (readers + 2) <= snapshot.facts.lockCapacity / 2;
  const reader = {
    target: source,
    snapshotId,
    encoding: snapshot.facts.encoding,
    lockTimeoutMs: options.lockTimeoutMs,
    lockAhead: lockAhead ? [...plan.readable.values()] : null,
    tables: plan.readable,
    sink,
    governor: request.governor,
    signal,
    next: () => plan.pieces[taken++] ?? null,
    onStart: progress.start,
    onBytes: progress.bytes,
    onPiece: (piece: Piece, file: DumpedFile | null) => {
      if (file) files.push(file);
      progress.pieceDone(piece, file?.rows ?? 0);
    },
  };
  // One after the other: two children at a time would be one more than the machine was promised.
  const definitions = async (): Promise<void> => {
    const schema = await dumpSchema(
      { ...common, snapshotId, selection, tables: plan.tables },
      sink.openFile(SCHEMA_FILE),
    );
    files.push({ path: SCHEMA_FILE, kind: 'schema', bytes: schema });
    const globals = await dumpGlobals({ ...common, passwords: access.mayReadPasswords }, sink.openFile(GLOBALS_FILE));
    files.push({ path: GLOBALS_FILE, kind: 'globals', bytes: globals });
  };
  const jobs = [
    definitions(),
    ...(plan.pieces.length > 0 ? Array.from({ length: readers }, () => runReader(reader)) : []),
  ];
  for (const job of jobs) job.catch((error: unknown) => failed.abort(error));
  try {
    // All of them: nothing of this dump may run on when it is over.
    await Promise.allSettled(jobs);
  } finally {
    await environment.remove();
  }
  signal.throwIfAborted();
  if (taken < plan.pieces.length) throw new Error('the readers ended before all pieces were read');
  return summarize(run, files, lockAhead);
}

function summarize({ snapshot, tools, access, plan }: Run, files: DumpedFile[], lockAhead: boolean): DumpSummary {
  const { session, facts } = snapshot;
  const order = new Map(plan.pieces.map((piece, index) => [piece.path, index]));
  const place = (file: DumpedFile) => order.get(file.path) ?? -1;
  const sorted = files.sort((a, b) => place(a) - place(b) || (a.path < b.path ? -1 : 1));
  const byTable = Map.groupBy(
    sorted.filter(({ kind }) => kind === 'rows'),
    (file) => file.table!.oid,
  );
  const tables = [...plan.readable.values()].map((table): DumpedTable => {
    const own = byTable.get(table.oid) ?? [];
    return {
      ...table,
      rows: own.reduce((sum, file) => sum + (file.rows ?? 0), 0),
      bytes: own.reduce((sum, file) => sum + file.bytes, 0),
      files: own.map(({ path }) => path),
      copyStatement: loadStatement(table, facts.encoding),
    };
  });
  const notices = [...snapshot.notices, ...access.notices, ...plan.notices];
  if (!lockAhead) notices.push('more tables than the server can lock ahead: a migration may make this dump fail');
  return {
    engine: 'logical',
    serverVersion: session.serverVersion,
    serverVersionNum: session.serverVersionNum,
    toolVersion: tools.version,
    systemIdentifier: facts.systemIdentifier,
    databaseName: facts.databaseName,
    encoding: facts.encoding,
    collate: facts.collate,
    ctype: facts.ctype,
    localeProvider: facts.localeProvider,
    icuLocale: facts.icuLocale,
    snapshotLsn: facts.snapshotLsn,
    snapshotAt: facts.snapshotAt,
    globalsWithoutPasswords: !access.mayReadPasswords,
    extensions: facts.extensions,
    tablespaces: facts.tablespaces,
    omittedConstraints: access.omittedConstraints,
    files: sorted,
    tables,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    plainBytes: sorted.reduce((sum, { bytes }) => sum + bytes, 0),
    notices,
  };
}

/** A pause keeps the snapshot, which keeps vacuum from cleaning the source: only so long. */
function watchPause({ governor, options, source }: DumpRequest, failed: AbortController): () => void {
  const timer = setInterval(() => {
    const pausedMs = Math.round(governor.pausedForMs());
    const { paused, giveUp = false } = governor.pace;
    if (pausedMs > options.pauseBudgetMs || (paused && giveUp))
      failed.abort(
        postgresError('PG_PAUSE_BUDGET_SPENT', '', {
          context: { database: source.name, pausedMs, budgetMs: options.pauseBudgetMs },
        }),
      );
  }, PAUSE_CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Adds up what the readers report. */
class ProgressCounter {
  private current: string | null = null;
  private tablesDone = 0;
  private rows = 0;
  private plainBytes = 0;
  private readonly expected: number;
  private readonly left = new Map<number, number>();
  private readonly tablesTotal: number;

  constructor(
    private readonly request: DumpRequest,
    pieces: readonly Piece[],
  ) {
    for (const { oid } of pieces) this.left.set(oid, (this.left.get(oid) ?? 0) + 1);
    this.tablesTotal = this.left.size;
    this.expected = pieces.reduce((sum, { estimatedBytes }) => sum + estimatedBytes, 0);
    this.report();
  }

  readonly start = (table: ReadableTable): void => {
    this.current = `${table.schema}.${table.name}`;
    this.report();
  };

  readonly bytes = (bytes: number): void => {
    this.plainBytes += bytes;
    this.report();
  };

  readonly pieceDone = (piece: Piece, rows: number): void => {
    this.rows += rows;
    const left = (this.left.get(piece.oid) ?? 1) - 1;
    this.left.set(piece.oid, left);
    if (left === 0) this.tablesDone += 1;
    this.report();
  };

  private report(): void {
    const { current, tablesDone, tablesTotal, rows, plainBytes, expected } = this;
    this.request.onProgress({
      current,
      tablesDone,
      tablesTotal,
      rows,
      plainBytes,
      plainBytesExpected: Math.max(expected, plainBytes),
    });
  }
}
