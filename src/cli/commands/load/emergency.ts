/** emergency-stop, emergency-resume: all backups of all databases stand still until somebody takes it back. */
import type { HoldfastClient } from '../../../client/types';
import { isHoldfastError } from '../../../errors/holdfast-error';
import { action, type Verb } from '../../command';
import { confirmYes } from '../../confirm';
import type { CliContext } from '../../context';
import { formatRelative } from '../../output/format';
import { withSpinner } from '../../output/progress';

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
        const catalog = await context.catalog();
        // The row first: from then on none starts, whatever becomes of the signals.
        const stop = await catalog.stopAll({ by: who, why: reason, at });
        await catalog.audit({ actor: who, action: 'emergency.stop', details: { reason, stop: stop.id }, at });
        const told = await tellAll(context, (client, database) =>
          client.pause(database, who, `emergency stop: ${reason || 'no reason given'}`),
        );
        const standing = stop.by === who && stop.since.getTime() === at.getTime();
        const head = standing
          ? 'emergency stop: no backup starts until `holdfast emergency-resume`'
          : `an emergency stop of ${stop.by} stands already (${formatRelative(stop.since, at)}): ${stop.why || 'no reason given'}`;
        return { data: { stop, runs: told }, text: [head, ...told.map((one) => lineOf(one, 'paused'))].join('\n') };
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
        if (stop === null) return { data: { stop: null, runs: [] }, text: 'no emergency stop stands' };
        await catalog.audit({ actor: who, action: 'emergency.resume', details: { reason, stop: stop.id }, at });
        const told = await tellAll(context, (client, database) =>
          client.resume(database, who, `the emergency stop is over: ${reason || 'no reason given'}`),
        );
        const head = `the emergency stop of ${stop.by} (${formatRelative(stop.since, at)}) is taken back`;
        return { data: { stop, runs: told }, text: [head, ...told.map((one) => lineOf(one, 'goes on'))].join('\n') };
      }),
    );

/** All at once, and one that cannot be told holds the others up no longer than its own timeout. */
async function tellAll(
  context: CliContext,
  tell: (client: HoldfastClient, database: string) => Promise<unknown>,
): Promise<readonly Told[]> {
  const client = await context.client();
  const { databases } = await context.config();
  // Whoever keeps the places sees it within a minute without this.
  await client.lookAtHeavyWork().catch(() => undefined);
  return withSpinner(context.ui, 'telling the running backups', () =>
    Promise.all(
      databases.map(async ({ name: database }): Promise<Told> => {
        try {
          await tell(client, database);
          return { database, outcome: 'told', detail: null };
        } catch (error) {
          if (isHoldfastError(error, 'RUN_NOT_ACTIVE')) return { database, outcome: 'not-running', detail: null };
          return { database, outcome: 'failed', detail: error instanceof Error ? error.message : String(error) };
        }
      }),
    ),
  );
}

function lineOf({ database, outcome, detail }: Told, done: string): string {
  if (outcome === 'told') return `  ${database}: ${done}`;
  return `  ${database}: ${outcome === 'not-running' ? 'no backup runs' : `could not be told: ${detail}`}`;
}
