import { Option } from 'commander';
import { backupHistory, regressionIn } from '../../../catalog/load-figures';
import type { BackupJob, ComplianceRow, CopyRow, HoldRow } from '../../../catalog/types';
import { regressionWord, type BackupFigures, type RegressionReport } from '../../../domain/load/regression';
import type { Waiting } from '../../../domain/progress';
import { action, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { countArgument } from '../../arguments';
import { formatBytes, formatCount, formatDuration, formatRelative, NONE } from '../../output/format';
import { renderTable } from '../../output/table';
import { paintState, type Palette } from '../../output/ui';
import { describeWaiting, pauseUnlessAborted } from '../../watch-backup';

/** How long runs under way are asked what they wait for. Milliseconds. */
const ASK_MS = 3_000;

interface ListOptions {
  readonly limit: number;
  readonly deleted?: boolean;
  readonly status?: BackupJob['status'];
}
interface ListedBackup {
  readonly job: BackupJob;
  readonly copies: readonly CopyRow[];
  readonly holds: readonly HoldRow[];
  /** null: no policy holds, or it was never judged. */
  readonly compliance: ComplianceRow | null;
  /** null: it did not finish. */
  readonly regression: RegressionReport | null;
  /** What a run waits for before it reads; null: for nothing, or nobody could tell. */
  readonly waiting: Waiting | null;
}

/** Backups that one is compared with. */
const PEERS = 20;

export const backupList: Verb = (parent, cli) =>
  parent
    .command('list')
    .argument('[database]', 'only this database')
    .description('list backups, newest first: type, age, size, proof, copies by store, holds')
    .option('-n, --limit <count>', 'at most this many', countArgument, 50)
    .addOption(new Option('--status <status>', 'only these').choices(['running', 'completed', 'failed']))
    .option('--deleted', 'show deleted ones too')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast backup list shop\n  holdfast backup list --json | jq -r ".[0].backupId"',
    )
    .action(
      action<ListOptions>(cli, 'view', async (context, options, database?: string) => {
        if (database !== undefined) await context.database(database);
        const catalog = await context.catalog();
        const filter = database === undefined ? {} : { database };
        const [jobs, copies, holds, judged] = await Promise.all([
          catalog.jobs({
            ...filter,
            limit: options.limit,
            ...(options.status === undefined ? {} : { status: options.status }),
            ...(options.deleted ? { includeDeleted: true } : {}),
          }),
          catalog.copies(filter),
          catalog.holds(filter),
          catalog.compliance(filter),
        ]);
        const histories = new Map<string, readonly BackupFigures[]>();
        for (const name of new Set(jobs.map((job) => job.database)))
          histories.set(name, await backupHistory(catalog, name, options.limit + PEERS));
        const waits = await waitingRuns(context, jobs);
        const listed = jobs.map((job) => ({
          job,
          regression: regressionIn(histories.get(job.database)!, job.backupId),
          copies: copies.filter((copy) => copy.backupId === job.backupId),
          holds: holds.filter((hold) => hold.backupId === job.backupId),
          compliance: judged.find((row) => row.backupId === job.backupId) ?? null,
          waiting: waits.get(job.backupId) ?? null,
        }));
        return {
          data: listed.map((entry) => ({
            ...entry.job,
            copies: entry.copies,
            holds: entry.holds,
            compliance: entry.compliance,
            regression: entry.regression,
            waiting: entry.waiting,
          })),
          text:
            listed.length === 0
              ? 'no backups yet: make one with `holdfast backup run`'
              : renderBackups(listed, context.ui.now(), context.ui.colors),
        };
      }),
    );

/** By backup id. The catalogue answers without Temporal; what a run waits for is extra, and not waited for long. */
async function waitingRuns(context: CliContext, jobs: readonly BackupJob[]): Promise<ReadonlyMap<string, Waiting>> {
  const databases = [...new Set(jobs.filter(({ status }) => status === 'running').map(({ database }) => database))];
  const found = new Map<string, Waiting>();
  if (databases.length === 0) return found;
  const asked = Promise.all(
    databases.map(async (database) => {
      const progress = await (await context.client()).progress(database);
      if (progress?.waiting) found.set(progress.backupId, progress.waiting);
    }),
  ).catch(() => undefined);
  const enough = new AbortController();
  await Promise.race([asked, pauseUnlessAborted(ASK_MS, AbortSignal.any([context.signal, enough.signal]))]);
  enough.abort();
  return found;
}

function renderBackups(backups: readonly ListedBackup[], now: Date, colors: Palette): string {
  const odd = ({ regression }: ListedBackup) => regression && regressionWord(regression);
  const judged = backups.some(({ compliance }) => compliance !== null);
  return renderTable<ListedBackup>(
    backups,
    [
      { title: 'DATABASE', get: ({ job }) => job.database },
      { title: 'BACKUP', get: ({ job }) => colors.bold(job.backupId) },
      { title: 'AGE', get: ({ job }) => formatRelative(job.startedAt, now) },
      {
        title: 'STATE',
        get: ({ job, waiting }) => (waiting === null ? state(job, colors) : waitText(waiting, colors)),
      },
      {
        title: 'TOOK',
        align: 'right',
        get: ({ job }) =>
          job.completedAt === null ? NONE : formatDuration(job.completedAt.getTime() - job.startedAt.getTime()),
      },
      { title: 'ROWS', align: 'right', get: ({ job }) => formatCount(job.rows) },
      { title: 'SIZE', align: 'right', get: ({ job }) => formatBytes(job.plainBytes) },
      { title: 'SEALED', align: 'right', get: ({ job }) => formatBytes(job.fileSize) },
      { title: 'SENT', align: 'right', get: ({ job }) => formatBytes(job.uploadedBytes) },
      {
        title: 'COPIES',
        get: ({ copies }) =>
          copies.map((copy) => `${copy.store}:${paintState(copy.grade ?? copy.state, colors)}`).join(' ') || NONE,
      },
      ...(judged ? [{ title: 'POLICY', get: (backup: ListedBackup) => policyWord(backup, colors) }] : []),
      ...(backups.some(odd)
        ? [{ title: 'UNUSUAL', get: (backup: ListedBackup) => colors.yellow(odd(backup) ?? '') }]
        : []),
      { title: 'HOLDS', get: ({ holds }) => holds.map((hold) => colors.magenta(hold.holder)).join(' ') },
    ],
    colors.dim,
  );
}

/** `3/3`, or what is missing of it: `2/3`, `3/3 without media`. */
function policyWord({ job, compliance }: ListedBackup, colors: Palette): string {
  if (compliance === null || job.deletedAt !== null) return NONE;
  if (compliance.compliant) return colors.green(compliance.state);
  const others = compliance.missing.map(({ clause }) => clause).filter((clause) => clause !== 'copies');
  return colors.yellow(others.length === 0 ? compliance.state : `${compliance.state} without ${others.join(', ')}`);
}

function waitText(waiting: Waiting, colors: Palette): string {
  return colors.yellow(`waits: ${describeWaiting(waiting)}`);
}

function state(job: BackupJob, colors: Palette): string {
  if (job.deletedAt !== null) return colors.dim('deleted');
  if (job.tombstonedAt !== null) return colors.yellow('to be deleted');
  if (job.status === 'failed') return colors.red(job.errorCode ?? 'failed');
  if (job.status === 'running') return colors.yellow('running');
  if (job.verificationStatus === 'failed') return colors.red('proof failed');
  return job.verificationStatus === null ? colors.yellow('not proved') : paintState(job.verificationStatus, colors);
}
