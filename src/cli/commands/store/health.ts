/** store status, history: how the stores are, and how they were. Asks the catalogue alone. */
import { storeReports } from '../../../catalog/store-reports';
import { watchLimits } from '../../../config/watch-limits';
import type { StoreReport } from '../../../domain/store-report';
import type { StoreEvent } from '../../../domain/store-watch';
import { countArgument, timeArgument } from '../../arguments';
import { action, type Verb } from '../../command';
import { EXIT, type ExitCode } from '../../exit-codes';
import {
  formatBytes,
  formatDuration,
  formatRelative,
  formatShare,
  formatTime,
  NONE,
  plural,
} from '../../output/format';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';

export const storeStatus: Verb = (parent, cli) =>
  parent
    .command('status')
    .argument('[store]', 'only this one')
    .description(
      'how each store is: health, breaker, latency, errors, the last canary, the last event, what waits for it',
    )
    .addHelpText(
      'after',
      '\nExit status: 0 every store can be used; 5 one is down or its breaker is not closed; 1 nothing new is known of one.\n' +
        '\nExamples:\n  holdfast store status\n  holdfast store status offsite --json',
    )
    .action(
      action(cli, 'view', async (context, _options, name?: string) => {
        const config = await context.config();
        const stores = name === undefined ? config.stores : [await context.storeConfig(name)];
        const limits = config.health.watch ? watchLimits(config.health) : null;
        const now = context.ui.now();
        const reports = await storeReports(await context.catalog(), stores, { limits, now });
        return {
          data: { ok: exitCodeFor(reports) === EXIT.ok, stores: reports },
          text: renderStatus(reports, now, context.ui.colors),
          exitCode: exitCodeFor(reports),
        };
      }),
    );

/** What is not watched on purpose is no fault. */
export function exitCodeFor(reports: readonly StoreReport[]): ExitCode {
  const bad = reports.some(
    ({ watch, state, breaker }) => watch === 'watched' && (state === 'down' || breaker !== 'closed'),
  );
  if (bad) return EXIT.unreachable;
  return reports.some(({ watch }) => watch === 'none' || watch === 'late') ? EXIT.failed : EXIT.ok;
}

export function renderStatus(reports: readonly StoreReport[], now: Date, colors: Palette): string {
  const ago = (at: string | null) => formatRelative(at === null ? null : new Date(at), now);
  const table = renderTable<StoreReport>(
    reports,
    [
      { title: 'STORE', get: ({ store }) => colors.bold(store) },
      { title: 'ROLE', get: ({ role }) => role },
      { title: 'STATE', get: (report) => stateOf(report, colors) },
      { title: 'SINCE', get: ({ since }) => ago(since) },
      { title: 'BREAKER', get: (report) => breakerOf(report, now, colors) },
      {
        title: 'LATENCY',
        align: 'right',
        get: ({ latencyMs }) => (latencyMs === null ? NONE : formatDuration(latencyMs)),
      },
      { title: 'ERRORS', align: 'right', get: ({ errorRate }) => (errorRate === null ? NONE : errorsOf(errorRate)) },
      { title: 'LAST CANARY', get: ({ lastProbeAt }) => ago(lastProbeAt) },
      { title: 'WAITING', get: ({ waiting }) => waitingOf(waiting) },
      {
        title: 'LAST EVENT',
        get: ({ lastEvent }) => (lastEvent === null ? NONE : `${change(lastEvent)} ${ago(lastEvent.at)}`),
      },
    ],
    colors.dim,
  );
  const remarks = reports.flatMap((report) => remarksOn(report, now, colors));
  return [table, ...remarks.map((line, index) => (index === 0 ? `\n${line}` : line))].join('\n');
}

