import type { MeasuredStore } from '../../../domain/runs';
import type { UsageReport } from '../../../domain/usage-report';
import { action, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { EXIT } from '../../exit-codes';
import { formatBytes, formatCount, formatRelative, formatShare, NONE } from '../../output/format';
import { withSpinner } from '../../output/progress';
import { renderTable } from '../../output/table';
import { paintState, type Palette } from '../../output/ui';
import { usageReports } from '../../../workers/usage-reports';

const BAR = 12;

/** Measuring lists whole stores, which is not free. */
const NEEDS = { role: 'view', with: { measure: 'operate' } } as const;

export const storeUsage: Verb = (parent, cli) =>
  parent
    .command('usage')
    .argument('[store]', 'only this one')
    .description('bytes and objects at each store, growth, and when it will be full')
    .option('--database <name>', 'only what this database keeps there')
    .option('--measure', 'list the stores first, for true figures instead of estimates')
    .addHelpText('after', '\nExamples:\n  holdfast store usage\n  holdfast store usage offsite --measure --json')
    .action(
      action<{ database?: string; measure?: boolean }>(cli, NEEDS, async (context, options, name?: string) => {
        const config = await context.config();
        const stores = name === undefined ? config.stores : [await context.storeConfig(name)];
        const { database } = options;
        if (database !== undefined) await context.database(database);
        const measured = options.measure
          ? await measure(
              context,
              stores.map((store) => store.name),
            )
          : [];
        const now = context.ui.now();
        const reports = await usageReports(await context.catalog(), config, stores, {
          now,
          ...(database === undefined ? {} : { database }),
        });
        const failed = measured.filter(({ error }) => error !== null);
        return {
          data: { ok: failed.length === 0, stores: reports, ...(options.measure ? { measured } : {}) },
          text: render(reports, failed, now, context.ui.colors),
          ...(failed.length > 0 ? { exitCode: EXIT.failed } : {}),
        };
      }),
    );

async function measure(context: CliContext, stores: readonly string[]): Promise<readonly MeasuredStore[]> {
  const client = await context.client();
  return withSpinner(context.ui, `listing ${stores.join(', ')}`, async () => {
    const { workflowId, runId } = await client.startStoreUsage({ stores, requestedBy: context.who });
    return (await client.storeUsageResult(workflowId, runId)).stores;
  });
}

function render(reports: readonly UsageReport[], failed: readonly MeasuredStore[], now: Date, colors: Palette): string {
  const table = renderTable<UsageReport>(
    reports,
    [
      { title: 'STORE', get: (report) => colors.bold(report.store) },
      { title: 'STATE', get: (report) => stateOf(report, colors) },
      { title: 'HELD', align: 'right', get: (report) => formatBytes(report.bytes) },
      { title: 'OBJECTS', align: 'right', get: (report) => formatCount(report.objects) },
      { title: 'OF', get: (report) => (report.maxBytes === null ? NONE : formatBytes(report.maxBytes)) },
      { title: 'USED', get: (report) => usedOf(report) },
      { title: 'A DAY', align: 'right', get: growthOf },
      { title: 'WARNS', get: ({ reaches }) => dateOf(reaches.warn, now) },
      { title: 'STOPS', get: ({ reaches }) => dateOf(reaches.stop, now) },
      { title: 'FULL', get: ({ reaches }) => dateOf(reaches.full, now) },
      {
        title: 'MEASURED',
        get: ({ measuredAt, objects }) =>
          measuredAt === null ? (objects === 0 ? NONE : 'estimated') : formatRelative(measuredAt, now),
      },
    ],
    colors.dim,
  );
  const remarks = reports.flatMap(({ store, quota, growth }) => [
    ...quota.reasons.map((reason) => `${store}: ${reason}`),
    ...(growth.ok || growth.reason === 'nothing was measured yet' ? [] : [`${store}: no forecast: ${growth.reason}`]),
  ]);
  const errors = failed.map(({ store, error }) => colors.red(`${store}: ${error!.code}: ${error!.message}`));
  return [table, ...[...remarks, ...errors].map((line, index) => (index === 0 ? `\n${line}` : line))].join('\n');
}

function stateOf({ quota }: UsageReport, colors: Palette): string {
  return quota.state === 'stop' ? colors.red('full') : paintState(quota.state, colors);
}

/** `███▌········ 29 %` */
export function usageBar(share: number): string {
  const cells = Math.min(1, Math.max(0, share)) * BAR;
  const half = cells % 1 >= 0.5 ? '▌' : '';
  const filled = '█'.repeat(Math.floor(cells)) + half;
  return `${filled.padEnd(BAR, '·')} ${formatShare(share)}`;
}

const usedOf = ({ quota }: UsageReport) => (quota.share === null ? NONE : usageBar(quota.share));

function growthOf({ growth }: UsageReport): string {
  if (!growth.ok) return NONE;
  const { perDay, sureness } = growth.forecast;
  return `${perDay >= 0 ? '+' : ''}${formatBytes(perDay)}${sureness === 'high' ? '' : ` (${sureness})`}`;
}

function dateOf(at: Date | null, now: Date): string {
  if (at === null) return NONE;
  return at.getTime() <= now.getTime() ? 'now' : at.toISOString().slice(0, 10);
}
