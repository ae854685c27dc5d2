import { resolve } from 'node:path';
import type { RestoreInput, RestoreResult } from '../../client/types';
import { cliError } from '../../errors/cli';
import { action, type Verb } from '../command';
import { confirmTyped } from '../confirm';
import type { CliContext } from '../context';
import { followActivity } from '../follow-run';
import { formatBytes, formatCount, formatDuration } from '../output/format';
import { renderFacts } from '../output/table';
import { resolveBackup } from '../resolve-backup';
import { chosen, restoreChoices, type RestoreChoices } from '../restore-choices';

interface RestoreOptions extends RestoreChoices {
  readonly to: string;
  readonly as?: string;
  readonly store?: string;
  readonly globals?: boolean;
  readonly wait: boolean;
}

export const restore: Verb = (parent, cli) => {
  const command = parent
    .command('restore')
    .argument('<backup>', 'backup id, part of one, or a database: its newest backup')
    .description('restore a backup into a new or empty database')
    .requiredOption(
      '--to <target>',
      'a database of the configuration (its server), or a reference to a URL: env:NAME or file:PATH',
    )
    .option('--as <name>', "name of the database to make (the target's own, unless stated)")
    .option('-s, --store <name>', 'read the copy at this store (the best proved one, unless stated)')
    .option('--globals', 'first create the roles that are missing');
  return restoreChoices(command)
    .option('--no-wait', 'return as soon as the restore has started')
    .addHelpText(
      'after',
      `
Examples:
  holdfast restore shop --to shop --as shop_restored
  holdfast restore 1a2b3c4d --to env:STANDBY_URL --owners omit --no-acls
  holdfast restore shop --to shop --replace --confirm shop`,
    )
    .action(
      action<RestoreOptions>(cli, 'restore', async (context, options, text: string) => {
        const catalog = await context.catalog();
        const { databases } = await context.config();
        const job = await resolveBackup(
          catalog,
          text,
          databases.map((database) => database.name),
          { completed: true },
        );
        if (options.store !== undefined) await context.storeConfig(options.store);
        const to = await targetOf(context, options.to);
        if (options.replace) await confirmReplace(context, to, options);
        const client = await context.client();
        const { workflowId, runId } = await client.startRestore({
          backupId: job.backupId,
          database: job.database,
          store: options.store ?? null,
          to,
          as: options.as ?? null,
          ...chosen(options),
          globals: options.globals ? 'roles' : 'none',
          replace: options.replace === true,
          requestedBy: context.who,
        });
        const url = client.webUiUrl(workflowId, runId);
        if (!options.wait)
          return { data: { backupId: job.backupId, workflowId, runId, url }, text: `started ${url ?? workflowId}` };
        const label = `restore of ${job.backupId}`;
        const result = await followActivity(context, label, workflowId, client.restoreResult(workflowId));
        return { data: { ...result, url }, text: describe(context, result) };
      }),
    );
};

/** A configured database, or a reference; a URL itself would show its password in the process list. */
async function targetOf(context: CliContext, text: string): Promise<RestoreInput['to']> {
  if (/^postgres(ql)?:\/\//.test(text)) {
    throw cliError('CLI_USAGE', 'a connection URL on the command line shows its password in the process list', {
      hint: 'put the URL into a variable or a file and pass --to env:NAME or --to file:PATH; workers must be able to read it too',
    });
  }
  if (/^file:./.test(text)) return { url: `file:${resolve(text.slice('file:'.length))}` };
  if (/^env:./.test(text)) return { url: text };
  return { database: (await context.database(text)).name };
}

async function confirmReplace(context: CliContext, to: RestoreInput['to'], options: RestoreOptions): Promise<void> {
  const configured = 'database' in to ? (await context.database(to.database)).connection : null;
  const ownName = configured !== null && 'database' in configured ? configured.database : null;
  const name = options.as ?? ownName ?? ('database' in to ? to.database : 'replace');
  await confirmTyped(context.ui, {
    danger: `This drops the database ${name} on ${options.to} and everything in it before it restores.`,
    name,
    given: options.confirm,
  });
}

function describe(context: CliContext, result: RestoreResult): string {
  const { colors } = context.ui;
  const rate = result.durationMs > 0 ? ` (${formatBytes((result.plainBytes * 1_000) / result.durationMs)}/s)` : '';
  return renderFacts(
    [
      ['restored', `${colors.bold(result.databaseName)} on ${result.target}`],
      ['from', `${result.backupId} at ${result.store}`],
      ['tables', formatCount(result.tables)],
      ['rows', formatCount(result.rows)],
      ['size', formatBytes(result.plainBytes)],
      ['took', `${formatDuration(result.durationMs)}${rate}`],
      ['notices', result.notices.map((notice) => colors.yellow(notice)).join('\n')],
    ],
    colors.dim,
  );
}
