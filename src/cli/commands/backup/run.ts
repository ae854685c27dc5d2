import { Option } from 'commander';
import type { BackupResult, OverlapPolicy, RequestResult } from '../../../client/types';
import { BACKUP_TYPES, gradeAtLeast, type BackupType } from '../../../domain/names';
import { cliError } from '../../../errors/cli';
import { action, type Answer, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { EXIT, type ExitCode } from '../../exit-codes';
import { followRequest } from '../../follow-run';
import { formatBytes, formatCount, formatDuration, NONE } from '../../output/format';
import { reportError } from '../../output/errors';
import { renderFacts } from '../../output/table';
import { paintState } from '../../output/ui';

interface RunOptions {
  readonly type: BackupType;
  readonly overlap: OverlapPolicy;
  readonly wait: boolean;
  readonly all?: boolean;
  readonly now?: boolean;
}

export const backupRun: Verb = (parent, cli) =>
  parent
    .command('run')
    .argument('[database]', 'database to back up; may be left out when only one is configured')
    .description('make a backup now and watch it: dump, copies, proof')
    .addOption(new Option('-t, --type <type>', 'what may be reused').choices(BACKUP_TYPES).default('incremental'))
    .addOption(
      new Option('--overlap <policy>', 'when a run of this database is under way')
        .choices(['skip', 'wait', 'cancel'])
        .default('skip'),
    )
    .option('--now', 'wait for no window, protected time or impact breaker; who asked stays in the history')
    .option('--all', 'every configured database, one after another')
    .option('--no-wait', 'return as soon as the run has started')
    .addHelpText(
      'after',
      `
Examples:
  holdfast backup run shop --type full
  holdfast backup run shop --now
  holdfast backup run --all --json > result.json

Ctrl-C stops watching, never the backup.`,
    )
    .action(
      action<RunOptions>(cli, 'operate', async (context, options, name?: string): Promise<Answer> => {
        if (options.all && name !== undefined) throw cliError('CLI_USAGE', 'name a database or --all, not both');
        if (!options.all) return runOne(context, options, (await context.databaseOrOnly(name)).name);
        return runAll(context, options);
      }),
    );

async function runAll(context: CliContext, options: RunOptions): Promise<Answer> {
  const { databases } = await context.config();
  const answers: { readonly database: string; readonly answer: Answer }[] = [];
  for (const { name } of databases) {
    try {
      answers.push({ database: name, answer: await runOne(context, options, name) });
    } catch (error) {
      if (context.signal.aborted) throw error;
      // One database that fails must not keep the others from being backed up.
      const report = reportError(error);
      const text = `${name}: error ${report.code}: ${report.message}\nhint: ${report.hint}`;
      answers.push({ database: name, answer: { data: { error: report }, text, exitCode: report.exitCode } });
    }
  }
  return {
    data: answers.map(({ database, answer }) => ({ database, ...(answer.data as object) })),
    text: answers.map(({ answer }) => answer.text).join('\n\n'),
    exitCode: answers.map(({ answer }) => answer.exitCode ?? EXIT.ok).find((code) => code !== EXIT.ok) ?? EXIT.ok,
  };
}

async function runOne(context: CliContext, options: RunOptions, database: string): Promise<Answer> {
  const client = await context.client();
  const { workflowId, runId } = await client.requestBackup({
    database,
    type: options.type,
    overlap: options.overlap,
    requestedBy: context.who,
    ...(options.now === true ? { now: true } : {}),
  });
  const url = client.webUiUrl(workflowId, runId);
  if (!options.wait) {
    const watch = `watch it with: holdfast backup show ${database} --follow`;
    return {
      data: { database, started: { workflowId, runId, url } },
      text: [`started ${workflowId}`, ...(url === null ? [] : [url]), watch].join('\n'),
    };
  }
  if (url !== null) context.ui.note(context.ui.errColors.dim(url));
  const result = await followRequest(context, database, client.requestResult(workflowId, runId));
  const wanted = (await context.database(database)).verification.grade;
  return answerOf(context, database, result, (backup) => (isProved(backup, wanted) ? EXIT.ok : EXIT.proofFailed), url);
}

function isProved(backup: BackupResult, wanted: Parameters<typeof gradeAtLeast>[1]): boolean {
  return gradeAtLeast(backup.grade, wanted) && backup.copies.every((copy) => copy.state !== 'damaged');
}

function answerOf(
  context: CliContext,
  database: string,
  result: RequestResult,
  exitOf: (backup: BackupResult) => ExitCode,
  url: string | null,
): Answer {
  const data = { database, ...result, url };
  const { colors } = context.ui;
  if (result.backup === null) {
    const text = `${colors.yellow('not run:')} ${result.reason}\nwatch the run that is under way with: holdfast backup show ${database} --follow`;
    return { data, text, exitCode: EXIT.refused };
  }
  return { data, text: describeResult(context, result.backup), exitCode: exitOf(result.backup) };
}

function describeResult(context: CliContext, backup: BackupResult): string {
  const { colors } = context.ui;
  const grade = backup.grade === null ? colors.red('not proved') : colors.green(`proved ${backup.grade}`);
  const total = backup.uploadedBytes + backup.reusedBytes;
  const reuse = total === 0 ? '' : `, reused ${formatBytes(backup.reusedBytes)}`;
  return renderFacts(
    [
      ['backup', `${colors.bold(backup.backupId)}  ${grade}`],
      ['rows', formatCount(backup.rows)],
      ['size', `${formatBytes(backup.plainBytes)} → ${formatBytes(backup.sealedBytes)} sealed`],
      ['sent', `${formatBytes(backup.uploadedBytes)}${reuse}`],
      ['took', formatDuration(backup.durationMs)],
      ['based on', backup.basedOn ?? NONE],
      [
        'copies',
        backup.copies
          .map((copy) => {
            const words = [copy.store, paintState(copy.state, colors), copy.grade ?? '', copy.detail ?? ''];
            return words.filter(Boolean).join(' ');
          })
          .join('\n'),
      ],
      ['notices', backup.notices.map((notice) => colors.yellow(notice)).join('\n')],
    ],
    colors.dim,
  );
}
