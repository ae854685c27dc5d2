/** load show: how loaded a database is now and was, who watches it, and what pace its backups were given and why. */
import type { EmergencyStopRow, LoadEvent, LoadSampleRow, LoadWatchRow } from '../../../catalog/load-types';
import { loadRulesOf, samplingOf } from '../../../config/load-rules';
import { signalFacts, type SignalName } from '../../../domain/load/signals';
import { valueText } from '../../../domain/load/texts';
import { timeArgument } from '../../arguments';
import { action, type Verb } from '../../command';
import { formatRate, formatRelative, formatTime, plural } from '../../output/format';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';
import { sparkline } from './chart';

const SHOWN_EVENTS = 10;
const MOST_SAMPLES = 5_000;
const CHART_WIDTH = 48;

export interface LoadView {
  readonly database: string;
  readonly watched: boolean;
  /** Nobody was heard for longer than the rules allow. */
  readonly silent: boolean;
  readonly watch: LoadWatchRow | null;
  readonly emergencyStop: EmergencyStopRow | null;
  readonly since: Date;
  readonly series: readonly Series[];
  readonly events: readonly LoadEvent[];
}

interface Series {
  readonly source: string;
  readonly signal: SignalName;
  /** Newest; null when the last samples have none. */
  readonly now: number | null;
  readonly points: readonly { readonly at: number; readonly value: number }[];
}

export const loadShow: Verb = (parent, cli) =>
  parent
    .command('show')
    .argument('[database]')
    .description('the load of a database now and before, who watches it, and which pace its backups were given and why')
    .option('--since <time>', 'from then on: ISO 8601, or a span back from now such as 6h', timeArgument)
    .addHelpText('after', '\nExamples:\n  holdfast load show\n  holdfast load show shop --since 24h --json')
    .action(
      action<{ since?: Date }>(cli, 'view', async (context, options, name?: string) => {
        const config = await context.config();
        const found = await context.databaseOrOnly(name);
        const { watch: watched, idleEvery } = samplingOf(config.load, found);
        const rules = loadRulesOf(config.load, found, config.worker);
        const now = context.ui.now();
        const since = options.since ?? new Date(now.getTime() - 3_600_000);
        const catalog = await context.catalog();
        const database = found.name;
        const [watch = null] = await catalog.loadWatches({ database });
        const samples = await catalog.loadSamples({ database, from: since, limit: MOST_SAMPLES });
        // Between backups its word is written with each sample.
        const patienceMs = rules.silentAfterMs + (watch?.word.rhythm === 'backup' ? 0 : idleEvery + 30_000);
        const view: LoadView = {
          database,
          watched,
          silent: watched && (watch === null || watch.ageMs > patienceMs),
          watch,
          emergencyStop: await catalog.standingStop(),
          since,
          series: seriesOf(samples),
          events: await catalog.loadEvents({ database, since, limit: SHOWN_EVENTS }),
        };
        return { data: view, text: renderLoad(view, now, context.ui.colors) };
      }),
    );

function seriesOf(samples: readonly LoadSampleRow[]): readonly Series[] {
  const found = new Map<string, { source: string; signal: SignalName; points: { at: number; value: number }[] }>();
  for (const { at, source, signals } of samples)
    for (const [name, value] of Object.entries(signals) as [SignalName, number][]) {
      const signal = name;
      const key = `${source}/${signal}`;
      const series = found.get(key) ?? { source, signal, points: [] };
      series.points.push({ at, value });
      found.set(key, series);
    }
  return [...found.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, series]) => ({ ...series, now: series.points.at(-1)?.value ?? null }));
}

export function renderLoad(view: LoadView, now: Date, colors: Palette): string {
  const lines = [...headOf(view, now, colors)];
  if (view.series.length > 0) {
    const table = renderTable<Series>(
      view.series,
      [
        { title: 'SIGNAL', get: ({ source, signal }) => `${colors.dim(`${source}/`)}${signal}` },
        { title: 'NOW', align: 'right', get: (one) => textOf(one, one.now) },
        { title: 'MIN', align: 'right', get: (one) => textOf(one, Math.min(...one.points.map(({ value }) => value))) },
        { title: 'MAX', align: 'right', get: (one) => textOf(one, Math.max(...one.points.map(({ value }) => value))) },
        {
          title: `SINCE ${formatTime(view.since)}`,
          get: ({ points }) => sparkline(points, { from: view.since.getTime(), to: now.getTime(), width: CHART_WIDTH }),
        },
      ],
      colors.dim,
    );
    lines.push('', table);
  }
  if (view.events.length > 0) {
    lines.push('', colors.bold('Paces and alerts, newest first'));
    for (const event of view.events) lines.push(`  ${formatTime(event.at)}  ${eventText(event, colors)}`);
  }
  return lines.join('\n');
}

function* headOf({ database, watched, silent, watch, emergencyStop }: LoadView, now: Date, colors: Palette) {
  if (emergencyStop) {
    const { by, why, since } = emergencyStop;
    yield `${colors.red('emergency stop')} by ${by} ${formatRelative(since, now)}: ${why || 'no reason given'}`;
  }
  if (!watched) {
    yield `${database}: its load is not watched (load.watch is false)`;
    return;
  }
  if (watch === null) {
    yield `${colors.yellow('warning:')} ${database}: nothing is known yet: a worker that serves the queue store has to run`;
    return;
  }
  const { rhythm, backupId, target, reasons, alerts, failures } = watch.word;
  if (silent)
    yield `${colors.yellow('warning:')} ${database}: the watch was last heard ${formatRelative(watch.at, now)}`;
  yield rhythm === 'backup'
    ? `${colors.bold(database)}: backup ${backupId} reads, pace ${targetText(target)}`
    : `${colors.bold(database)}: no backup reads`;
  for (const reason of rhythm === 'backup' ? reasons : []) yield `  ${reason}`;
  for (const { code, text } of alerts) yield `  ${colors.yellow(code)} ${text}`;
  for (const { source, kind, message } of failures) yield `  ${colors.yellow(`${source} ${kind}:`)} ${message}`;
}

type Limits = Pick<LoadEvent, 'maxBytesPerSecond' | 'readers' | 'uploads'>;

function limitsText({ maxBytesPerSecond, readers, uploads }: Limits): string {
  const limits = [
    ...(maxBytesPerSecond === null ? [] : [`at most ${formatRate(maxBytesPerSecond)}`]),
    ...(readers === null ? [] : [plural(readers, 'reader')]),
    ...(uploads === null ? [] : [plural(uploads, 'upload')]),
  ];
  return limits.length === 0 ? 'full' : limits.join(', ');
}

const targetText = (target: LoadWatchRow['word']['target']) =>
  target === null ? 'not decided yet' : target.paused ? 'paused' : limitsText(target);

function eventText(event: LoadEvent, colors: Palette): string {
  const why = event.reasons.slice(0, 2).join('; ');
  if (event.kind === 'alert') return `${colors.yellow(`alert ${event.word}`)}  ${why}`;
  const what = event.word === 'paused' ? colors.red('paused') : event.word === 'full' ? colors.green('full') : null;
  return `${what ?? limitsText(event)} by ${event.setBy}  ${why}`;
}

function textOf({ signal }: Series, value: number | null): string {
  return value === null ? '—' : valueText(value, signalFacts(signal).unit);
}
