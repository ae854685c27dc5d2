/** catalog audit. */
import { InvalidArgumentError } from 'commander';
import type { AuditEntry, AuditMark } from '../../../catalog/types';
import { cliError } from '../../../errors/cli';
import { countArgument } from '../../arguments';
import { action, type Verb } from '../../command';
import { formatTime } from '../../output/format';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';

export const catalogAudit: Verb = (parent, cli) =>
  parent
    .command('audit')
    .argument('[database]', 'only entries of this database')
    .description('who did what, newest first; checks that the chain of hashes is whole')
    .option(
      '--expect <seq:hash>',
      'a head that was noted before, of which nothing may have been changed or taken away',
      markArgument,
    )
    .option('-n, --limit <count>', 'at most this many', countArgument, 50)
    .action(
      action<{ limit: number; expect?: AuditMark }>(cli, 'view', async (context, options, database?: string) => {
        const catalog = await context.catalog();
        const broken = await catalog.auditVerify(options.expect);
        if (broken !== null) throw cliError('CLI_AUDIT_DAMAGED', '', { context: { entry: broken } });
        const head = await catalog.auditHead();
        const entries = await catalog.auditLog({
          limit: options.limit,
          ...(database === undefined ? {} : { database }),
        });
        const { dim } = context.ui.colors;
        const whole = head === null ? [] : ['', dim(`the chain is whole, its head ${head.seq}:${head.hash}`)];
        return {
          data: { chain: 'whole', head, entries },
          text: entries.length === 0 ? 'no entries' : [renderEntries(entries, dim), ...whole].join('\n'),
        };
      }),
    );

function renderEntries(entries: readonly AuditEntry[], dim: Palette['dim']): string {
  return renderTable<AuditEntry>(
    entries,
    [
      { title: '#', align: 'right', get: (entry) => String(entry.seq) },
      { title: 'WHEN', get: (entry) => formatTime(entry.at) },
      { title: 'WHO', get: (entry) => entry.actor },
      { title: 'DID', get: (entry) => entry.action },
      { title: 'DATABASE', get: (entry) => entry.database ?? '' },
      { title: 'BACKUP', get: (entry) => entry.backupId ?? '' },
      {
        title: 'DETAILS',
        get: (entry) =>
          Object.entries(entry.details)
            .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
            .join(' '),
      },
    ],
    dim,
  );
}

/** `120:<64 hexadecimal digits>`, as the command prints it. */
function markArgument(text: string): AuditMark {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined)
    throw new InvalidArgumentError('Write the head as this command prints it.');
  return { seq: Number(seq), hash };
}
