import { action, type Verb } from '../../command';
import { EXIT } from '../../exit-codes';
import { plural } from '../../output/format';
import { withSpinner } from '../../output/progress';
import { renderTable } from '../../output/table';
import { packageVersion } from '../../version';
import type { CliContext } from '../../context';
import { checkAccess } from './check-access';
import { checkDatabases } from './check-databases';
import {
  checkCatalog,
  checkCopyPolicy,
  checkDisk,
  checkKeys,
  checkReferences,
  checkStores,
  checkTemporal,
} from './check-services';
import { checkQuota } from './check-quota';
import { checkStoreLife } from './check-store-life';
import { examine, ok, type Finding } from './finding';

export const doctor: Verb = (parent, cli) =>
  parent
    .command('doctor')
    .description(
      'look at everything a backup needs: versions, privileges, clocks, disk, Temporal, stores, catalogue, keys',
    )
    .action(
      action(cli, 'operate', async (context) => {
        const config = await context.config();
        const findings = await withSpinner(context.ui, 'looking at everything', async () => {
          const groups = await Promise.all([
            examine('databases', () => checkDatabases(context)),
            examine('secrets', () => checkReferences(config)),
            examine('access', () => Promise.resolve(checkAccess(config, context.ui.now()))),
            examine('keys', () => checkKeys(context)),
            examine('stores', () => checkStores(context)),
            examine('policy', () => checkCopyPolicy(config)),
            examine('quota', () => checkQuota(context)),
            examine('store life', () => checkStoreLife(context)),
            examine('disk', () => checkDisk(config)),
            examine('catalogue', () => checkCatalog(context)),
            examine('temporal', () => checkTemporal(context)),
          ]);
          return [
            ok('holdfast', `${packageVersion()} on Node ${process.versions.node}, ${process.platform} ${process.arch}`),
            ...groups.flat(),
          ];
        });
        const failed = findings.filter((finding) => finding.status === 'fail').length;
        const warned = findings.filter((finding) => finding.status === 'warn').length;
        return {
          data: { ok: failed === 0, failed, warned, findings },
          text: render(context, findings, failed, warned),
          exitCode: failed === 0 ? EXIT.ok : EXIT.failed,
        };
      }),
    );

function render(context: CliContext, findings: readonly Finding[], failed: number, warned: number): string {
  const { colors } = context.ui;
  const mark = { ok: colors.green('ok'), warn: colors.yellow('warn'), fail: colors.red('fail') };
  const table = renderTable<Finding>(
    findings,
    [
      { title: '', get: (finding) => mark[finding.status] },
      { title: 'WHAT', get: (finding) => finding.area },
      {
        title: 'FOUND',
        get: (finding) =>
          finding.hint === null ? finding.detail : `${finding.detail} ${colors.cyan('→')} ${finding.hint}`,
      },
    ],
    colors.dim,
  );
  const summary =
    failed === 0 && warned === 0
      ? colors.green('everything is in order')
      : `${plural(failed, 'failure')}, ${plural(warned, 'warning')}`;
  return `${table}\n\n${summary}`;
}
