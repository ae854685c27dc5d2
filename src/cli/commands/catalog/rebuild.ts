import type { RebuildReport } from '../../../catalog/rebuild';
import { toConnectionTarget } from '../../../config/secrets';
import { lifeOf } from '../../../domain/store-life';
import { action, type Answer, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { EXIT } from '../../exit-codes';
import { load } from '../../lazy';
import { formatShare, plural } from '../../output/format';
import { bar, createProgress } from '../../output/progress';
import type { StoreContents } from '../../store-contents';

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
      `
Run it for one store after another to learn of all copies. Holds, marks for deletion and the audit log are kept by no
store.`,
    )
    .action(action<RebuildOptions>(cli, 'administer', rebuild, { patient: true }));

async function rebuild(context: CliContext, options: RebuildOptions): Promise<Answer> {
  const config = await context.config();
  const [store, keys] = await Promise.all([context.store(options.store), context.keys()]);
  const target = await toConnectionTarget(config.catalog.connection, 'catalog');
  await load.migrate().migrate(target, config.catalog.schema);
  const catalog = await context.catalog();
  const { signal, ui } = context;
  const view = createProgress(ui);
  try {
    const contents = await load.storeContents().readStoreContents(store, keys, { ...options, signal });
    const total = contents.listed.length;
    const report = await load.rebuild().rebuildCatalog({
      catalog,
      store: options.store,
      inventories: contents.inventories(),
      proofs: contents.proofs(),
      signal,
      onProgress: ({ backups, proofs }) => {
        const share = total === 0 ? 1 : backups / total;
        const line = `${backups} of ${plural(total, 'manifest')}, ${plural(proofs, 'proof')}`;
        view.show({
          block: [`${bar(share, 28)} ${formatShare(share)}`, line],
          line,
          key: 'rebuild',
          data: { backups, total, proofs },
        });
      },
    });
    const { refused, refusedProofs } = contents;
    const retired = lifeOf(await catalog.storeLives(), options.store) === 'retired';
    await catalog.audit({
      actor: context.who,
      action: 'rebuild',
      database: options.database ?? null,
      details: {
        store: options.store,
        backups: report.backups,
        proofs: report.proofs,
        refused: refused.length,
        refusedProofs: refusedProofs.length,
      },
      at: ui.now(),
    });
    return {
      data: { store: options.store, retired, ...report, refused, refusedProofs },
      text: describe(options.store, report, contents, retired),
      exitCode: refused.length === 0 ? EXIT.ok : EXIT.proofFailed,
    };
  } finally {
    view.stop();
  }
}

function describe(
  store: string,
  report: RebuildReport,
  { refused, refusedProofs }: Pick<StoreContents, 'refused' | 'refusedProofs'>,
  retired: boolean,
): string {
  return [
    `${plural(report.backups, 'backup')} and ${plural(report.proofs, 'proof')} from ${store} are in the catalogue`,
    ...(report.orphanProofs > 0
      ? [`left out ${plural(report.orphanProofs, 'proof')} of backups that are not there`]
      : []),
    ...report.reappeared.map((backupId) => `${backupId} counts as deleted, but its manifest is there`),
    ...refused.map(({ backupId, code, message }) => `left out ${backupId}: ${code}: ${message}`),
    ...refusedProofs.map(
      (key) => `left out the proof ${key}: not signed by a key that is trusted, or about another copy`,
    ),
    ...(retired
      ? [`${store} is retired: its copies do not count (take it back with \`holdfast store add ${store}\`)`]
      : []),
  ].join('\n');
}
