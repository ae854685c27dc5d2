/** store retire: its copies count for nothing any more, and with --delete-objects they go. */
import { obstaclesToRetire } from '../../../catalog/retirement';
import { lifeOf, type RetirementObstacle } from '../../../domain/store-life';
import { cliError } from '../../../errors/cli';
import { action, type Answer, type Verb } from '../../command';
import { confirmTyped } from '../../confirm';
import type { CliContext } from '../../context';
import { EXIT } from '../../exit-codes';
import { NONE, plural } from '../../output/format';
import { renderTable } from '../../output/table';
import { emptyStore, leftText, previewEmptying, removedText } from './empty';
import { auditLife } from './life';

interface RetireOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly confirm?: string;
  readonly deleteObjects?: boolean;
}

/** A dry run only looks. */
const NEEDS = { role: 'administer', with: { dryRun: 'view' } } as const;

export const storeRetire: Verb = (parent, cli) =>
  parent
    .command('retire')
    .argument('<store>', 'store name')
    .description(
      'let the copies at a store count for nothing any more; refuses while they are needed; deletes nothing unless told to',
    )
    .option('-r, --reason <text>', 'why, kept in the audit log')
    .option('-n, --dry-run', 'say what stands in the way, change nothing')
    .option(
      '--delete-objects',
      'then delete what Holdfast stored there, by exact keys; a retired store is emptied further',
    )
    .option(
      '--confirm <name>',
      'the name of the store, instead of typing it when asked; --yes serves as well, but not for --delete-objects',
    )
    .addHelpText(
      'after',
      '\nTake the store out of holdfast.yaml afterwards; `holdfast store add` takes it back.\n' +
        'Objects that Holdfast did not write are left alone. A deletion that was cut off is carried on when given again.\n\n' +
        'Examples:\n  holdfast store retire cloud1 --dry-run\n  holdfast store retire cloud1 --delete-objects',
    )
    .action(
      action<RetireOptions>(cli, NEEDS, async (context, options, name: string): Promise<Answer> => {
        const config = await context.config();
        const catalog = await context.catalog();
        const copies = await catalog.copies({ store: name });
        // A store that the configuration names no more can be retired as long as the catalogue has copies of it.
        if (copies.length === 0 || options.deleteObjects) await context.storeConfig(name);
        if (options.deleteObjects) return retireAndEmpty(context, options, name, copies.length);
        if (options.dryRun) {
          const obstacles = await obstaclesToRetire(catalog, config, name);
          return {
            data: { store: name, retired: false, dryRun: true, copies: copies.length, obstacles },
            text:
              obstacles.length === 0
                ? `${name} can be retired: nothing needs its ${plural(copies.length, 'copy', 'copies')}`
                : renderObstacles(context, name, obstacles),
            exitCode: obstacles.length === 0 ? EXIT.ok : EXIT.refused,
          };
        }
        await refuse(context, name, await obstaclesToRetire(catalog, config, name));
        if (context.options.yes !== true) {
          await confirmTyped(context.ui, {
            danger: `The ${plural(copies.length, 'copy', 'copies')} at ${name} will count for nothing; nothing is deleted there.`,
            name,
            given: options.confirm,
          });
        }
        const forgotten = await retire(context, name, options.reason ?? null);
        return {
          data: { store: name, retired: true, dryRun: false, copies: forgotten, obstacles: [] },
          text: `${name} is retired: ${plural(forgotten, 'copy', 'copies')} forgotten, nothing was deleted there\ntake it out of holdfast.yaml now`,
        };
      }),
    );

/** Gives how many copies count no more. */
async function retire(context: CliContext, name: string, reason: string | null): Promise<number> {
  const config = await context.config();
  const catalog = await context.catalog();
  let obstacles: readonly RetirementObstacle[] = [];
  const { retired, copies } = await catalog.retireStore({
    store: name,
    since: context.ui.now(),
    who: context.who,
    reason,
    // What was found before may have changed while somebody typed.
    refuse: async () => (obstacles = await obstaclesToRetire(catalog, config, name)).length > 0,
  });
  if (!retired) await refuse(context, name, obstacles);
  await auditLife(context, name, 'retired', reason, { copies });
  return copies;
}

async function retireAndEmpty(
  context: CliContext,
  options: RetireOptions,
  name: string,
  copies: number,
): Promise<Answer> {
  const catalog = await context.catalog();
  const isRetired = lifeOf(await catalog.storeLives(), name) === 'retired';
  const preview = await previewEmptying(context, name);
  const { found } = preview;
  const needed = isRetired ? [] : await obstaclesToRetire(catalog, await context.config(), name);
  const obstacles = [...needed, ...preview.obstacles.filter((one) => !needed.some((other) => isSame(one, other)))];
  if (options.dryRun)
    return {
      data: { store: name, retired: isRetired, dryRun: true, copies, obstacles, found },
      text:
        obstacles.length === 0
          ? [`${name} can be retired and emptied: ${removedText(found)} would be deleted`, ...leftText(found)].join(
              '\n',
            )
          : renderObstacles(context, name, obstacles),
      exitCode: obstacles.length === 0 ? EXIT.ok : EXIT.refused,
    };
  await refuse(context, name, obstacles);
  // `--yes` never stands in: nothing brings back what goes here.
  await confirmTyped(context.ui, {
    danger: `${removedText(found)} at ${name} will be deleted for good.`,
    name,
    given: options.confirm,
  });
  const forgotten = isRetired ? 0 : await retire(context, name, options.reason ?? null);
  const removed = await emptyStore(context, name);
  return {
    data: { store: name, retired: true, dryRun: false, copies: forgotten, obstacles: [], removed },
    text: [
      `${name} is retired: ${removedText(removed)} deleted`,
      ...leftText(removed),
      ...(removed.locked > 0 ? [] : ['take it out of holdfast.yaml now']),
    ].join('\n'),
    exitCode: removed.locked > 0 ? EXIT.refused : EXIT.ok,
  };
}

const isSame = (a: RetirementObstacle, b: RetirementObstacle) => a.backupId === b.backupId && a.clause === b.clause;

function refuse(context: CliContext, store: string, obstacles: readonly RetirementObstacle[]): Promise<void> {
  if (obstacles.length === 0) return Promise.resolve();
  if (!context.ui.json) context.ui.err.write(`${renderObstacles(context, store, obstacles)}\n`);
  const backups = [...new Set(obstacles.flatMap(({ backupId }) => (backupId === null ? [] : [backupId])))];
  const clauses = [...new Set(obstacles.map(({ clause }) => clause))];
  throw cliError('CLI_STORE_RETIRE_REFUSED', '', {
    context: {
      store,
      clauses: clauses.join(','),
      backups: backups.slice(0, 10).join(','),
      ...(backups.length > 10 ? { more: backups.length - 10 } : {}),
    },
  });
}

function renderObstacles(context: CliContext, store: string, obstacles: readonly RetirementObstacle[]): string {
  const table = renderTable<RetirementObstacle>(
    obstacles,
    [
      { title: 'DATABASE', get: ({ database }) => database },
      { title: 'BACKUP', get: ({ backupId }) => backupId ?? NONE },
      { title: 'CLAUSE', get: ({ clause }) => clause },
      { title: 'WHY', get: ({ sentence }) => sentence },
    ],
    context.ui.colors.dim,
  );
  return `${context.ui.colors.red(`${store} cannot be retired`)}\n${table}`;
}
