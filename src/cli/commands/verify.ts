import { Option } from 'commander';
import { proofEstimate } from '../../catalog/verification-plan';
import type { VerifyResult } from '../../client/types';
import { readCosts } from '../../config/read-cost';
import type { AskedShare } from '../../domain/intact-plan';
import { PROOF_GRADES, type ProofGrade } from '../../domain/names';
import { estimateText, measuredText, type ReadEstimate } from '../../domain/reading';
import { cliError } from '../../errors/cli';
import { action, type Answer, type Verb } from '../command';
import { EXIT } from '../exit-codes';
import { followActivity } from '../follow-run';
import { formatCount, formatDuration } from '../output/format';
import { renderFacts } from '../output/table';
import { resolveBackup } from '../resolve-backup';
import type { CliContext } from '../context';
import { readIntact, shareArgument } from './verify/intact';
import { rotateNow } from './verify/rotate';

interface VerifyOptions {
  readonly store?: string;
  readonly allStores?: boolean;
  readonly rotate?: boolean;
  readonly intact?: boolean | string;
  readonly share?: AskedShare;
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
    .option('--rotate', 'take the next turn of the rotation now: the copy whose proof is missing or oldest')
    .option('--intact [store]', 'read and hash the objects of all backups at this store, or with --all-stores at each')
    .option(
      '--share <part>',
      'with --intact: what is due by the clock, all of it, or a part such as 1/8 (due, unless stated)',
      shareArgument,
    )
    .option('--no-wait', 'return as soon as the proof has started')
    .addHelpText(
      'after',
      '\nBytes, objects, time and cost are shown before anything is read, and as measured after it.\n\nExamples:\n' +
        '  holdfast verify shop --all-stores\n  holdfast verify 1a2b3c4d --store s3 --grade intact\n' +
        '  holdfast verify shop --rotate\n  holdfast verify shop --intact s3 --share 1/8\n  holdfast verify status',
    )
    .action(
      action<VerifyOptions>(cli, 'operate', async (context, options, given?: string) => {
        checkMode(options);
        if (options.rotate) return rotateNow(context, (await context.databaseOrOnly(given)).name, options.wait);
        if (options.intact !== undefined) {
          const { name: database } = await context.databaseOrOnly(given);
          const at = typeof options.intact === 'string' ? options.intact : options.store;
          if (at !== undefined) await context.storeConfig(at);
          const stores = at === undefined ? [] : [at];
          return readIntact(context, { database, stores, share: options.share ?? 'due', wait: options.wait });
        }
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

/** Rotation, objects and one backup's copies are three different things to ask for. */
function checkMode({ rotate, intact, share, store, allStores, grade }: VerifyOptions): void {
  const refuse = (what: string) => {
    throw cliError('CLI_USAGE', what);
  };
  if (rotate && (intact !== undefined || store !== undefined || allStores || grade !== undefined))
    refuse('--rotate chooses backup, store and grade by itself');
  if (intact !== undefined && grade !== undefined) refuse('--intact is a grade of its own: leave --grade out');
  if (intact === true && store === undefined && !allStores)
    refuse('name the store: --intact STORE, or --intact --all-stores');
  if (typeof intact === 'string' && (store !== undefined || allStores)) refuse('name one store, or --all-stores');
  if (share !== undefined && intact === undefined) refuse('--share counts together with --intact only');
}

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
  const estimates: (ReadEstimate & { readonly store: string })[] = [];
  for (const store of stores) {
    const { workflowId, runId } = await client.startVerify({
      database,
      backupId,
      store,
      grade,
      requestedBy: context.who,
    });
    const copy = { database, backupId, store, grade };
    const catalog = await context.catalog();
    const estimate = await proofEstimate(catalog, copy, readCosts(await context.config()));
    estimates.push({ store, ...estimate });
    if (request.wait) context.ui.note(`${store}: reads ${estimateText(estimate)}`);
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
    data: { backupId, database, asked: grade, estimates, results },
    text: results.map((result, index) => describe(context, result, estimates[index]!)).join('\n\n'),
    exitCode: results.every((result) => result.failure === null) ? EXIT.ok : EXIT.proofFailed,
  };
}

function describe(context: CliContext, result: VerifyResult, read: ReadEstimate): string {
  const { colors } = context.ui;
  return renderFacts(
    [
      ['copy', `${result.backupId} at ${colors.bold(result.store)}`],
      ['grade', result.grade === null ? colors.red('none') : colors.green(result.grade)],
      ['rows', formatCount(result.rows)],
      ['took', formatDuration(result.durationMs)],
      ['read', measuredText({ ...read, ...result.read, ms: result.durationMs })],
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
