import type { BackupJob, Catalog } from '../../../catalog/types';
import type { DatabaseConfig } from '../../../config/schema';
import { cliError } from '../../../errors/cli';
import { action, type Verb } from '../../command';
import { confirmTyped } from '../../confirm';
import type { CliContext } from '../../context';
import { formatDuration } from '../../output/format';
import { resolveBackup } from '../../resolve-backup';

interface DeleteOptions {
  readonly reason: string;
  readonly confirm?: string;
  readonly undo?: boolean;
}

export const backupDelete: Verb = (parent, cli) =>
  parent
    .command('delete')
    .argument('<backup>', 'backup id or part of one')
    .description(
      'mark a backup for deletion; retention deletes it once its grace has passed, and until then it can be undone',
    )
    .option('-r, --reason <text>', 'why', 'deleted by hand')
    .option('--confirm <name>', 'the whole backup id, instead of typing it when asked')
    .option('--undo', 'take the mark away again')
    .addHelpText('after', '\nExamples:\n  holdfast backup delete 1a2b3c4d\n  holdfast backup delete 1a2b3c4d --undo')
    .action(
      action<DeleteOptions>(cli, 'administer', async (context, options, text: string) => {
        const catalog = await context.catalog();
        const { databases } = await context.config();
        const job = await resolveBackup(
          catalog,
          text,
          databases.map((database) => database.name),
        );
        return options.undo ? undo(context, catalog, job) : mark(context, catalog, job, options);
      }),
    );

async function undo(context: CliContext, catalog: Catalog, job: BackupJob) {
  const restored = await catalog.restoreTombstoned(job.backupId);
  if (restored) {
    const { backupId, database } = job;
    await catalog.audit({ actor: context.who, action: 'undelete', database, backupId, at: context.ui.now() });
  }
  return {
    data: { backupId: job.backupId, restored },
    text: restored ? `${job.backupId} is kept` : `${job.backupId} was not marked, or is deleted already`,
  };
}

async function mark(context: CliContext, catalog: Catalog, job: BackupJob, options: DeleteOptions) {
  const { backupId, database } = job;
  if (job.status === 'running') throw cliError('CLI_BACKUP_RUNNING', '', { context: { backup: backupId } });
  const holds = await catalog.holds({ backupId });
  if (holds.length > 0) {
    throw cliError('CLI_BACKUP_HELD', '', {
      context: { backup: backupId, holder: holds.map((hold) => hold.holder).join(', ') },
    });
  }
  const config = await context.database(database).catch(() => null);
  await refuseBelowFloor(catalog, job, config);
  await confirmTyped(context.ui, {
    danger: `This deletes the backup ${backupId} of ${database} from every store.`,
    name: backupId,
    given: options.confirm,
  });
  const at = context.ui.now();
  await catalog.tombstone(backupId, options.reason, at);
  await catalog.audit({
    actor: context.who,
    action: 'delete',
    database,
    backupId,
    details: { reason: options.reason },
    at,
  });
  const grace = config === null ? '' : ` ${formatDuration(config.retention.tombstoneGrace)}`;
  return {
    data: { backupId, tombstonedAt: at, graceMs: config?.retention.tombstoneGrace ?? null },
    text: `${backupId} is marked; retention deletes it after its grace${grace}\nundo: holdfast backup delete ${backupId} --undo`,
  };
}

/** Retention checks this again before it deletes; here the person hears of it at once. */
async function refuseBelowFloor(catalog: Catalog, job: BackupJob, config: DatabaseConfig | null): Promise<void> {
  const isProved = ({ verificationStatus }: BackupJob) =>
    verificationStatus !== null && verificationStatus !== 'failed';
  if (!isProved(job)) return;
  const others = (await catalog.jobs({ database: job.database, status: 'completed' })).filter(
    (other) =>
      other.backupId !== job.backupId && other.tombstonedAt === null && other.deletedAt === null && isProved(other),
  );
  const floor = config?.retention.minProved ?? 1;
  if (others.length < floor) {
    throw cliError('CLI_BACKUP_FLOOR', '', {
      context: { backup: job.backupId, proved: others.length + 1, minProved: floor },
    });
  }
}
