import type { BackupJob, Catalog } from '../catalog/types';
import { isBackupId } from '../domain/names';
import { cliError } from '../errors/cli';

/** How many of the newest backups an abbreviated id is looked for in. */
const SEARCHED = 5_000;

export interface ResolveOptions {
  /** Only backups that hold data to restore. @default false */
  readonly completed?: boolean;
}

/**
 * Finds the backup that a person means: a whole id, `DATABASE` or `DATABASE@latest` (the newest one), or the beginning or
 * end of an id where only one fits. Throws CLI_BACKUP_UNKNOWN or CLI_BACKUP_AMBIGUOUS.
 */
export async function resolveBackup(
  catalog: Catalog,
  text: string,
  databases: readonly string[],
  options: ResolveOptions = {},
): Promise<BackupJob> {
  const fits = (job: BackupJob) => !options.completed || (job.status === 'completed' && job.deletedAt === null);
  const unknown = () => cliError('CLI_BACKUP_UNKNOWN', '', { context: { backup: text } });
  if (isBackupId(text)) {
    const job = await catalog.job(text);
    if (job === null) throw unknown();
    return job;
  }
  const database = text.replace(/@latest$/, '');
  if (databases.includes(database)) {
    const newest = (await catalog.jobs({ database, limit: 200 })).find(fits);
    if (newest) return newest;
    throw cliError('CLI_BACKUP_UNKNOWN', 'the database has no backup yet', {
      context: { database },
      hint: `make one with \`holdfast backup run ${database}\``,
    });
  }
  if (text.length < 4) throw unknown();
  const candidates = (await catalog.jobs({ limit: SEARCHED, includeDeleted: true })).filter(
    ({ backupId }) => backupId.startsWith(text) || backupId.endsWith(text),
  );
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length === 0) throw unknown();
  throw cliError('CLI_BACKUP_AMBIGUOUS', '', {
    context: {
      backup: text,
      fits: candidates
        .slice(0, 5)
        .map((job) => job.backupId)
        .join(', '),
    },
  });
}
