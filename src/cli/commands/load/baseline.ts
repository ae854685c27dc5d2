/** load baseline: what is usual for each signal by hour of the week, what repeats, and where it is heading. */
import { learntBaseline, quietDays } from '../../../catalog/load-figures';
import { loadRulesOf } from '../../../config/load-rules';
import type { ForecastResult } from '../../../domain/forecast';
import { usualOfHour, type Baseline } from '../../../domain/load/baseline';
import { seasonOf, seasonText, trendOf, type Season } from '../../../domain/load/season';
import { parseSeriesKey, type SeriesKey } from '../../../domain/load/series';
import { signalFacts } from '../../../domain/load/signals';
import { valueText } from '../../../domain/load/texts';
import { HOURS_OF_WEEK, zoneClock } from '../../../domain/load/windows';
import { action, type Verb } from '../../command';
import { NONE } from '../../output/format';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';
import { sparkline } from './chart';

const DAY_HOURS = 24;
/** A month's growth below this share is none. */
const LEAST_GROWTH = 0.05;

interface UsualSeries {
  readonly key: string;
  /** By hour of the week, Monday 00:00 to 01:00 first; null = not known. */
  readonly medians: readonly (number | null)[];
  /** At this hour; null = not known. */
  readonly now: { readonly median: number; readonly p90: number } | null;
  /** Null: less than two days are known. */
  readonly season: Season | null;
  readonly trend: ForecastResult;
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
        const catalog = await context.catalog();
        const baseline = await learntBaseline(catalog, { database: found.name, timeZone, now });
        const series = usualSeries(baseline, await quietDays(catalog, { database: found.name, now }), now);
        return {
          data: { database: found.name, timeZone, series },
          text: renderBaseline(found.name, timeZone, series, context.ui.colors),
        };
      }),
    );

function usualSeries(
  baseline: Baseline,
  days: Awaited<ReturnType<typeof quietDays>>,
  now: Date,
): readonly UsualSeries[] {
  const { hourOfWeek } = zoneClock(baseline.timeZone)(now.getTime());
  return Object.entries(baseline.series).map(([key, hours]) => {
    const at = (hour: number) => usualOfHour(hours, hour);
    const here = at(hourOfWeek);
    return {
      key,
      medians: Array.from({ length: HOURS_OF_WEEK }, (_, hour) => at(hour)?.median ?? null),
      now: here && { median: here.median, p90: here.p90 },
      season: seasonOf(hours),
      trend: trendOf(days.get(key as SeriesKey) ?? []),
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
      { title: 'A MONTH', align: 'right', get: ({ key, trend }) => trendText(trend, (value) => text(key, value)) },
      { title: `MON 00:00 … SUN 24:00 (${timeZone})`, get: ({ medians }) => weekChart(medians) },
      { title: 'REPEATS', get: ({ season }) => seasonText(season) },
    ],
    colors.dim,
  );
  const early = series.find(({ trend }) => !trend.ok)?.trend;
  const remark = early && !early.ok ? `\n\nno trend yet: ${early.reason} (one a day)` : '';
  return `${colors.bold(database)}: what is usual, from the time without a backup\n${table}${remark}`;
}

/** What it grows by in 30 days; a trend that may as well go the other way is none. */
function trendText(trend: ForecastResult, text: (value: number) => string): string {
  if (!trend.ok) return NONE;
  const { perDayLow, perDayHigh, perDay, now } = trend.forecast;
  if (Math.sign(perDayLow) !== Math.sign(perDayHigh) || Math.abs(perDay * 30) <= Math.abs(now) * LEAST_GROWTH)
    return 'steady';
  return `${perDay >= 0 ? '+' : '−'}${text(Math.abs(perDay) * 30)}`;
}

/** Seven groups of eight characters, each of three hours. */
function weekChart(medians: readonly (number | null)[]): string {
  const points = medians.flatMap((value, at) => (value === null ? [] : [{ at, value }]));
  const line = sparkline(points, { from: 0, to: HOURS_OF_WEEK, width: HOURS_OF_WEEK / 3 });
  const perDay = DAY_HOURS / 3;
  return Array.from({ length: 7 }, (_, day) => line.slice(day * perDay, (day + 1) * perDay)).join(' ');
}
