/** Restores a backup into a new or empty database of a real server. Shared by the restore activity and by `recover`. */
import { postgresError } from '../../errors/postgres';
import { withWorkFolder } from '../../postgres/scratch-folder';
import type {
  BackupEngine,
  ConnectionTarget,
  DumpSummary,
  FileSource,
  RestoreOptions,
  RestoreProgress,
  RestoreSummary,
} from '../engine';
import { prepareTarget } from './target-database';

export interface RestoreIntoRequest {
  readonly engine: Pick<BackupEngine, 'restore'>;
  readonly source: FileSource;
  readonly summary: DumpSummary;
  readonly backupId: string;
  /** Server, and name of the database to make or fill. */
  readonly target: ConnectionTarget;
  readonly options: RestoreOptions;
  /** Drop what stands there first. A half-made database of an earlier restore is dropped without it. */
  readonly replace: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RestoreProgress) => void;
}

export interface RestoreIntoResult {
  readonly databaseName: string;
  /** False when an empty database was there. */
  readonly created: boolean;
  readonly serverVersion: string;
  readonly restore: RestoreSummary;
  readonly notices: readonly string[];
}

/** All or nothing: on failure and on cancellation the database that was made is dropped again. */
export async function restoreInto(request: RestoreIntoRequest): Promise<RestoreIntoResult> {
  const { target, signal } = request;
  const prepared = await prepareTarget(request);
  try {
    const restore = await withWorkFolder(request.options.scratchDir, (scratchDir) =>
      request.engine.restore({
        source: request.source,
        summary: request.summary,
        target,
        options: { ...request.options, scratchDir },
        signal,
        onProgress: request.onProgress,
      }),
    );
    checkRows(restore, target.database);
    signal.throwIfAborted();
    await prepared.finish();
    return {
      databaseName: target.database,
      created: prepared.created,
      serverVersion: prepared.serverVersion,
      restore,
      notices: [...prepared.notices, ...restore.notices],
    };
  } catch (error) {
    await prepared.discard();
    throw error;
  } finally {
    await prepared.release();
  }
}

function checkRows(restore: RestoreSummary, database: string): void {
  const wrong = restore.tables.find((table) => table.rows !== table.expected);
  if (!wrong) return;
  const table = `${wrong.schema}.${wrong.name}`;
  throw postgresError('PG_ROWS_DIFFER', `${table} has ${wrong.rows} rows, the backup has ${wrong.expected}`, {
    context: { database, table },
  });
}
