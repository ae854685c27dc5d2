import type { LoadWatchChange, ScheduleChange, StoreWatchChange } from '../../client/types';
import { action, type Verb } from '../command';
import { confirmYes } from '../confirm';
import type { CliContext } from '../context';
import { plural } from '../output/format';
import { withSpinner } from '../output/progress';
import type { Palette } from '../output/ui';

export const apply: Verb = (parent, cli) =>
  parent
    .command('apply')
    .description(
      'make the Temporal schedules, and the watches over stores and load, equal to the configuration; shows the plan first',
    )
    .option('--dry-run', 'show the plan and change nothing')
    .addHelpText('after', '\nExamples:\n  holdfast apply --dry-run\n  holdfast apply --yes')
    .action(
      action<{ dryRun?: boolean }>(cli, { role: 'administer', with: { dryRun: 'view' } }, async (context, options) => {
        const { ui } = context;
        const client = await context.client();
        const plan = await withSpinner(ui, 'comparing schedules', () => client.planSchedules());
        const watches = await client.planStoreWatches();
        const loads = await client.planLoadWatches();
        const changes = [...plan, ...watches, ...loads].filter((change) => change.action !== 'unchanged');
        if (options.dryRun || changes.length === 0) {
          return { data: { applied: false, plan, watches, loads }, text: renderAll(plan, watches, loads, ui.colors) };
        }
        if (!context.options.yes) ui.note(renderAll(plan, watches, loads, ui.errColors));
        await confirmYes(ui, `Apply ${plural(changes.length, 'change')}?`, context.options.yes === true);
        const applied = await withSpinner(ui, 'applying schedules', () => client.applySchedules());
        const watched = await client.applyStoreWatches();
        const loadWatched = await client.applyLoadWatches();
        await audit(context, applied, watched, loadWatched);
        return {
          data: { applied: true, plan: applied, watches: watched, loads: loadWatched },
          text: renderAll(applied, watched, loadWatched, ui.colors),
        };
      }),
    );

async function audit(
  context: CliContext,
  applied: readonly ScheduleChange[],
  watched: readonly StoreWatchChange[],
  loads: readonly LoadWatchChange[],
): Promise<void> {
  const changed = applied.filter((change) => change.action !== 'unchanged');
  // The schedules are what they should be; an absent catalogue must not make this look like a failure.
  const catalog = await context.catalog().catch(() => null);
  await catalog
    ?.audit({
      actor: context.who,
      action: 'apply',
      details: {
        schedules: changed.map(({ scheduleId, action: what }) => `${what} ${scheduleId}`),
        stores: watched.flatMap(({ store, action: what }) =>
          what === 'unchanged' ? [] : [`${what} watching ${store}`],
        ),
        loads: loads.flatMap(({ database, action: what }) =>
          what === 'unchanged' ? [] : [`${what} watching the load of ${database}`],
        ),
      },
      at: context.ui.now(),
    })
    .catch(() => null);
}

/** A watch that stays as it is goes without saying. */
function renderAll(
  plan: readonly ScheduleChange[],
  watches: readonly StoreWatchChange[],
  loads: readonly LoadWatchChange[],
  colors: Palette,
): string {
  const lines = watches.flatMap(({ store, action: what }) => {
    if (what === 'unchanged') return [];
    return [what === 'start' ? colors.green(`+ watch     ${store}`) : colors.red(`- watch     ${store} no more`)];
  });
  const loadLines = loads.flatMap(({ database, action: what }) => {
    if (what === 'unchanged') return [];
    const text = `load of ${database}`;
    return [what === 'start' ? colors.green(`+ watch     ${text}`) : colors.red(`- watch     ${text} no more`)];
  });
  return [renderPlan(plan, colors), ...lines, ...loadLines].join('\n');
}

const SIGNS = { create: '+', update: '~', pause: '‖', unchanged: ' ' } as const;

function renderPlan(plan: readonly ScheduleChange[], colors: Palette): string {
  if (plan.length === 0) return 'no schedules are configured';
  const paint = { create: colors.green, update: colors.yellow, pause: colors.red, unchanged: colors.dim };
  return plan
    .map((change) => {
      const head = paint[change.action](`${SIGNS[change.action]} ${change.action.padEnd(9)} ${change.scheduleId}`);
      return [head, ...change.differences.map((difference) => `    ${difference}`)].join('\n');
    })
    .join('\n');
}
