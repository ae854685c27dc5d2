/** schedule list, pause, resume, trigger, backfill. */
import type { ScheduleView } from '../../../client/types';
import { orchestrationError } from '../../../errors/orchestration';
import { timeArgument } from '../../arguments';
import { action, type Verb } from '../../command';
import { confirmYes } from '../../confirm';
import type { CliContext } from '../../context';
import { formatRelative, formatTime, NONE } from '../../output/format';
import { renderTable } from '../../output/table';

export const scheduleList: Verb = (parent, cli) =>
  parent
    .command('list')
    .argument('[database]', 'only schedules of this database')
    .description('list schedules: next and last runs, skipped and missed ones')
    .action(
      action(cli, 'view', async (context, _options, database?: string) => {
        const all = await (await context.client()).schedules();
        const schedules = all.filter((schedule) => database === undefined || schedule.database === database);
        return {
          data: schedules,
          text:
            schedules.length === 0
              ? 'no schedules: `holdfast apply` creates those of the configuration'
              : render(context, schedules),
        };
      }),
    );

function render(context: CliContext, schedules: readonly ScheduleView[]): string {
  const { colors } = context.ui;
  const now = context.ui.now();
  return renderTable<ScheduleView>(
    schedules,
    [
      { title: 'SCHEDULE', get: (schedule) => colors.bold(schedule.scheduleId) },
      { title: 'STATE', get: (schedule) => (schedule.paused ? colors.yellow('paused') : colors.green('active')) },
      {
        title: 'NEXT',
        get: ({ nextRuns, paused }) =>
          paused || !nextRuns[0] ? NONE : `${formatTime(nextRuns[0])} (${formatRelative(nextRuns[0], now)})`,
      },
      { title: 'LAST', get: ({ lastRuns }) => formatRelative(lastRuns.at(-1)?.at, now) },
      { title: 'SKIPPED', align: 'right', get: (schedule) => String(schedule.skippedOverlap) },
      {
        title: 'MISSED',
        align: 'right',
        get: (schedule) => (schedule.missedCatchup > 0 ? colors.red(String(schedule.missedCatchup)) : '0'),
      },
      { title: 'NOTE', get: (schedule) => schedule.note },
    ],
    colors.dim,
  );
}

/** A schedule by its id, or by its name where only one has it. */
async function findSchedule(context: CliContext, text: string): Promise<ScheduleView> {
  const all = await (await context.client()).schedules();
  const exact = all.filter(
    (schedule) => schedule.scheduleId === text || `${schedule.database}/${schedule.name}` === text,
  );
  const named = exact.length > 0 ? exact : all.filter((schedule) => schedule.name === text);
  if (named.length === 1) return named[0]!;
  throw orchestrationError('SCHEDULE_NOT_FOUND', named.length > 1 ? 'more than one schedule has that name' : '', {
    context: { schedule: text, known: all.map((schedule) => schedule.scheduleId).join(', ') },
  });
}

const SCHEDULE_ARGUMENT = ['<schedule>', 'schedule id such as shop/hourly'] as const;

export const schedulePause: Verb = (parent, cli) =>
  parent
    .command('pause')
    .argument(...SCHEDULE_ARGUMENT)
    .description('start no more runs by this schedule until it is resumed')
    .option('-r, --reason <text>', 'why', 'paused by hand')
    .action(
      action<{ reason: string }>(cli, 'operate', async (context, { reason }, text: string) => {
        const { scheduleId } = await findSchedule(context, text);
        await (await context.client()).pauseSchedule(scheduleId, `${reason} (${context.who})`);
        return { data: { scheduleId, paused: true }, text: `${scheduleId} is paused` };
      }),
    );

export const scheduleResume: Verb = (parent, cli) =>
  parent
    .command('resume')
    .argument(...SCHEDULE_ARGUMENT)
    .description('let a paused schedule start runs again')
    .option('-r, --reason <text>', 'why', 'resumed by hand')
    .action(
      action<{ reason: string }>(cli, 'operate', async (context, { reason }, text: string) => {
        const { scheduleId } = await findSchedule(context, text);
        await (await context.client()).resumeSchedule(scheduleId, `${reason} (${context.who})`);
        return { data: { scheduleId, paused: false }, text: `${scheduleId} is active` };
      }),
    );

export const scheduleTrigger: Verb = (parent, cli) =>
  parent
    .command('trigger')
    .argument(...SCHEDULE_ARGUMENT)
    .description('start one run of this schedule now, as if its time had come')
    .action(
      action(cli, 'operate', async (context, _options, text: string) => {
        const { scheduleId, database } = await findSchedule(context, text);
        await (await context.client()).triggerSchedule(scheduleId);
        return {
          data: { scheduleId, triggered: true },
          text: `${scheduleId} triggered; watch it with: holdfast backup show ${database} --follow`,
        };
      }),
    );

export const scheduleBackfill: Verb = (parent, cli) =>
  parent
    .command('backfill')
    .argument(...SCHEDULE_ARGUMENT)
    .description('start the runs that fell into a past window')
    .requiredOption('--from <time>', 'ISO time, or a span back from now such as 6h', (text: string) =>
      timeArgument(text),
    )
    .option('--until <time>', 'ISO time, a span back from now, or now', (text: string) => timeArgument(text))
    .action(
      action<{ from: Date; until?: Date }>(cli, 'operate', async (context, options, text: string) => {
        const { scheduleId } = await findSchedule(context, text);
        const until = options.until ?? context.ui.now();
        await confirmYes(
          context.ui,
          `Start every run of ${scheduleId} from ${formatTime(options.from)} to ${formatTime(until)}?`,
          context.options.yes === true,
        );
        await (await context.client()).backfillSchedule(scheduleId, options.from, until);
        return { data: { scheduleId, from: options.from, until }, text: `${scheduleId}: backfill asked` };
      }),
    );
