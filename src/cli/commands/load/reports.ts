/** load baseline, impact, recommend: what is usual, what a backup cost, and when one should run. Ask the catalogue alone. */
import { learntBaseline, pausesOf } from '../../../catalog/load-figures';
import type { BackupJob } from '../../../catalog/types';
import { loadRulesOf } from '../../../config/load-rules';
import { usualOfHour, type Baseline } from '../../../domain/load/baseline';
import { impactReport, type ImpactReport, type SignalImpact } from '../../../domain/load/impact';
import { recommendWindows, type Recommendation } from '../../../domain/load/recommend';
import { parseSeriesKey, type SeriesKey } from '../../../domain/load/series';
import { signalFacts } from '../../../domain/load/signals';
import { valueText } from '../../../domain/load/texts';
import { HOURS_OF_WEEK, windowText, zoneClock } from '../../../domain/load/windows';
import { cliError } from '../../../errors/cli';
import { action, type Verb } from '../../command';
import { EXIT } from '../../exit-codes';
import { formatShare, formatTime } from '../../output/format';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';
import { resolveBackup } from '../../resolve-backup';
import { sparkline } from './chart';

const AROUND_MS = 35 * 60_000;
const DAY_HOURS = 24;
/** Backups whose usual time is taken. */
const LAST_BACKUPS = 10;

interface UsualSeries {
  readonly key: string;
  /** By hour of the week, Monday 00:00 to 01:00 first; null = not known. */
  readonly medians: readonly (number | null)[];
  /** At this hour; null = not known. */
  readonly now: { readonly median: number; readonly p90: number } | null;
}

export const loadBaseline: Verb = (parent, cli) =>
  parent
    .command('baseline')
    .argument('[database]')
    .description('what is usual for each signal at each hour of the week, learnt from the time without a backup')
    .addHelpText('after', '\nExamples:\n  holdfast load baseline shop\n  holdfast load baseline shop --json')
    .action(
      action(cli, 'view', async (context, _options, name?: string) => {
        const config = await context.config();
        const found = await context.databaseOrOnly(name);
        const { timeZone } = loadRulesOf(config.load, found, config.worker);
        const now = context.ui.now();
        const baseline = await learntBaseline(await context.catalog(), { database: found.name, timeZone, now });
        const series = usualSeries(baseline, now);
        return {
          data: { database: found.name, timeZone, series },
          text: renderBaseline(found.name, timeZone, series, context.ui.colors),
        };
      }),
    );

function usualSeries(baseline: Baseline, now: Date): readonly UsualSeries[] {
  const { hourOfWeek } = zoneClock(baseline.timeZone)(now.getTime());
  return Object.entries(baseline.series).map(([key, hours]) => {
    const at = (hour: number) => usualOfHour(hours, hour);
    const here = at(hourOfWeek);
    return {
      key,
      medians: Array.from({ length: HOURS_OF_WEEK }, (_, hour) => at(hour)?.median ?? null),
      now: here && { median: here.median, p90: here.p90 },
    };
  });
}

function renderBaseline(database: string, timeZone: string, series: readonly UsualSeries[], colors: Palette): string {
  if (series.length === 0) return `${database}: nothing is known yet; an hour must have passed under the watch`;
  const unitOf = (key: string) => signalFacts(parseSeriesKey(key as SeriesKey)!.signal).unit;
  const text = (key: string, value: number | undefined) => (value === undefined ? '—' : valueText(value, unitOf(key)));
  const table = renderTable<UsualSeries>(
    series,
    [
      { title: 'SIGNAL', get: ({ key }) => key },
      { title: 'USUAL NOW', align: 'right', get: ({ key, now }) => text(key, now?.median) },
      { title: '9 OF 10 BELOW', align: 'right', get: ({ key, now }) => text(key, now?.p90) },
      { title: `MON 00:00 … SUN 24:00 (${timeZone})`, get: ({ medians }) => weekChart(medians) },
    ],
    colors.dim,
  );
  return `${colors.bold(database)}: what is usual, from the time without a backup\n${table}`;
}

/** Seven groups of eight characters, each of three hours. */
function weekChart(medians: readonly (number | null)[]): string {
  const points = medians.flatMap((value, at) => (value === null ? [] : [{ at, value }]));
  const line = sparkline(points, { from: 0, to: HOURS_OF_WEEK, width: HOURS_OF_WEEK / 3 });
  const perDay = DAY_HOURS / 3;
  return Array.from({ length: 7 }, (_, day) => line.slice(day * perDay, (day + 1) * perDay)).join(' ');
}

