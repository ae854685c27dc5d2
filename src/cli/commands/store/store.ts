/** store list, check. */
import type { StoreConfig } from '../../../config/schema';
import type { StoreCheck } from '../../../storage/check';
import { action, type Verb } from '../../command';
import { EXIT, exitCodeOf, type ExitCode } from '../../exit-codes';
import { load } from '../../lazy';
import { formatDuration, formatRelative, formatTime, NONE, plural } from '../../output/format';
import { withSpinner } from '../../output/progress';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';
import { vanishedStores } from '../doctor/check-store-life';

/** `file /srv/backups` or `s3 bucket/prefix at endpoint`: never a credential. */
export function whereIs(store: StoreConfig): string {
  if (store.adapter === 'filesystem') return store.prefix === '' ? store.path : `${store.path}/${store.prefix}`;
  const place = store.prefix === '' ? store.bucket : `${store.bucket}/${store.prefix}`;
  if (store.adapter === 'supabase') return `supabase ${place} at ${store.url}`;
  if (store.adapter === 'gcs') return `gs://${place}${store.endpoint === undefined ? '' : ` at ${store.endpoint}`}`;
  return `s3://${place} at ${store.endpoint ?? `AWS ${store.region}`}`;
}

export const storeList: Verb = (parent, cli) =>
  parent
    .command('list')
    .description('the configured stores and what they hold, as the catalogue knows it')
    .action(
      action(cli, 'view', async (context) => {
        const { stores } = await context.config();
        // Without a catalogue the stores can still be named.
        const known = await context
          .catalog()
          .then((catalog) => Promise.all([catalog.copies({}), catalog.storeLives()]))
          .catch(() => null);
        const copies = known?.[0];
        const lives = known?.[1] ?? [];
        const vanished = vanishedStores(
          stores.map(({ name }) => name),
          copies ?? [],
        );
        const listed = stores.map((store) => {
          const held = copies?.filter(
            (copy) => copy.store === store.name && (copy.state === 'complete' || copy.state === 'proved'),
          );
          const damaged = copies?.filter(
            (copy) => copy.store === store.name && (copy.state === 'damaged' || copy.state === 'lost'),
          );
          const proved = held?.flatMap((copy) => (copy.provedAt === null ? [] : [copy.provedAt.getTime()])) ?? [];
          return {
            name: store.name,
            role: store.role,
            adapter: store.adapter,
            where: whereIs(store),
            copies: held?.length ?? null,
            damaged: damaged?.length ?? null,
            life: lives.find((life) => life.store === store.name) ?? null,
            lastProvedAt: proved.length === 0 ? null : new Date(Math.max(...proved)),
          };
        });
        const { colors } = context.ui;
        const now = context.ui.now();
        return {
          data: listed,
          text: [
            renderTable(
              listed,
              [
                { title: 'STORE', get: (store) => colors.bold(store.name) },
                { title: 'ROLE', get: (store) => store.role },
                { title: 'WHERE', get: (store) => store.where },
                {
                  title: 'COPIES',
                  align: 'right',
                  get: (store) => (store.copies === null ? NONE : String(store.copies)),
                },
                {
                  title: 'DAMAGED',
                  align: 'right',
                  get: (store) =>
                    store.damaged ? colors.red(String(store.damaged)) : store.damaged === null ? NONE : '0',
                },
                {
                  title: 'LIFE',
                  get: ({ life }) =>
                    life === null || life.state === 'active'
                      ? 'active'
                      : colors.yellow(`${life.state} since ${formatTime(life.since)} by ${life.who}`),
                },
                { title: 'LAST PROVED', get: (store) => formatRelative(store.lastProvedAt, now) },
              ],
              colors.dim,
            ),
            ...vanished.map(
              ({ store, copies: held }) =>
                `${colors.yellow('warning:')} ${store} is not in the configuration, but has ${plural(held, 'copy', 'copies')} by the catalogue`,
            ),
          ].join('\n'),
        };
      }),
    );

export const storeCheck: Verb = (parent, cli) =>
  parent
    .command('check')
    .argument('[store]', 'only this one')
    .description(
      'write, read, hash, create-only, list and delete a canary at each store; look at settings that harm backups',
    )
    .action(
      action(cli, 'operate', async (context, _options, name?: string) => {
        const configured = name === undefined ? (await context.config()).stores : [await context.storeConfig(name)];
        const checks: StoreCheck[] = [];
        for (const { name: store } of configured) {
          const opened = await context.store(store);
          checks.push(
            await withSpinner(context.ui, `checking ${store}`, () =>
              load.storeCheck().checkConfiguredStore({
                store: opened,
                usedBefore: () => load.storeCheck().isUsedBefore(() => context.catalog(), store),
                repositoryId: async () => load.storeCheck().configuredRepository(await context.config()),
                signal: context.signal,
              }),
            ),
          );
        }
        return {
          data: { ok: checks.every(({ ok }) => ok), stores: checks },
          text: checks.map((check) => renderCheck(check, context.ui.colors)).join('\n\n'),
          exitCode: checkExit(checks),
        };
      }),
    );

/** A store that could not be written to at all was out of reach, or refused for safety. */
export function checkExit(checks: readonly StoreCheck[]): ExitCode {
  const failed = checks.filter(({ ok }) => !ok);
  if (failed.length === 0) return EXIT.ok;
  const first = failed.flatMap(({ steps }) => (steps[0]?.outcome === 'failed' ? [steps[0].error?.code ?? ''] : []));
  if (first.some((code) => exitCodeOf(code) === EXIT.refused)) return EXIT.refused;
  return first.length > 0 ? EXIT.unreachable : EXIT.failed;
}

export function renderCheck(check: StoreCheck, colors: Palette): string {
  const mark = { ok: colors.green('ok'), failed: colors.red('failed'), skipped: colors.dim('skipped') };
  const head = `${colors.bold(check.store)} (${check.kind}) ${check.ok ? mark.ok : mark.failed} in ${formatDuration(check.durationMs)}`;
  const failed = check.steps.filter((step) => step.outcome === 'failed').length;
  const table = renderTable(
    check.steps,
    [
      { title: '  STEP', get: (step) => `  ${step.name}` },
      { title: 'OUTCOME', get: (step) => mark[step.outcome] },
      {
        title: 'TOOK',
        align: 'right',
        get: (step) => (step.outcome === 'skipped' ? '' : formatDuration(step.durationMs)),
      },
      {
        title: 'DETAIL',
        get: (step) => (step.error === null ? step.detail : `${step.error.code}: ${step.error.message}`),
      },
    ],
    colors.dim,
  );
  const level = { ok: colors.green('ok'), warning: colors.yellow('warning'), unknown: colors.dim('unknown') };
  const findings = renderTable(
    check.findings,
    [
      { title: '  ABOUT', get: (finding) => `  ${finding.about}` },
      { title: 'LEVEL', get: (finding) => level[finding.level] },
      { title: 'DETAIL', get: (finding) => finding.detail },
    ],
    colors.dim,
  );
  const hints = [
    ...new Set(
      [...check.steps.map((step) => step.error?.hint ?? ''), ...check.findings.map(({ hint }) => hint)].filter(Boolean),
    ),
  ];
  return [
    head,
    table,
    ...(check.findings.length > 0 ? ['', findings] : []),
    ...(failed > 0 ? [colors.red(plural(failed, 'step') + ' failed')] : []),
    ...hints.map((hint) => `${colors.cyan('hint:')} ${hint}`),
  ].join('\n');
}
