/** load capacity: how database, backups and stores grow, and when a store or a window no longer suffices. */
import { backupHistory } from '../../../catalog/load-figures';
import type { Catalog } from '../../../catalog/types';
import { loadRulesOf } from '../../../config/load-rules';
import { storesOf } from '../../../config/database-stores';
import type { DatabaseConfig, HoldfastConfig } from '../../../config/schema';
import type { UsagePoint } from '../../../domain/forecast';
import { capacityForecast, shortestWindowMs, type CapacityItem } from '../../../domain/load/capacity';
import type { BackupFigures } from '../../../domain/load/regression';
import { bytesText, spanText } from '../../../domain/load/texts';
import { storeSeries } from '../../../domain/usage';
import { usageReports } from '../../../workers/usage-reports';
import { action, type Verb } from '../../command';
import { NONE } from '../../output/format';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';
import { sparkline } from './chart';
import { DAY_MS } from '../../../domain/time';

const HISTORY_DAYS = 90;
const CHART_WIDTH = 24;
/** Sooner than this somebody should do something. Days. */
const SOON = 30;
/** Nobody plans, and no trend holds, for longer. Days. */
const FAR = 730;

/** With the history that it was made from. */
interface Item extends CapacityItem {
  readonly points: readonly UsagePoint[];
}

export const loadCapacity: Verb = (parent, cli) =>
  parent
    .command('capacity')
    .argument('[database]')
    .description('how database, backup time and stores grow, and when a store or a window no longer suffices')
    .addHelpText('after', '\nExamples:\n  holdfast load capacity shop\n  holdfast load capacity shop --json')
    .action(
      action(cli, 'view', async (context, _options, name?: string) => {
        const config = await context.config();
        const database = await context.databaseOrOnly(name);
        const now = context.ui.now();
        const items = await capacityOf(await context.catalog(), config, database, now);
        return {
          data: { database: database.name, items },
          text: renderCapacity(database.name, items, now, context.ui.colors),
        };
      }),
    );

async function capacityOf(
  catalog: Catalog,
  config: HoldfastConfig,
  database: DatabaseConfig,
  now: Date,
): Promise<readonly Item[]> {
  const since = new Date(now.getTime() - HISTORY_DAYS * DAY_MS);
  const history = (await backupHistory(catalog, database.name, 4 * HISTORY_DAYS)).filter(
    ({ startedAt }) => startedAt >= since.getTime(),
  );
  const rules = loadRulesOf(config.load, database, config.worker);
  const pointsOf = (value: (one: BackupFigures) => number): readonly UsagePoint[] =>
    history.map((one) => ({ at: new Date(one.startedAt), value: value(one) })).reverse();
  const names = storesOf(config, database.name);
  const used = config.stores.filter((store) => names.includes(store.name));
  const reports = await usageReports(catalog, config, used, { now });
  const stores = await Promise.all(
    used.map(async ({ name }) => ({
      name,
      bytes: storeSeries(await catalog.usageHistory({ store: name, since })).map(({ at, bytes }) => ({
        at,
        value: bytes,
      })),
      limitBytes: reports.find(({ store }) => store === name)?.maxBytes ?? null,
    })),
  );
  const input = {
    databaseBytes: pointsOf(({ bytesRead }) => bytesRead),
    backupMs: pointsOf(({ durationMs, pausedMs }) => durationMs - pausedMs),
    stores,
    windowMs: shortestWindowMs(
      rules,
      history.slice(0, 10).map(({ startedAt }) => startedAt),
    ),
  };
  const points = [input.databaseBytes, input.backupMs, ...stores.map(({ bytes }) => bytes)];
  return capacityForecast(input).map((item, index) => ({ ...item, points: points[index]! }));
}

function renderCapacity(database: string, items: readonly Item[], now: Date, colors: Palette): string {
  const show = ({ unit }: Item, value: number | null) =>
    value === null ? NONE : unit === 'bytes' ? bytesText(value) : spanText(value);
  const table = renderTable<Item>(
    items,
    [
      { title: 'WHAT', get: ({ what }) => (what === 'backup' ? 'backup time' : what) },
      { title: 'NOW', align: 'right', get: (item) => show(item, item.now) },
      { title: 'A MONTH', align: 'right', get: (item) => growthOf(item, show) },
      { title: 'IN 30 DAYS', align: 'right', get: (item) => show(item, item.in30Days) },
      { title: 'IN 90 DAYS', align: 'right', get: (item) => show(item, item.in90Days) },
      { title: 'LIMIT', align: 'right', get: (item) => show(item, item.limit) },
      { title: 'SUFFICES UNTIL', get: (item) => untilOf(item, now, colors) },
      { title: 'SURE', get: ({ forecast }) => forecast?.sureness ?? NONE },
      { title: `LAST ${HISTORY_DAYS} DAYS`, get: ({ points }) => chartOf(points, now) },
    ],
    colors.dim,
  );
  const remarks = items.flatMap(({ what, unknown }) => (unknown === null ? [] : [`${what}: no forecast: ${unknown}`]));
  const warnings = items.flatMap((item) =>
    item.daysUntil !== null && item.daysUntil < SOON ? [`${colors.yellow('warning:')} ${item.text}`] : [],
  );
  return [
    `${colors.bold(database)}: what grows, and how long it fits`,
    table,
    ...[...warnings, ...remarks].map((line, index) => (index === 0 ? `\n${line}` : line)),
  ].join('\n');
}

function growthOf(item: Item, show: (item: Item, value: number) => string): string {
  if (item.forecast === null) return NONE;
  const { perDay } = item.forecast;
  return `${perDay >= 0 ? '+' : '−'}${show(item, Math.abs(perDay) * 30)}`;
}

function untilOf({ limit, forecast, daysUntil, daysUntilAtWorst }: Item, now: Date, colors: Palette): string {
  if (limit === null || forecast === null) return NONE;
  if (daysUntil === 0) return colors.red('too small now');
  if (daysUntil === null) return 'as it goes now';
  const date = (days: number) => new Date(now.getTime() + days * DAY_MS).toISOString().slice(0, 10);
  if (daysUntil > FAR) return 'for more than two years';
  const text = date(daysUntil);
  const worst = daysUntilAtWorst === null ? '' : ` (at worst ${date(daysUntilAtWorst)})`;
  return `${daysUntil < SOON ? colors.yellow(text) : text}${worst}`;
}

/** From the oldest figure on: a history of two weeks is not three dots and a corner. */
function chartOf(points: readonly UsagePoint[], now: Date): string {
  const from = Math.min(...points.map(({ at }) => at.getTime()), now.getTime());
  const values = points.map(({ at, value }) => ({ at: at.getTime(), value }));
  return sparkline(values, { from, to: now.getTime(), width: Math.min(CHART_WIDTH, Math.max(1, points.length)) });
}
