/** store add, drain, activate, retire: the life of a store. */
import { setTimeout as sleep } from 'node:timers/promises';
import { obstaclesToRetire } from '../../../catalog/retirement';
import type { HoldfastConfig } from '../../../config/schema';
import { lifeOf, type RetirementObstacle, type StoreLife, type StoreLifeState } from '../../../domain/store-life';
import type { StoreFillProgress } from '../../../domain/runs';
import { cliError } from '../../../errors/cli';
import { countArgument } from '../../arguments';
import { checkPolicy } from '../../check-policy';
import { action, type Answer, type Verb } from '../../command';
import { confirmTyped } from '../../confirm';
import type { CliContext } from '../../context';
import { EXIT } from '../../exit-codes';
import { load } from '../../lazy';
import { formatBytes, NONE, plural } from '../../output/format';
import { createProgress, withSpinner } from '../../output/progress';
import { renderTable } from '../../output/table';
import { checkExit, renderCheck } from './store';

/** One copy is tried for this long; what could not be filled is named, and the command may be given again. */
const FILL_PATIENCE_MS = 24 * 3_600_000;
const LOOK_MS = 1_000;

interface AddOptions {
  readonly atOnce: number;
  readonly prove?: boolean;
  readonly wait: boolean;
}

export const storeAdd: Verb = (parent, cli) =>
  parent
    .command('add')
    .argument('<store>', 'a store of the configuration')
    .description('check a store with a canary, take it into use, and fill it with every kept backup, newest first')
    .option('--at-once <count>', 'copies that are filled at once', countArgument, 2)
    .option('--prove', 'prove each copy once it is filled, as far as its database asks')
    .option('--no-wait', 'start and return at once')
    .addHelpText(
      'after',
      '\nThe store stands in holdfast.yaml already, and workers run with that file. Given again it goes on where it ended.',
    )
    .action(
      action<AddOptions>(cli, async (context, options, name: string): Promise<Answer> => {
        await context.storeConfig(name);
        const config = await context.config();
        const opened = await context.store(name);
        const check = await withSpinner(context.ui, `checking ${name}`, () =>
          load.storeCheck().checkConfiguredStore({
            store: opened,
            usedBefore: () => load.storeCheck().isUsedBefore(() => context.catalog(), name),
            repositoryId: async () => load.storeCheck().configuredRepository(await context.config()),
            signal: context.signal,
          }),
        );
        if (!check.ok) {
          const text = renderCheck(check, context.ui.colors);
          return { data: { store: name, added: false, check }, text, exitCode: checkExit([check]) };
        }
        const databases = databasesOf(config, name);
        await decide(context, name, 'active', null, { databases });
        const client = await context.client();
        const run = await client.startStoreFill({
          store: name,
          databases,
          atOnce: options.atOnce,
          patienceMs: FILL_PATIENCE_MS,
          prove: options.prove ?? false,
          requestedBy: context.who,
        });
        const url = client.webUiUrl(run.workflowId, run.runId);
        if (!options.wait)
          return {
            data: { store: name, added: true, check, run, url },
            text: `${name} is being filled: ${url ?? run.workflowId}`,
          };
        const filled = await watchFill(context, name);
        const failures = filled.failed.map(({ backupId, code, message }) => `${backupId}: ${code}: ${message}`);
        return {
          data: { added: true, check, run, url, ...filled },
          text: [
            `${name} is in use: ${plural(filled.filled, 'backup')} filled, ${formatBytes(filled.copiedBytes)} sent`,
            ...failures.map((line) => context.ui.colors.red(line)),
          ].join('\n'),
          exitCode: filled.notFilled > 0 ? EXIT.failed : EXIT.ok,
        };
      }),
    );

async function watchFill(context: CliContext, store: string): Promise<StoreFillProgress> {
  const client = await context.client();
  const view = createProgress(context.ui);
  const ended = new AbortController();
  const result = client.storeFillResult(store).finally(() => ended.abort());
  try {
    const looking = (async () => {
      while (!ended.signal.aborted && !context.signal.aborted) {
        const progress = await client.storeFillProgress(store).catch(() => null);
        if (progress !== null) {
          const line = `${store}: ${progress.filled} filled, ${progress.left} left, ${formatBytes(progress.copiedBytes)} sent`;
          const block = [line, ...progress.active.map((backupId) => `  ${backupId}`)];
          view.show({ block, line, key: 'fill', data: progress });
        }
        await sleep(LOOK_MS, undefined, { signal: AbortSignal.any([ended.signal, context.signal]) }).catch(() => {});
      }
    })();
    const filled = await result;
    await looking;
    return filled;
  } finally {
    view.stop();
  }
}