export const loadImpact: Verb = (parent, cli) =>
  parent
    .command('impact')
    .argument('[database]')
    .option('-b, --backup <id>', 'which one; the beginning of its id is enough (the newest)')
    .description('what a backup cost those who use the database: before, during, after, and how sure that is')
    .addHelpText('after', '\nExamples:\n  holdfast load impact shop\n  holdfast load impact shop --backup 20261121T09')
    .action(
      action<{ backup?: string }>(cli, 'view', async (context, { backup }, name?: string) => {
        const { name: database } = await context.databaseOrOnly(name);
        const catalog = await context.catalog();
        const job =
          backup === undefined
            ? (await catalog.jobs({ database, limit: 1 }))[0]
            : await resolveBackup(catalog, backup, [database]);
        if (job === undefined) throw cliError('CLI_BACKUP_UNKNOWN', '', { context: { database } });
        const end = job.completedAt ?? context.ui.now();
        const samples = await catalog.loadSamples({
          database,
          from: new Date(job.startedAt.getTime() - AROUND_MS),
          to: new Date(end.getTime() + AROUND_MS),
        });
        const pauses = pausesOf(await catalog.loadEvents({ backupId: job.backupId }), end);
        const report = impactReport(samples, { from: job.startedAt.getTime(), to: end.getTime() }, pauses);
        return {
          data: { database, backupId: job.backupId, pauses, ...report },
          text: renderImpact(job, report, context.ui.colors),
        };
      }),
    );

function renderImpact(job: Pick<BackupJob, 'backupId' | 'startedAt'>, report: ImpactReport, colors: Palette): string {
  const { signals, sureness, text } = report;
  const head = `${colors.bold(job.backupId)} (${formatTime(job.startedAt)}): ${text}`;
  if (signals.length === 0) return `${head}\nno sample was kept for that time; is load.watch set?`;
  const figure = ({ signal }: SignalImpact, phase: SignalImpact['before']) =>
    phase === null ? '—' : valueText(phase.median, signalFacts(signal).unit);
  const verdicts = { worse: colors.red, better: colors.green, same: colors.dim, unknown: colors.dim } as const;
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
        get: ({ change }) => (change === null ? '—' : `${change >= 0 ? '+' : ''}${Math.round(change * 100)} %`),
      },
      { title: 'VERDICT', get: ({ verdict }) => verdicts[verdict](verdict) },
      { title: 'SURE', get: (one) => one.sureness },
    ],
    colors.dim,
  );
  return `${head}\n${table}\n\nmedians; how sure as a whole: ${sureness}`;
}

export const loadRecommend: Verb = (parent, cli) =>
  parent
    .command('recommend')
    .argument('[database]')
    .description('when a backup should run, and why: the quietest times of the week that are long enough')
    .addHelpText(
      'after',
      '\nExit status: 0 there is a recommendation; 1 too little is known, or no window is long enough.\n' +
        '\nExamples:\n  holdfast load recommend shop\n  holdfast load recommend shop --json',
    )
    .action(
      action(cli, 'view', async (context, _options, name?: string) => {
        const config = await context.config();
        const found = await context.databaseOrOnly(name);
        const database = found.name;
        const rules = loadRulesOf(config.load, found, config.worker);
        const catalog = await context.catalog();
        const jobs = await catalog.jobs({ database, status: 'completed', limit: LAST_BACKUPS });
        const backupMs = usualDuration(jobs);
        const { timeZone } = rules;
        const baseline = await learntBaseline(catalog, { database, timeZone, now: context.ui.now() });
        const advice = recommendWindows({ baseline, rules, backupMs });
        return {
          data: { database, timeZone, backupMs, ...advice },
          text: renderAdvice(database, timeZone, advice, context.ui.colors),
          exitCode: advice.ok ? EXIT.ok : EXIT.failed,
        };
      }),
    );

/** Milliseconds; null without a backup. */
export function usualDuration(jobs: readonly Pick<BackupJob, 'startedAt' | 'completedAt'>[]): number | null {
  const all = jobs
    .flatMap(({ startedAt, completedAt }) => (completedAt ? [completedAt.getTime() - startedAt.getTime()] : []))
    .sort((a, b) => a - b);
  return all[Math.floor(all.length / 2)] ?? null;
}

function renderAdvice(database: string, timeZone: string, advice: Recommendation, colors: Palette): string {
  if (!advice.ok) return `${database}: no recommendation: ${advice.reason}`;
  const blocks = advice.windows.map(({ window, load, usualLoad, sureness, reasons }, index) =>
    [
      `${index + 1}. ${colors.bold(windowText(window))} ${timeZone}  load ${formatShare(load)} of its range, usually ${formatShare(usualLoad)}; sure: ${sureness}`,
      ...reasons.map((reason) => `   ${reason}`),
    ].join('\n'),
  );
  return [`${colors.bold(database)}: when a backup should run`, ...blocks].join('\n');
}
