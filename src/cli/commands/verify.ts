import { Option } from 'commander';
import type { VerifyResult } from '../../client/types';
import { PROOF_GRADES, type ProofGrade } from '../../domain/names';
import { cliError } from '../../errors/cli';
import { action, type Answer, type Verb } from '../command';
import { EXIT } from '../exit-codes';
import { followActivity } from '../follow-run';
import { formatCount, formatDuration } from '../output/format';
import { renderFacts } from '../output/table';
import { resolveBackup } from '../resolve-backup';
import type { CliContext } from '../context';

interface VerifyOptions {
  readonly store?: string;
  readonly allStores?: boolean;
  readonly grade?: ProofGrade;
  readonly wait: boolean;
}

export const verify: Verb = (parent, cli) =>
  parent
    .command('verify')
    .argument('[backup]', 'backup id, part of one, or a database: its newest backup')
    .description('prove copies of a backup again: stored, intact, restored or exact')
    .option('-s, --store <name>', 'the copy at this store')
    .option('--all-stores', 'every copy, one after another')
    .addOption(new Option('-g, --grade <grade>', 'how far to go (as configured, unless stated)').choices(PROOF_GRADES))
    .option('--no-wait', 'return as soon as the proof has started')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast verify shop --all-stores\n  holdfast verify 1a2b3c4d --store s3 --grade intact',
    )
    .action(
      action<VerifyOptions>(cli, async (context, options, given?: string) => {
        const catalog = await context.catalog();
        const names = (await context.config()).databases.map((database) => database.name);
        const text = given ?? (await context.databaseOrOnly(undefined)).name;
        const { backupId, database } = await resolveBackup(catalog, text, names, { completed: true });
        if (options.store !== undefined) await context.storeConfig(options.store);
        const held = (await catalog.copies({ backupId })).map((copy) => copy.store);
        const stores = options.store !== undefined ? [options.store] : options.allStores ? held : held.slice(0, 1);
        if (stores.length === 0)
          throw cliError('CLI_BACKUP_UNKNOWN', 'no store is known to hold this backup', {
            context: { backup: backupId },
          });
        const grade = options.grade ?? (await context.database(database)).verification.grade;
        return proveAll(context, { backupId, database, stores, grade, wait: options.wait });
      }),
    );

async function proveAll(
  context: CliContext,
  request: {
    readonly backupId: string;
    readonly database: string;
    readonly stores: readonly string[];
    readonly grade: ProofGrade;
    readonly wait: boolean;
  },
): Promise<Answer> {
  const { backupId, database, stores, grade } = request;
  const client = await context.client();
  const started: { store: string; workflowId: string; url: string | null }[] = [];
  const results: VerifyResult[] = [];
  for (const store of stores) {
    const { workflowId, runId } = await client.startVerify({
      database,
      backupId,
      store,
      grade,
      requestedBy: context.who,
    });
    started.push({ store, workflowId, url: client.webUiUrl(workflowId, runId) });
    if (!request.wait) continue;
    results.push(
      await followActivity(context, `proof of ${backupId} at ${store}`, workflowId, client.verifyResult(workflowId)),
    );
  }
  if (!request.wait) {
    return {
      data: { backupId, started },
      text: started.map((run) => `started ${run.url ?? run.workflowId}`).join('\n'),
    };
  }
  return {
    data: { backupId, database, asked: grade, results },
    text: results.map((result) => describe(context, result)).join('\n\n'),
    exitCode: results.every((result) => result.failure === null) ? EXIT.ok : EXIT.proofFailed,
  };
}

function describe(context: CliContext, result: VerifyResult): string {
  const { colors } = context.ui;
  return renderFacts(
    [
      ['copy', `${result.backupId} at ${colors.bold(result.store)}`],
      ['grade', result.grade === null ? colors.red('none') : colors.green(result.grade)],
      ['rows', formatCount(result.rows)],
      ['took', formatDuration(result.durationMs)],
      ['restore', result.restoreMs === null ? null : formatDuration(result.restoreMs)],
      [
        'failure',
        result.failure === null
          ? null
          : colors.red(`${result.failure.class} ${result.failure.code}: ${result.failure.message}`),
      ],
      ['hint', result.failure?.hint],
    ],
    colors.dim,
  );
}