function remarksOn(report: StoreReport, now: Date, colors: Palette): readonly string[] {
  const { store, watch, lastFault, state, breaker } = report;
  const warning = colors.yellow('warning:');
  if (watch === 'off') return [`${store}: stores are not watched (health.watch is false)`];
  if (watch === 'none')
    return [`${warning} nothing is known of ${store} yet: a worker that serves the queue store has to run`];
  const late =
    watch === 'late'
      ? [`${warning} ${store} is watched by nobody now: does a worker run that serves the queue store?`]
      : [];
  if (lastFault === null || (state === 'healthy' && breaker === 'closed')) return late;
  const { code, message, hint, at } = lastFault;
  return [
    ...late,
    `${store}: ${code} ${message} (${formatRelative(new Date(at), now)})`,
    ...(hint === '' ? [] : [`${colors.cyan('hint:')} ${hint}`]),
  ];
}

function stateOf({ watch, state }: StoreReport, colors: Palette): string {
  if (state === null) return watch === 'off' ? 'not watched' : colors.yellow('not known');
  const painted =
    state === 'healthy' ? colors.green(state) : state === 'down' ? colors.red(state) : colors.yellow(state);
  return watch === 'late' ? `${state} (${colors.yellow('old')})` : painted;
}

function breakerOf({ breaker, trialDueAt }: StoreReport, now: Date, colors: Palette): string {
  if (breaker === null) return NONE;
  if (breaker === 'closed') return breaker;
  if (breaker === 'half-open') return colors.yellow(breaker);
  const due = trialDueAt === null ? null : new Date(trialDueAt);
  return `${colors.red('open')}${due !== null && due > now ? `, trial ${formatRelative(due, now)}` : ''}`;
}

/** Never rounds a few errors down to none. */
function errorsOf(rate: number): string {
  return rate > 0 && rate < 0.01 ? '< 1 %' : formatShare(rate);
}

function waitingOf(waiting: StoreReport['waiting']): string {
  if (waiting.length === 0) return NONE;
  const bytes = waiting.reduce((sum, copy) => sum + copy.bytes, 0);
  return `${plural(waiting.length, 'copy', 'copies')}, at most ${formatBytes(bytes)}`;
}

const change = ({ kind, from, to }: StoreEvent) => `${kind} ${from} → ${to}`;

const DEFAULT_SINCE = '7d';

export const storeHistory: Verb = (parent, cli) =>
  parent
    .command('history')
    .argument('[store]', 'only this one; also one that left the configuration')
    .description(
      'every change of the stores: health, breaker, failover; when, from what to what, and why; newest first',
    )
    .option('--since <time>', `ISO time, or a span back from now (${DEFAULT_SINCE} unless stated)`, (text: string) =>
      timeArgument(text),
    )
    .option('-n, --limit <count>', 'at most this many', countArgument, 100)
    .addHelpText('after', '\nExamples:\n  holdfast store history\n  holdfast store history offsite --since 30d --json')
    .action(
      action<{ since?: Date; limit: number }>(cli, 'view', async (context, { since, limit }, store?: string) => {
        const from = since ?? timeArgument(DEFAULT_SINCE, context.ui.now());
        const catalog = await context.catalog();
        const only = store === undefined ? {} : { store };
        const events = await catalog.storeEvents({ ...only, since: from, limit });
        // One that left the configuration has a history too.
        if (store !== undefined && events.length === 0 && (await catalog.storeEvents({ store, limit: 1 })).length === 0)
          await context.storeConfig(store);
        return {
          data: { since: from, events },
          text:
            events.length === 0
              ? `no changes since ${formatTime(from)}`
              : renderTable<StoreEvent>(
                  events,
                  [
                    { title: 'WHEN', get: ({ at }) => formatTime(at) },
                    { title: 'STORE', get: (event) => context.ui.colors.bold(event.store) },
                    { title: 'WHAT', get: ({ kind }) => kind },
                    { title: 'CHANGE', get: ({ from: before, to }) => `${before} → ${to}` },
                    { title: 'DATABASE', get: ({ database }) => database ?? '' },
                    { title: 'WHY', get: ({ reason }) => reason },
                  ],
                  context.ui.colors.dim,
                ),
        };
      }),
    );
