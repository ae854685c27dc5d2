import { toConnectionTarget } from '../../../config/secrets';
import { action, type Verb } from '../../command';
import { EXIT } from '../../exit-codes';
import { load } from '../../lazy';
import { formatShare, plural } from '../../output/format';
import { bar, createProgress } from '../../output/progress';
import type { RebuildResult } from '../../rebuild-catalog';

interface RebuildOptions {
  readonly store: string;
  readonly database?: string;
}

export const catalogRebuild: Verb = (parent, cli) =>
  parent
    .command('rebuild')
    .description('make the catalogue again from the signed manifests and proofs at one store; rows that are there stay')
    .requiredOption('-s, --store <name>', 'the store to read')
    .option('-d, --database <name>', 'only this database')
    .addHelpText(
      'after',
      '\nRun it for one store after another to learn of all copies. Holds and the audit log are kept by no store.',
    )
    .action(
      action<RebuildOptions>(
        cli,
        async (context, options) => {
          const config = await context.config();
          const store = await context.store(options.store);
          const target = await toConnectionTarget(config.catalog.connection, 'catalog');
          await load.migrate().migrate(target, config.catalog.schema);
          const view = createProgress(context.ui);
          try {
            const result = await load.rebuild().rebuildCatalog({
              store,
              catalog: await context.catalog(),
              keys: await context.keys(),
              ...(options.database === undefined ? {} : { database: options.database }),
              who: context.who,
              signal: context.signal,
              onProgress: (done, total, backupId) =>
                view.show({
                  block: [`${bar(done / total, 28)} ${formatShare(done / total)} ${backupId}`],
                  line: `reading manifests at ${options.store}: ${done} of ${total}`,
                  key: 'rebuild',
                  data: { done, total, backupId },
                }),
            });
            return {
              data: result,
              text: describe(result),
              exitCode: result.refused.length === 0 ? EXIT.ok : EXIT.proofFailed,
            };
          } finally {
            view.stop();
          }
        },
        { patient: true },
      ),
    );

function describe({ store, backups, proofs, refused }: RebuildResult): string {
  return [
    `${plural(backups, 'backup')} and ${plural(proofs, 'proof')} from ${store} are in the catalogue`,
    ...refused.map(({ backupId, code, message }) => `left out ${backupId}: ${code}: ${message}`),
  ].join('\n');
}
