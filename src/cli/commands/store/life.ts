/** store add, drain, activate: the life of a store. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldfastConfig } from '../../../config/schema';
import { lifeOf, type StoreLife, type StoreLifeState } from '../../../domain/store-life';
import type { StoreFillProgress } from '../../../domain/runs';
import { cliError } from '../../../errors/cli';
import { countArgument } from '../../arguments';
import { checkPolicy } from '../../check-policy';
import { action, type Answer, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { EXIT } from '../../exit-codes';
import { load } from '../../lazy';
import { formatBytes, plural } from '../../output/format';
import { createProgress, withSpinner } from '../../output/progress';
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
      action<AddOptions>(cli, 'administer', async (context, options, name: string): Promise<Answer> => {
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
      action<{ reason?: string }>(cli, 'administer', async (context, options, name: string): Promise<Answer> => {
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
      action(cli, 'administer', async (context, _options, name: string): Promise<Answer> => {
        await context.storeConfig(name);
        const lives = await (await context.catalog()).storeLives();
        if (lifeOf(lives, name) === 'retired')
          throw cliError('CLI_STORE_ACTIVATE_REFUSED', '', { context: { store: name } });
        await decide(context, name, 'active', null);
        return { data: { store: name, state: 'active' }, text: `${name} is active: new backups go there` };
      }),
    );

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
  await auditLife(context, store, state, reason, details);
}

export async function auditLife(
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
