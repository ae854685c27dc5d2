/** load recommend: when a backup should run, why, and why not at other times. */
import { backupHistory, learntBaseline } from '../../../catalog/load-figures';
import { loadRulesOf } from '../../../config/load-rules';
import { recommendWindows, type Recommendation, type WindowRecommendation } from '../../../domain/load/recommend';
import type { BackupFigures } from '../../../domain/load/regression';
import { median } from '../../../domain/load/statistics';
import { windowText } from '../../../domain/load/windows';
import { BACKUP_TYPES } from '../../../domain/names';
import { action, type Verb } from '../../command';
import { EXIT } from '../../exit-codes';
import type { Palette } from '../../output/ui';

/** Backups of a type whose usual time is taken. */
const LAST_BACKUPS = 10;

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
        const backupMs = usualDuration(await backupHistory(catalog, database));
        const { timeZone } = rules;
        const asked = { database, timeZone, now: context.ui.now() };
        const baseline = await learntBaseline(catalog, asked);
        const during = await learntBaseline(catalog, { ...asked, during: true });
        const advice = recommendWindows({ baseline, during, rules, backupMs });
        return {
          data: { database, timeZone, backupMs, ...advice },
          text: renderAdvice(database, timeZone, advice, context.ui.colors),
          exitCode: advice.ok ? EXIT.ok : EXIT.failed,
        };
      }),
    );

/** Of the type that takes the longest, without pauses. Milliseconds; null without a backup. */
export function usualDuration(history: readonly BackupFigures[]): number | null {
  const medians = BACKUP_TYPES.flatMap((wanted) => {
    const newest = history.filter(({ type }) => type === wanted).slice(0, LAST_BACKUPS);
    return median(newest.map(({ durationMs, pausedMs }) => Math.max(1, durationMs - pausedMs))) ?? [];
  });
  return medians.length === 0 ? null : Math.max(...medians);
}

function renderAdvice(database: string, timeZone: string, advice: Recommendation, colors: Palette): string {
  if (!advice.ok) return `${database}: no recommendation: ${advice.reason}`;
  const blocks = advice.windows.map(({ window, sureness, reasons, others }, index) =>
    [
      `${index + 1}. ${colors.bold(windowText(window))} ${timeZone}  (sure: ${sureness})`,
      ...reasons.map((reason) => `   ${reason}`),
      ...(index === 0 ? othersOf(others, colors) : []),
    ].join('\n'),
  );
  return [`${colors.bold(database)}: when a backup should run`, ...blocks].join('\n');
}

function othersOf(others: WindowRecommendation['others'], colors: Palette): readonly string[] {
  if (others.length === 0) return [];
  return [
    `   ${colors.dim('not to begin at')}`,
    ...others.map(({ from, to, text }) => `     ${from}–${to}  ${colors.dim(text)}`),
  ];
}
