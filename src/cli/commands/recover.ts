/** recover and extract: one store and one identity are enough; no configuration, no catalogue, no Temporal. */
import type { Command } from 'commander';
import { parseConnectionUrl, type ResolvedConnection } from '../../config/connection-url';
import { toConnectionTarget } from '../../config/secrets';
import { cliError } from '../../errors/cli';
import { listArgument } from '../arguments';
import { action, type Answer, type Cli } from '../command';
import { confirmTyped } from '../confirm';
import type { CliContext } from '../context';
import { load, secrets } from '../lazy';
import { formatBytes, formatCount, formatDuration, formatRelative, formatShare, formatTime } from '../output/format';
import { bar, createProgress, withSpinner } from '../output/progress';
import { renderFacts, renderTable } from '../output/table';
import { chosen, restoreChoices, type RestoreChoices } from '../restore-choices';

const STORE_HELP =
  'folder, s3://bucket/prefix?endpoint=https://host&region=us-east-1&accessKeyId=env:NAME&secretAccessKey=env:NAME, ' +
  'gs://bucket/prefix?credentials=file:KEY.json, or supabase+https://host/storage/v1/bucket/prefix?key=env:NAME';

const IDENTITY_HELP = 'age identity file: identity.txt, or the one of the recovery kit';

interface CopyOptions {
  readonly store: string;
  readonly identity: string;
  readonly backup: string;
  readonly database?: string;
  readonly trustStore?: boolean;
}

function copyOptions(command: Command): Command {
  return command
    .requiredOption('-s, --store <address>', STORE_HELP)
    .option('-b, --backup <id>', 'backup id, the beginning of one, or latest', 'latest')
    .option('-d, --database <name>', 'needed only where the store holds several')
    .option('--trust-store', "take the store's word for whose signature counts, when the identity file does not say");
}

interface RecoverOptions extends Omit<CopyOptions, 'identity'>, RestoreChoices {
  readonly identity?: string;
  readonly list?: boolean;
  readonly to?: string;
  readonly as?: string;
  readonly globals: boolean;
  readonly bin?: readonly string[];
}