export const storeDrain: Verb = (parent, cli) =>
  parent
    .command('drain')
    .argument('<store>', 'store name')
    .description('send no new backups to a store; its copies stay readable and count; undo with store activate')
    .option('-r, --reason <text>', 'why, kept in the audit log')
    .action(
      action<{ reason?: string }>(cli, async (context, options, name: string): Promise<Answer> => {
        await context.storeConfig(name);
        const config = await context.config();
        const lives = await (await context.catalog()).storeLives();
        if (lifeOf(lives, name) === 'retired')
          throw cliError('CLI_STORE_ACTIVATE_REFUSED', '', { context: { store: name } });
        for (const database of databasesOf(config, name)) {
          const others = storesOf(config, database).filter(
            (store) => store !== name && lifeOf(lives, store) === 'active',
          );
          if (others.length === 0)
            throw cliError('CLI_STORE_DRAIN_REFUSED', '', { context: { store: name, database } });
        }
        await decide(context, name, 'draining', options.reason ?? null);
        const { impossible } = await checkPolicy(
          config,
          (store) => store === name || lifeOf(lives, store) !== 'active',
        );
        const { colors } = context.ui;
        return {
          data: { store: name, state: 'draining', impossible },
          text: [
            `${name} is draining: new backups do not go there, its copies stay readable and count`,
            ...impossible.map(
              ({ database, sentence }) => `${colors.yellow('warning:')} ${database}: of new backups ${sentence}`,
            ),
            colors.dim(`undo: holdfast store activate ${name}`),
          ].join('\n'),
        };
      }),
    );

export const storeActivate: Verb = (parent, cli) =>
  parent
    .command('activate')
    .argument('<store>', 'store name')
    .description('let new backups go to a store that was draining')
    .action(
      action(cli, async (context, _options, name: string): Promise<Answer> => {
        await context.storeConfig(name);
        const lives = await (await context.catalog()).storeLives();
        if (lifeOf(lives, name) === 'retired')
          throw cliError('CLI_STORE_ACTIVATE_REFUSED', '', { context: { store: name } });
        await decide(context, name, 'active', null);
        return { data: { store: name, state: 'active' }, text: `${name} is active: new backups go there` };
      }),
    );

interface RetireOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly confirm?: string;
}

export const storeRetire: Verb = (parent, cli) =>
  parent
    .command('retire')
    .argument('<store>', 'store name')
    .description(
      'let the copies at a store count for nothing any more; refuses while they are needed; deletes nothing there',
    )
    .option('-r, --reason <text>', 'why, kept in the audit log')
    .option('-n, --dry-run', 'say what stands in the way, change nothing')
    .option('--confirm <name>', 'the name of the store, instead of typing it when asked; --yes serves as well')
    .addHelpText('after', '\nTake the store out of holdfast.yaml afterwards; `holdfast store add` takes it back.')
    .action(
      action<RetireOptions>(cli, async (context, options, name: string): Promise<Answer> => {
        const config = await context.config();
        const catalog = await context.catalog();
        const copies = await catalog.copies({ store: name });
        // A store that the configuration names no more can be retired as long as the catalogue has copies of it.
        if (copies.length === 0) await context.storeConfig(name);
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
        const since = context.ui.now();
        let obstacles: readonly RetirementObstacle[] = [];
        const { retired, copies: forgotten } = await catalog.retireStore({
          store: name,
          since,
          who: context.who,
          reason: options.reason ?? null,
          // What was found above may have changed while somebody typed.
          refuse: async () => (obstacles = await obstaclesToRetire(catalog, config, name)).length > 0,
        });
        if (!retired) await refuse(context, name, obstacles);
        await audit(context, name, 'retired', options.reason ?? null, { copies: forgotten });
        return {
          data: { store: name, retired: true, dryRun: false, copies: forgotten, obstacles: [] },
          text: `${name} is retired: ${plural(forgotten, 'copy', 'copies')} forgotten, nothing was deleted there\ntake it out of holdfast.yaml now`,
        };
      }),
    );

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

async function decide(
  context: CliContext,
  store: string,
  state: StoreLifeState,
  reason: string | null,
  details: Record<string, unknown> = {},
): Promise<void> {
  const catalog = await context.catalog();
  const life: StoreLife = { store, state, since: context.ui.now(), who: context.who, reason };
  await catalog.setStoreLife(life);
  await audit(context, store, state, reason, details);
}

async function audit(
  context: CliContext,
  store: string,
  state: StoreLifeState,
  reason: string | null,
  details: Record<string, unknown>,
): Promise<void> {
  const catalog = await context.catalog();
  await catalog.audit({
    actor: context.who,
    action: `store.${state}`,
    details: { store, reason, ...details },
    at: context.ui.now(),
  });
}

const storesOf = (config: HoldfastConfig, database: string): readonly string[] => {
  const wanted = config.databases.find(({ name }) => name === database)?.stores ?? [];
  return wanted.length > 0 ? wanted : config.stores.map(({ name }) => name);
};
const databasesOf = (config: HoldfastConfig, store: string): readonly string[] =>
  config.databases.map(({ name }) => name).filter((name) => storesOf(config, name).includes(store));
