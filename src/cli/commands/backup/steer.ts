/** pause, resume, pace, cancel: what a person may tell a run that is under way. */
import type { HoldfastClient } from '../../../client/types';
import { LOAD_WATCH, type Pace } from '../../../domain/pace';
import type { BackupProgress } from '../../../domain/progress';
import { cliError } from '../../../errors/cli';
import { isHoldfastError } from '../../../errors/holdfast-error';
import { durationArgument, rateArgument, readersArgument } from '../../arguments';
import { action, type Answer, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { confirmYes } from '../../confirm';
import { formatDuration } from '../../output/format';
import { withSpinner } from '../../output/progress';
import { describePace } from '../../watch-backup';

/** How long a command waits to hear that the readers obey. Milliseconds. */
const CONFIRM_MS = 15_000;

/** How long a resume stands against the load watch that had paused the run. Milliseconds. */
const OVERRULE_MS = 15 * 60_000;

interface Steered {
  readonly reason: string;
  /** Milliseconds. */
  readonly for?: number;
}

async function answerPace(context: CliContext, database: string, pace: Pace): Promise<Answer> {
  const client = await context.client();
  try {
    const { effectiveMs } = await withSpinner(context.ui, 'waiting for the readers to obey', () =>
      client.awaitPaceApplied(database, pace.sequence, CONFIRM_MS),
    );
    return {
      data: { database, pace, applied: true, effectiveMs },
      text: `${database}: ${describePace(pace)} (in force after ${formatDuration(effectiveMs)})`,
    };
  } catch (error) {
    // The target is set and will be obeyed by whichever worker dumps next; a phase without readers has none to obey.
    if (!isHoldfastError(error, 'RUN_PACE_NOT_CONFIRMED')) throw error;
    return {
      data: { database, pace, applied: false, effectiveMs: null },
      text: `${database}: ${describePace(pace)} (set; no dump is reading now that could confirm it)`,
    };
  }
}

export const backupPause: Verb = (parent, cli) =>
  parent
    .command('pause')
    .argument('[database]')
    .description(
      'hold the readers of the running backup back within a second; past its pause budget the snapshot is released',
    )
    .option('-r, --reason <text>', 'why, for those who look at the run', '')
    .option('--for <duration>', 'it ends by itself after this, such as 30m (it stands until resumed)', durationArgument)
    .action(
      action<Steered>(cli, 'operate', async (context, { reason, for: forMs }, name?: string) => {
        const { name: database } = await context.databaseOrOnly(name);
        const client = await context.client();
        // A pause that ends by itself would take the place of one that does not.
        if (forMs !== undefined) await refuseWhileStopped(context);
        return answerPace(context, database, await client.pause(database, context.who, reason, forMs));
      }),
    );

export const backupResume: Verb = (parent, cli) =>
  parent
    .command('resume')
    .argument('[database]')
    .description(
      'let a paused backup go on, and one that waits for its time start now; what people asked for before is taken back, and the load watch decides again',
    )
    .option('-r, --reason <text>', 'why', '')
    .option(
      '--for <duration>',
      'the load watch may not slow it down before, such as 1h (15m when the watch had paused it)',
      durationArgument,
    )
    .action(
      action<Steered>(cli, 'operate', async (context, { reason, for: forMs }, name?: string) => {
        const { name: database } = await context.databaseOrOnly(name);
        const client = await context.client();
        await refuseWhileStopped(context);
        const run = await currentRun(client, database);
        const now = run?.pace;
        if (
          run?.waiting?.for === 'opening' &&
          !run.pace.paused &&
          (await client.startNow(database, context.who, reason))
        )
          return {
            data: { database, started: true, waitedFor: run.waiting },
            text: `${database}: starts now; it waited: ${run.waiting.reason}`,
          };
        // A word that the next round of the watch undoes would be none.
        const least = now?.paused === true && now.setBy === LOAD_WATCH ? OVERRULE_MS : undefined;
        return answerPace(context, database, await client.resume(database, context.who, reason, forMs ?? least));
      }),
    );

/** A run without a worker has no pace that could be asked for; it is steered all the same. */
async function currentRun(client: HoldfastClient, database: string): Promise<BackupProgress | null> {
  try {
    return await client.progress(database);
  } catch (error) {
    if (isHoldfastError(error, 'RUN_NO_WORKER')) return null;
    throw error;
  }
}

/** One run is not let go on past a stop of all; without a catalogue there is no stop that anybody could know of. */
async function refuseWhileStopped(context: CliContext): Promise<void> {
  const stop = await context
    .catalog()
    .then((catalog) => catalog.standingStop())
    .catch(() => null);
  if (stop) throw cliError('CLI_EMERGENCY_STOP', '', { context: { by: stop.by, since: stop.since.toISOString() } });
}

interface PaceOptions {
  readonly for?: number;
  readonly maxRate?: number | 'none';
  readonly readers?: number | 'all';
  readonly reason: string;
}

export const backupPace: Verb = (parent, cli) =>
  parent
    .command('pace')
    .argument('[database]')
    .description('limit the running backup, or lift the limits')
    .option('--max-rate <rate>', 'bytes of table data per second, such as 20MB/s; none = no limit', rateArgument)
    .option('--readers <count>', 'parallel readers; all = as many as configured', readersArgument)
    .option('-r, --reason <text>', 'why', '')
    .option('--for <duration>', 'it ends by itself after this, such as 1h (it stands until resumed)', durationArgument)
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast backup pace shop --max-rate 20MB/s --for 1h\n  holdfast backup pace shop --max-rate 20MB/s --readers 1\n  holdfast backup pace shop --max-rate none --readers all',
    )
    .action(
      action<PaceOptions>(cli, 'operate', async (context, options, name?: string) => {
        const { name: database } = await context.databaseOrOnly(name);
        const client = await context.client();
        if (options.maxRate === undefined && options.readers === undefined) {
          throw cliError('CLI_USAGE', 'state --max-rate, --readers or both');
        }
        if (options.for !== undefined) await refuseWhileStopped(context);
        // What is not stated stays as it is.
        const now = (await client.progress(database))?.pace;
        const pace = await client.setPace(
          database,
          {
            maxBytesPerSecond: limit(options.maxRate, now?.maxBytesPerSecond),
            readers: limit(options.readers, now?.readers),
          },
          context.who,
          options.reason,
          options.for,
        );
        return answerPace(context, database, pace);
      }),
    );

/** What was asked for, else what is in force. */
function limit(asked: number | 'none' | 'all' | undefined, now: number | null | undefined): number | null {
  if (asked === undefined) return now ?? null;
  return typeof asked === 'number' ? asked : null;
}

export const backupCancel: Verb = (parent, cli) =>
  parent
    .command('cancel')
    .argument('[database]')
    .description('stop the running backup; what it has stored is found again by the next one')
    .option('-r, --reason <text>', 'why', '')
    .action(
      action<{ reason: string }>(cli, 'operate', async (context, { reason }, name?: string) => {
        const { name: database } = await context.databaseOrOnly(name);
        const { ui } = context;
        await confirmYes(ui, `Cancel the running backup of ${database}?`, context.options.yes === true);
        await (
          await context.client()
        ).cancel(database, reason === '' ? `cancelled by ${context.who}` : `${reason} (${context.who})`);
        return {
          data: { database, cancelled: true },
          text: `${database}: cancellation asked; the run cleans up and ends`,
        };
      }),
    );
