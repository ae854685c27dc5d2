/** load impact: what a backup cost those who use the database, and whether it was like its peers. */
import { writeFile } from 'node:fs/promises';
import { backupHistory, pausesOf, regressionIn } from '../../../catalog/load-figures';
import type { BackupJob } from '../../../catalog/types';
import { impactReport, type AreaImpact, type ImpactReport, type SignalImpact } from '../../../domain/load/impact';
import type { RegressionReport } from '../../../domain/load/regression';
import type { Interval } from '../../../domain/load/rollups';
import { seriesOf, type Point } from '../../../domain/load/series';
import { signalFacts, type LoadSample } from '../../../domain/load/signals';
import { spanText, valueText } from '../../../domain/load/texts';
import { cliError } from '../../../errors/cli';
import { action, type Verb } from '../../command';
import { formatTime, NONE } from '../../output/format';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';
import { resolveBackup } from '../../resolve-backup';
import { svgChart } from '../../chart/svg';
import { terminalChart } from '../../chart/terminal';
import type { TimeChart } from '../../chart/model';
import { sparkline } from './chart';
import { runChart } from './run-chart';

/** Half an hour, and what follows an end at once. */
const AROUND_MS = 31 * 60_000;
/** Characters of the time before, and of that after; the backup takes twice as many. */
const PHASE_WIDTH = 8;
/** Of the chart of its pace. */
const WIDEST = 100;

export const loadImpact: Verb = (parent, cli) =>
  parent
    .command('impact')
    .argument('[database]')
    .option('-b, --backup <id>', 'which one; the beginning of its id is enough (the newest)')
    .option('--svg <file>', 'also draw its pace beside what users felt, as an SVG file')
    .description('what a backup cost those who use the database: before, during, after, and how sure that is')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast load impact shop\n  holdfast load impact shop --backup 20261121T09 --svg impact.svg',
    )
    .action(
      action<{ backup?: string; svg?: string }>(cli, 'view', async (context, { backup, svg }, name?: string) => {
        const { name: database } = await context.databaseOrOnly(name);
        const catalog = await context.catalog();
        const job =
          backup === undefined
            ? (await catalog.jobs({ database, limit: 1 }))[0]
            : await resolveBackup(catalog, backup, [database]);
        if (job === undefined)
          throw cliError('CLI_BACKUP_UNKNOWN', 'there is no backup of it yet', { context: { database } });
        const end = job.completedAt ?? context.ui.now();
        const samples = await catalog.loadSamples({
          database,
          from: new Date(job.startedAt.getTime() - AROUND_MS),
          to: new Date(end.getTime() + AROUND_MS),
        });
        const events = await catalog.loadEvents({ backupId: job.backupId });
        const pauses = pausesOf(events, end);
        const span = { from: job.startedAt.getTime(), to: end.getTime() };
        const report = impactReport(samples, span, pauses);
        const regression = regressionIn(await backupHistory(catalog, database), job.backupId);
        const { backupId, startedAt } = job;
        const chart = runChart({ database, backupId, startedAt, end, events, samples });
        if (svg !== undefined) await drawInto(svg, chart);
        const { colors, width } = context.ui;
        const lines =
          events.length === 0 ? [] : ['', ...terminalChart(chart, { width: Math.min(WIDEST, width), colors })];
        const drawn = svg === undefined ? [] : ['', `drawn into ${svg}`];
        return {
          data: { database, backupId, pauses, ...report, regression, svg: svg ?? null },
          text: [renderImpact(job, report, { samples, regression, pauses }, colors), ...lines, ...drawn].join('\n'),
        };
      }),
    );

async function drawInto(file: string, chart: TimeChart): Promise<void> {
  try {
    await writeFile(file, svgChart(chart));
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw cliError('CLI_USAGE', `the drawing cannot be written: ${why}`, { context: { file }, cause: error });
  }
}