export const recoverCommands = (parent: Command, cli: Cli): void => {
  const command = copyOptions(parent.command('recover'))
    .description('restore with one store and one key alone: no configuration, no catalogue, no Temporal')
    .option('-i, --identity <file>', `${IDENTITY_HELP}; required unless --list`)
    .option(
      '--to <target>',
      'env:NAME or file:PATH of a postgresql:// URL, or a URL without a password (PGPASSWORD is used); required unless --list',
    )
    .option('-l, --list', 'show which backups the store holds, and end; needs no key')
    .option('--as <name>', 'name of the database to make (the one in the URL, unless stated)')
    .option('--no-globals', 'do not create missing roles')
    .option('--bin <folders>', 'folders with pg_restore and psql', listArgument);
  restoreChoices(command)
    .addHelpText(
      'after',
      `
Examples:
  holdfast recover --store /mnt/backups --identity offline-identity.txt --to env:TARGET_URL
  holdfast recover --store 's3://backups/prod?region=eu-central-1' -i kit/identity.txt --to postgresql://postgres@localhost/shop`,
    )
    .action(
      action<RecoverOptions>(
        cli,
        'none',
        async (context, { identity, to, ...options }) => {
          if (options.list) return listStore(context, options);
          if (identity === undefined || to === undefined) {
            throw cliError('CLI_USAGE', `${identity === undefined ? '--identity' : '--to'} is needed to recover`, {
              hint: 'state it, or pass --list to see what the store holds',
            });
          }
          const target = await recoverTarget(to, options.as);
          if (options.replace) {
            await confirmTyped(context.ui, {
              danger: `This drops the database ${target.database} at ${target.host} and everything in it before it restores.`,
              name: target.database,
              given: options.confirm,
            });
          }
          const view = createProgress(context.ui);
          try {
            const report = await load.recover().recover({
              ...copyRequest({ ...options, identity }, context.signal),
              to: target,
              replace: options.replace === true,
              options: {
                ...chosen(options),
                globals: options.globals ? 'roles' : 'none',
                binDirs: options.bin ?? [],
              },
              onProgress: (step) => {
                const share = step.plainBytesTotal > 0 ? step.plainBytes / step.plainBytesTotal : null;
                const name = step.current === null ? step.step : `${step.step} ${step.current}`;
                const counters =
                  share === null
                    ? []
                    : [
                        formatShare(share),
                        `${formatCount(step.rows)} rows`,
                        `${formatBytes(step.plainBytes)} of ${formatBytes(step.plainBytesTotal)}`,
                      ];
                view.show({
                  block: [`${bar(share, 28)} ${name}`, counters.join(' · ')],
                  line: [name, ...counters].join(' · '),
                  key: step.step,
                  data: step,
                });
              },
            });
            return {
              data: report,
              text: renderFacts(
                [
                  ['recovered', `${context.ui.colors.bold(report.databaseName)} at ${target.host}:${target.port}`],
                  ['from', `${report.backupId} of ${report.database}`],
                  ['as of', formatTime(report.snapshotAt)],
                  ['tables', formatCount(report.tables.length)],
                  ['rows', formatCount(report.rows)],
                  ['size', formatBytes(report.plainBytes)],
                  ['took', formatDuration(report.durationMs)],
                  ['notices', report.notices.join('\n')],
                ],
                context.ui.colors.dim,
              ),
            };
          } finally {
            view.stop();
          }
        },
        { patient: true },
      ),
    );

  copyOptions(parent.command('extract'))
    .description('write the files of a backup out as they were dumped: schema, rows, roles')
    .requiredOption('-i, --identity <file>', IDENTITY_HELP)
    .requiredOption('-o, --out <folder>', 'a new or empty folder')
    .addHelpText(
      'after',
      '\nExample:\n  holdfast extract --store /mnt/backups --identity identity.txt --out ./shop-files',
    )
    .action(
      action<CopyOptions & { out: string }>(
        cli,
        'none',
        async (context, options) => {
          const view = createProgress(context.ui);
          try {
            const report = await load.extract().extract({
              ...copyRequest(options, context.signal),
              outDir: options.out,
              onProgress: ({ path, bytes, total }) => {
                const share = total > 0 ? bytes / total : 0;
                view.show({
                  block: [`${bar(share, 28)} ${formatShare(share)} ${formatBytes(bytes)} ${path}`],
                  line: `${formatShare(share)} · ${formatBytes(bytes)} of ${formatBytes(total)}`,
                  key: 'extract',
                  data: { path, bytes, total },
                });
              },
            });
            return {
              data: report,
              text: `wrote ${formatCount(report.files)} files, ${formatBytes(report.bytes)}, of ${report.backupId} to ${report.outDir}`,
            };
          } finally {
            view.stop();
          }
        },
        { patient: true },
      ),
    );
};

function copyRequest(options: CopyOptions, signal: AbortSignal) {
  return {
    storeUrl: options.store,
    identityPath: options.identity,
    backup: options.backup,
    ...(options.database === undefined ? {} : { database: options.database }),
    ...(options.trustStore ? { trustStore: true } : {}),
    secrets,
    signal,
  };
}

async function recoverTarget(to: string, name: string | undefined): Promise<ResolvedConnection> {
  const target = /^(env|file):./.test(to) ? await toConnectionTarget({ url: to }, 'target') : plainUrl(to);
  return name === undefined ? target : { ...target, database: name };
}

async function listStore(context: CliContext, options: Pick<CopyOptions, 'store' | 'database'>): Promise<Answer> {
  const { store, database } = options;
  const copies = await withSpinner(context.ui, 'looking through the store', () =>
    load.openCopy().listCopies({
      storeUrl: store,
      secrets,
      signal: context.signal,
      ...(database === undefined ? {} : { database }),
    }),
  );
  const newest = [...copies].sort((a, b) => (a.backupId < b.backupId ? 1 : -1));
  const now = context.ui.now();
  return {
    data: newest,
    text:
      newest.length === 0
        ? 'the store holds no backups'
        : renderTable(
            newest,
            [
              { title: 'DATABASE', get: (copy) => copy.database },
              { title: 'BACKUP', get: (copy) => copy.backupId },
              { title: 'STORED', get: (copy) => formatRelative(copy.storedAt, now) },
            ],
            context.ui.colors.dim,
          ),
  };
}

function plainUrl(text: string): ResolvedConnection {
  const target = parseConnectionUrl(text, 'target');
  if (target.password !== undefined) {
    throw cliError('CLI_USAGE', 'a password in the command line shows in the process list', {
      hint: 'leave it out of the URL and set PGPASSWORD, or pass --to env:NAME or --to file:PATH',
    });
  }
  const password = process.env.PGPASSWORD;
  return password === undefined ? target : { ...target, password };
}
