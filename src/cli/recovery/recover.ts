/** `holdfast recover`: one copy and one key make the database again. No config, no catalogue, no Temporal. */
import { rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionTarget, RestoreOptions, RestoreProgress, RestoreSummary } from '../../engines/engine';
import { createLogicalEngine } from '../../engines/logical';
import { restoreInto } from '../../engines/logical/restore-into';
import { withCopy, type CopyRequest } from './open-copy';

export interface RecoverRequest extends CopyRequest {
  /** Server, and name of the database to make or fill. */
  readonly to: ConnectionTarget;
  readonly options?: Partial<Omit<RestoreOptions, 'scratchDir'>>;
  /** Drop what stands in the target first; asked for with typed confirmation only. */
  readonly replace?: boolean;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

export interface RecoverReport {
  readonly database: string;
  readonly backupId: string;
  /** When the snapshot was taken, by the source's clock, ISO. */
  readonly snapshotAt: string;
  readonly databaseName: string;
  readonly rows: number;
  readonly plainBytes: number;
  readonly tables: RestoreSummary['tables'];
  readonly durationMs: number;
  readonly notices: readonly string[];
}

/** Restores into a new or empty database; on failure nothing is left behind. */
export async function recover(request: RecoverRequest): Promise<RecoverReport> {
  const started = Date.now();
  return withCopy(request, async ({ reader, database, backupId }) => {
    const { summary } = reader.manifest.body;
    // Predictable, so that the next recovery finds and removes what a killed one left; made with a check of its owner.
    const scratchDir = join(tmpdir(), `holdfast-recover-${process.getuid?.() ?? 'user'}`);
    const result = await restoreInto({
      engine: createLogicalEngine(),
      source: reader,
      summary,
      backupId,
      target: request.to,
      options: {
        jobs: 2,
        schemas: [],
        tables: [],
        owners: 'keep',
        acls: 'keep',
        globals: 'roles',
        binDirs: [],
        ...request.options,
        scratchDir,
      },
      replace: request.replace ?? false,
      signal: request.signal,
      onProgress: request.onProgress ?? (() => undefined),
    }).finally(() => rmdir(scratchDir).catch(() => undefined));
    return {
      database,
      backupId,
      snapshotAt: summary.snapshotAt,
      databaseName: result.databaseName,
      rows: result.restore.rows,
      plainBytes: result.restore.plainBytes,
      tables: result.restore.tables,
      durationMs: Date.now() - started,
      notices: result.notices,
    };
  });
}