interface Beside {
  readonly samples: readonly LoadSample[];
  readonly regression: RegressionReport | null;
  readonly pauses: readonly Interval[];
}

function renderImpact(
  job: Pick<BackupJob, 'backupId' | 'startedAt' | 'completedAt'>,
  report: ImpactReport,
  { samples, regression, pauses }: Beside,
  colors: Palette,
): string {
  const { signals, areas, sureness, from, to } = report;
  const stood = pauses.reduce((sum, pause) => sum + pause.to - pause.from, 0);
  const took = `${job.completedAt === null ? 'so far' : 'took'} ${spanText(to - from)}${stood > 0 ? `, of which it stood still for ${spanText(stood)}` : ''}`;
  const head = [
    `${colors.bold(job.backupId)} (${formatTime(job.startedAt)}, ${took})`,
    ...(regression === null ? [] : regressionLines(regression, colors)),
  ].join('\n');
  if (signals.length === 0) return `${head}\nno sample was kept for that time; is load.watch set?`;
  const series = seriesOf(samples);
  const figure = ({ signal }: SignalImpact, phase: SignalImpact['before'], which: 'median' | 'p95' = 'median') =>
    phase === null ? NONE : valueText(phase[which], signalFacts(signal).unit);
  const verdicts = { worse: colors.red, better: colors.green, same: colors.dim, unknown: colors.dim } as const;
  const summary = renderTable<AreaImpact>(
    areas,
    [
      { title: 'WHAT', get: ({ area }) => area },
      { title: 'IT BECAME', get: ({ verdict }) => verdicts[verdict](verdict) },
      { title: 'SURE', get: (one) => one.sureness },
      { title: 'WHY', get: ({ text }) => text },
    ],
    colors.dim,
  );
  const table = renderTable<SignalImpact>(
    signals,
    [
      { title: 'SIGNAL', get: ({ key }) => key },
      { title: 'BEFORE', align: 'right', get: (one) => figure(one, one.before) },
      { title: 'DURING', align: 'right', get: (one) => figure(one, one.during) },
      { title: 'AFTER', align: 'right', get: (one) => figure(one, one.after) },
      {
        title: 'CHANGE',
        align: 'right',
        get: ({ change }) => (change === null ? NONE : `${change >= 0 ? '+' : ''}${Math.round(change * 100)} %`),
      },
      {
        title: 'P95',
        align: 'right',
        get: (one) => `${figure(one, one.before, 'p95')} → ${figure(one, one.during, 'p95')}`,
      },
      { title: 'VERDICT', get: ({ verdict }) => verdicts[verdict](verdict) },
      { title: 'SURE', get: (one) => one.sureness },
      { title: 'BEFORE │ DURING │ AFTER', get: ({ key }) => phaseChart(series.get(key) ?? [], { from, to }) },
    ],
    colors.dim,
  );
  return `${head}\n\n${summary}\n\n${table}\n\nmedians; how sure as a whole: ${sureness}`;
}

/** One scale for all three, so that they can be compared by eye. */
function phaseChart(points: readonly Point[], { from, to }: Interval): string {
  const line = sparkline(
    points.flatMap(({ at, value }) => {
      const place =
        at < from
          ? (at - from) / AROUND_MS + 1
          : at < to
            ? 1 + ((at - from) / (to - from)) * 2
            : 3 + (at - to) / AROUND_MS;
      return place < 0 || place >= 4 ? [] : [{ at: place, value }];
    }),
    { from: 0, to: 4, width: 4 * PHASE_WIDTH },
  );
  return [line.slice(0, PHASE_WIDTH), line.slice(PHASE_WIDTH, 3 * PHASE_WIDTH), line.slice(3 * PHASE_WIDTH)].join('│');
}

/** What is out of the ordinary about a backup beside its peers; one line each. */
export function regressionLines({ flags }: RegressionReport, colors: Palette): readonly string[] {
  return flags.map((flag) => `${colors.yellow('out of the ordinary:')} ${flag.text}`);
}
