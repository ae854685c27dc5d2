import { action, type Verb } from '../../command';
import { resolveBackup } from '../../resolve-backup';
import { plural } from '../../output/format';

interface HoldOptions {
  readonly holder?: string;
  readonly reason: string;
}

export const backupHold: Verb = (parent, cli) =>
  parent
    .command('hold')
    .argument('<backup>', 'backup id, part of one, or a database: its newest backup')
    .description('protect a backup from every deletion until its holder releases it')
    .requiredOption('-r, --reason <text>', 'why it must be kept')
    .option('--holder <name>', 'who holds it (you, unless stated)')
    .addHelpText('after', '\nExample:\n  holdfast backup hold shop --reason "audit 2026, ask legal" --holder legal')
    .action(
      action<HoldOptions>(cli, 'operate', async (context, options, text: string) => {
        const catalog = await context.catalog();
        const names = (await context.config()).databases.map((database) => database.name);
        const { backupId, database } = await resolveBackup(catalog, text, names, { completed: true });
        const holder = options.holder ?? context.who;
        const at = context.ui.now();
        const hold = await catalog.addHold({ backupId, database, holder, reason: options.reason, at });
        await catalog.audit({
          actor: context.who,
          action: 'hold',
          database,
          backupId,
          details: { holder, reason: options.reason },
          at,
        });
        return { data: hold, text: `${backupId} is on hold for ${holder}: ${options.reason}` };
      }),
    );

export const backupRelease: Verb = (parent, cli) =>
  parent
    .command('release')
    .argument('<backup>', 'backup id or part of one')
    .description('release the holds of one holder on a backup')
    .option('--holder <name>', 'whose holds (yours, unless stated)')
    .action(
      action<HoldOptions>(cli, 'administer', async (context, options, text: string) => {
        const catalog = await context.catalog();
        const names = (await context.config()).databases.map((database) => database.name);
        const { backupId, database } = await resolveBackup(catalog, text, names, { completed: true });
        const holder = options.holder ?? context.who;
        const at = context.ui.now();
        const released = await catalog.releaseHold(backupId, holder, at);
        if (released > 0)
          await catalog.audit({ actor: context.who, action: 'release', database, backupId, details: { holder }, at });
        const left = await catalog.holds({ backupId });
        const others = left.length === 0 ? '' : `; still held by ${left.map((hold) => hold.holder).join(', ')}`;
        return {
          data: { backupId, holder, released, remaining: left },
          text: `${plural(released, 'hold')} of ${holder} on ${backupId} released${others}`,
        };
      }),
    );
