/** Restores from the best copy that can be read into a new or empty database. */
import { mkdir } from 'node:fs/promises';
import { restoreInto } from '../engines/logical/restore-into';
import { orchestrationError } from '../errors/orchestration';
import { openBackup } from '../repository/reader';
import type { BackupReader } from '../repository/types';
import { openReachable, readableStores } from './copies';
import type { ActivityDeps } from './deps';
import { withHeartbeat, type Beat } from './heartbeat';
import { recorded } from './transfers';
import type { HoldfastActivities, StepProgress } from './types';
import type { RestoreInput, RestoreResult } from '../domain/runs';

export function createRestoreActivities(deps: ActivityDeps): Pick<HoldfastActivities, 'restoreBackup'> {
  return {
    restoreBackup: (input) =>
      withHeartbeat((beat) => {
        const { database, backupId } = input;
        const scope = { kind: 'restore', database, backupId, staysAt: () => false } as const;
        return recorded(deps, scope, () => restore(deps, input, beat));
      }),
  };
}

async function restore(deps: ActivityDeps, input: RestoreInput, beat: Beat): Promise<RestoreResult> {
  const startedAt = performance.now();
  const { signal } = beat;
  const step = (progress: StepProgress) => beat.report(progress);
  step({ step: 'open', done: 0, total: 0, current: null });
  const connection = await deps.connection(input.to);
  const target = { ...connection, database: input.as ?? connection.database };
  const reader = await openCopy(deps, input, signal);
  await mkdir(deps.scratch.baseDir, { recursive: true, mode: 0o700 });
  const { restore, databaseName, notices } = await restoreInto({
    engine: deps.engine,
    source: reader,
    summary: reader.manifest.body.summary,
    backupId: input.backupId,
    target,
    replace: input.replace,
    options: {
      jobs: input.jobs,
      schemas: input.schemas,
      tables: input.tables,
      owners: input.owners,
      acls: input.acls,
      globals: input.globals,
      binDirs: deps.binDirs,
      scratchDir: deps.scratch.baseDir,
    },
    signal,
    onProgress: (progress) =>
      step({
        step: progress.step,
        done: progress.plainBytes,
        total: progress.plainBytesTotal,
        current: progress.current,
      }),
  });
  const catalog = await deps.catalog();
  await catalog.audit({
    actor: input.requestedBy,
    action: 'backup.restore',
    database: input.database,
    backupId: input.backupId,
    details: { store: reader.store.name, target: connection.name, databaseName },
    at: new Date(),
  });
  return {
    backupId: input.backupId,
    store: reader.store.name,
    target: connection.name,
    databaseName,
    rows: restore.rows,
    plainBytes: restore.plainBytes,
    tables: restore.tables.length,
    durationMs: Math.round(performance.now() - startedAt),
    notices,
  };
}

/** The store that was asked for, or the first copy whose manifest can be trusted and opened. */
async function openCopy(deps: ActivityDeps, input: RestoreInput, signal: AbortSignal): Promise<BackupReader> {
  const { database, backupId } = input;
  const keys = await deps.keys();
  if (input.store !== null)
    return openBackup({ store: await deps.stores.open(input.store), database, backupId, keys, signal });
  let first: unknown = null;
  for (const store of await openReachable(deps, await readableStores(deps, database, backupId))) {
    try {
      return await openBackup({ store, database, backupId, keys, signal });
    } catch (error) {
      signal.throwIfAborted();
      first ??= error;
    }
  }
  // What is wrong with the best copy says more than that there is none.
  throw first ?? orchestrationError('RUN_NO_GOOD_COPY', '', { context: { database, backup: backupId } });
}
