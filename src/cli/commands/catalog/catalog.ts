/** catalog audit. */
import type { AuditEntry } from '../../../catalog/types';
import { cliError } from '../../../errors/cli';
import { countArgument } from '../../arguments';
import { action, type Verb } from '../../command';
import { formatTime } from '../../output/format';
import { renderTable } from '../../output/table';

export const catalogAudit: Verb = (parent, cli) =>
  parent
    .command('audit')
    .argument('[database]', 'only entries of this database')
    .description('who did what, newest first; checks that the chain of hashes is whole')
    .option('-n, --limit <count>', 'at most this many', countArgument, 50)
    .action(
      action<{ limit: number }>(cli, 'view', async (context, options, database?: string) => {
        const catalog = await context.catalog();
        const broken = await catalog.auditVerify();
        if (broken !== null) throw cliError('CLI_AUDIT_DAMAGED', '', { context: { entry: broken } });
        const entries = await catalog.auditLog({
          limit: options.limit,
          ...(database === undefined ? {} : { database }),
        });
        return {
          data: { chain: 'whole', entries },
          text:
            entries.length === 0
              ? 'the audit log is empty'
              : renderTable<AuditEntry>(
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
                  context.ui.colors.dim,
                ),
        };
      }),
    );
