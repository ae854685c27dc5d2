import { InvalidArgumentError } from 'commander';
import { monthOf, monthTotals, type CostReport, type DatabaseCost } from '../../../domain/cost-report';
import { moneyLabel, moneyText, type Money } from '../../../domain/money';
import { action, type Verb } from '../../command';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';
import { costReports } from '../../store-figures';

export const storeCost: Verb = (parent, cli) =>
  parent
    .command('cost')
    .argument('[store]', 'only this one')
    .description('what the stores cost in a month, by store and database, and what a restore from each would cost')
    .option('--month <month>', 'as 2026-11; this month unless stated', monthArgument)
    .addHelpText('after', '\nPrices come from `price` of each store. Examples:\n  holdfast store cost --month 2026-10')
    .action(
      action<{ month?: string }>(cli, 'view', async (context, options, name?: string) => {
        const config = await context.config();
        const stores = name === undefined ? config.stores : [await context.storeConfig(name)];
        const now = context.ui.now();
        const month = options.month ?? now.toISOString().slice(0, 7);
        const reports = await costReports(await context.catalog(), config, stores, { ...monthOf(month)!, now });
        const unpriced = stores.filter(({ price }) => price === undefined).map((store) => store.name);
        const sums = monthTotals(reports);
        return {
          data: {
            month,
            stores: reports.map(plainReport),
            totals: { soFar: sums.soFar.map(plainMoney), projected: sums.projected.map(plainMoney) },
            unpriced,
          },
          text: render(month, reports, unpriced, context.ui.colors),
        };
      }),
    );

function monthArgument(text: string): string {
  if (monthOf(text) === null) throw new InvalidArgumentError('Write a month such as 2026-11.');
  return text;
}

function render(month: string, reports: readonly CostReport[], unpriced: readonly string[], colors: Palette): string {
  const parts: string[] = [];
  if (reports.length > 0) {
    const sums = monthTotals(reports);
    parts.push(
      renderTable<CostReport>(
        reports,
        [
          { title: 'STORE', get: (report) => colors.bold(report.store) },
          { title: 'STORAGE', align: 'right', get: ({ period }) => moneyLabel(period.storage) },
          { title: 'REQUESTS', align: 'right', get: ({ period }) => moneyLabel(period.requests) },
          { title: 'EGRESS', align: 'right', get: ({ period }) => moneyLabel(period.egress) },
          { title: `${month} SO FAR`, align: 'right', get: ({ period }) => moneyLabel(period.total) },
          { title: 'WHOLE MONTH', align: 'right', get: ({ projected }) => moneyLabel(projected) },
          { title: 'KEEPING A MONTH', align: 'right', get: ({ perMonth }) => moneyLabel(perMonth) },
        ],
        colors.dim,
      ),
      `together ${sums.soFar.map(moneyLabel).join(' + ')} so far, ${sums.projected.map(moneyLabel).join(' + ')} projected`,
      renderTable<DatabaseCost & { readonly store: string }>(
        reports.flatMap((report) => report.databases.map((database) => ({ store: report.store, ...database }))),
        [
          { title: 'DATABASE', get: ({ database }) => (database === '' ? '(none)' : database) },
          { title: 'STORE', get: ({ store }) => store },
          { title: 'SO FAR', align: 'right', get: ({ total }) => moneyLabel(total) },
        ],
        colors.dim,
      ),
    );
    const readBack = reports.flatMap(({ store, readBack: costs }) => costs.map((cost) => ({ store, ...cost })));
    if (readBack.length > 0)
      parts.push(
        renderTable<(typeof readBack)[number]>(
          readBack,
          [
            { title: 'A RESTORE OR PROOF OF', get: ({ database }) => database },
            { title: 'FROM', get: ({ store }) => store },
            { title: 'COSTS', align: 'right', get: ({ cost }) => moneyLabel(cost) },
          ],
          colors.dim,
        ),
      );
  }
  if (unpriced.length > 0) parts.push(colors.dim(`not reckoned, no price is configured: ${unpriced.join(', ')}`));
  return parts.join('\n\n');
}

export const plainMoney = (money: Money) => ({ amount: moneyText(money), currency: money.currency });

function plainReport({ store, currency, period, projected, perMonth, databases, readBack }: CostReport) {
  const plainPeriod = ({ storage, requests, egress, total }: CostReport['period']) => ({
    storage: moneyText(storage),
    requests: moneyText(requests),
    egress: moneyText(egress),
    total: moneyText(total),
  });
  return {
    store,
    currency,
    ...plainPeriod(period),
    projected: moneyText(projected),
    perMonth: moneyText(perMonth),
    databases: databases.map((one) => ({ database: one.database, ...plainPeriod(one) })),
    restore: readBack.map(({ database, cost }) => ({ database, amount: moneyText(cost) })),
  };
}
