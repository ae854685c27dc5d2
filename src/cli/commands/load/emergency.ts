/** emergency-stop, emergency-resume: all backups of all databases stand still until somebody takes it back. */
import type { EmergencyStopRow } from '../../../catalog/load-types';
import type { HoldfastClient } from '../../../client/types';
import type { BackupProgress } from '../../../domain/progress';
import { isHoldfastError } from '../../../errors/holdfast-error';
import { orchestrationError } from '../../../errors/orchestration';
import { action, type Verb } from '../../command';
import { confirmYes } from '../../confirm';
import type { CliContext } from '../../context';
import { reportError } from '../../output/errors';
import { EXIT } from '../../exit-codes';
import { formatRelative } from '../../output/format';
import { withSpinner } from '../../output/progress';

/** How the reason of a pace begins that an emergency stop has set. */
const EMERGENCY = 'emergency stop';

/** What became of the running backup of one database. */
interface Told {
  readonly database: string;
  readonly outcome: 'told' | 'not-running' | 'failed';
  readonly detail: string | null;
}

export const emergencyStop: Verb = (parent, cli) =>
  parent
    .command('emergency-stop')
    .description('pause every running backup, and let no further one start, until emergency-resume')
    .option('-r, --reason <text>', 'why, for those who look at it', '')
    .addHelpText(
      'after',
      '\nSchedules start nothing while it stands. Proofs are given up and begun again afterwards; restores go on.\n\nExamples:\n  holdfast emergency-stop --reason "the site is down" --yes',
    )
    .action(
      action<{ reason: string }>(cli, 'operate', async (context, { reason }) => {
        await confirmYes(context.ui, 'Pause all backups of all databases?', context.options.yes === true);
        const { who } = context;
        const at = context.ui.now();
        // The row first: from then on none starts, whatever becomes of the signals.
        const row = await setStop(context, { by: who, why: reason, at });
        const told = await tellAll(context, (client, database) =>
          client.pause(database, who, `${EMERGENCY}: ${reason || 'no reason given'}`),
        );
        const lines = told.map((one) => lineOf(one, 'paused'));
        if ('error' in row) {
          // Who stops everything in need is helped with what can be done: what runs stands still.
          const { code, message, hint, exitCode } = reportError(row.error);
          const head = `the stop could not be set, so backups may start again: ${code}: ${message}`;
          const data = { stop: null, error: { code, message, hint }, runs: told };
          return { data, text: [context.ui.colors.red(head), ...lines, `hint: ${hint}`].join('\n'), exitCode };
        }
        const { stop } = row;
        const audited = await record(context, { action: 'emergency.stop', details: { reason, stop: stop.id }, at });
        const standing = stop.by === who && stop.since.getTime() === at.getTime();
        const head = standing
          ? 'emergency stop: no backup starts until `holdfast emergency-resume`'
          : `an emergency stop of ${stop.by} stands already (${formatRelative(stop.since, at)}): ${stop.why || 'no reason given'}`;
        return {
          data: { stop, runs: told, audited },
          text: [head, ...lines, ...lackOf(audited)].join('\n'),
          exitCode: exitOf(told),
        };
      }),
    );

export const emergencyResume: Verb = (parent, cli) =>
  parent
    .command('emergency-resume')
    .description('take the emergency stop back: running backups go on, and others may start')
    .option('-r, --reason <text>', 'why', '')
    .action(
      action<{ reason: string }>(cli, 'operate', async (context, { reason }) => {
        await confirmYes(context.ui, 'Let all backups go on?', context.options.yes === true);
        const { who } = context;
        const at = context.ui.now();
        const catalog = await context.catalog();
        const stop = await catalog.endStop({ by: who, why: reason, at });
        const told = await tellAll(context, async (client, database) => {
          // Without a stop only what one has left behind: its resume was cut short, or it could not be set on record.
          const now = stop === null ? await client.progress(database) : null;
          if (stop === null && (now === null || !isLeftBehind(now))) throw orchestrationError('RUN_NOT_ACTIVE');
          return client.resume(database, who, `the emergency stop is over: ${reason || 'no reason given'}`);
        });
        const lines = told.map((one) => lineOf(one, 'goes on'));
        if (stop === null) {
          const left = told.filter(({ outcome }) => outcome !== 'not-running');
          const text = ['no emergency stop stands', ...left.map((one) => lineOf(one, 'goes on'))].join('\n');
          return { data: { stop: null, runs: left }, text, exitCode: exitOf(left) };
        }
        const audited = await record(context, { action: 'emergency.resume', details: { reason, stop: stop.id }, at });
        const head = `the emergency stop of ${stop.by} (${formatRelative(stop.since, at)}) is taken back`;
        return {
          data: { stop, runs: told, audited },
          text: [head, ...lines, ...lackOf(audited)].join('\n'),
          exitCode: exitOf(told),
        };
      }),
    );

async function setStop(
  context: CliContext,
  stop: { readonly by: string; readonly why: string; readonly at: Date },
): Promise<{ readonly stop: EmergencyStopRow } | { readonly error: unknown }> {
  try {
    return { stop: await (await context.catalog()).stopAll(stop) };
  } catch (error) {
    return { error };
  }
}

/** After the runs are told: what the log lacks, the stop's own row still says. */
async function record(
  context: CliContext,
  entry: { readonly action: string; readonly details: Record<string, unknown>; readonly at: Date },
): Promise<boolean> {
  const catalog = await context.catalog();
  return catalog.audit({ actor: context.who, ...entry }).then(
    () => true,
    () => false,
  );
}

/** A run that could not be told goes on as it was: nobody may take that for done. */
const exitOf = (told: readonly Told[]) => (told.some(({ outcome }) => outcome === 'failed') ? EXIT.failed : EXIT.ok);

const lackOf = (audited: boolean) => (audited ? [] : ['  it could not be put on the audit log']);

/** Whether the run stands still, or waits for its start, by the word of an emergency stop. Pure. */
export const isLeftBehind = ({ pace, waiting }: Pick<BackupProgress, 'pace' | 'waiting'>): boolean =>
  waiting?.for === 'stop' || (pace.paused && pace.reason.startsWith(EMERGENCY));

/** All at once, and one that cannot be told holds the others up no longer than its own timeout. */
async function tellAll(
  context: CliContext,
  tell: (client: HoldfastClient, database: string) => Promise<unknown>,
): Promise<readonly Told[]> {
  const { databases } = await context.config();
  return withSpinner(context.ui, 'telling the running backups', async () => {
    // Whoever keeps the places sees it within a minute without this, so the runs do not wait for it.
    const looked = context
      .client()
      .then((client) => client.lookAtHeavyWork())
      .catch(() => undefined);
    const told = await Promise.all(
      databases.map(async ({ name: database }): Promise<Told> => {
        try {
          // Opened once for all; where Temporal does not answer each is told so.
          await tell(await context.client(), database);
          return { database, outcome: 'told', detail: null };
        } catch (error) {
          if (isHoldfastError(error, 'RUN_NOT_ACTIVE')) return { database, outcome: 'not-running', detail: null };
          return { database, outcome: 'failed', detail: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
    await looked;
    return told;
  });
}

function lineOf({ database, outcome, detail }: Told, done: string): string {
  if (outcome === 'told') return `  ${database}: ${done}`;
  return `  ${database}: ${outcome === 'not-running' ? 'no backup runs' : `could not be told: ${detail}`}`;
}
