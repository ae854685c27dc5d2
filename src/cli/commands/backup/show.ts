import { pricesOf } from '../../../config/prices';
import { backupCosts, copyCost, type CopyCost } from '../../../domain/copy-cost';
import { moneyLabel, moneyText, type Money } from '../../../domain/money';
import type { BackupJob, Catalog, ComplianceRow, CopyRow, HoldRow } from '../../../catalog/types';
import { backupHistory, regressionIn } from '../../../catalog/load-figures';
import type { RegressionReport } from '../../../domain/load/regression';
import type { BackupProgress } from '../../../domain/progress';
import type { ProofRecord } from '../../../repository/types';
import { action, type Answer, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { EXIT } from '../../exit-codes';
import { followCurrent } from '../../follow-run';
import { formatBytes, formatCount, formatDuration, formatRelative, formatTime, NONE } from '../../output/format';
import { renderFacts, renderTable, type Column } from '../../output/table';
import { paintState, type Palette } from '../../output/ui';
import { resolveBackup } from '../../resolve-backup';
import { backupFrame } from '../../watch-backup';

interface Detail {
  readonly job: BackupJob;
  readonly copies: readonly CopyRow[];
  /** By store; stores without prices are absent. */
  readonly costs: ReadonlyMap<string, CopyCost>;
  readonly proofs: readonly ProofRecord[];
  readonly holds: readonly HoldRow[];
  readonly compliance: ComplianceRow | null;
  /** null: it did not finish, or is too old to be compared. */
  readonly regression: RegressionReport | null;
  readonly url: string | null;
  readonly progress: BackupProgress | null;
}

export const backupShow: Verb = (parent, cli) =>
  parent
    .command('show')
    .argument('[backup]', 'backup id, part of one, or a database: its newest backup')
    .description('everything about one backup: figures, copies, proofs, holds, the run')
    .option('-f, --follow', 'watch the run of that database until it ends')
    .addHelpText('after', '\nExamples:\n  holdfast backup show shop --follow\n  holdfast backup show 1a2b3c4d --json')
    .action(
      action<{ follow?: boolean }>(cli, 'view', async (context, options, given?: string): Promise<Answer> => {
        const names = (await context.config()).databases.map((database) => database.name);
        const text = given ?? (await context.databaseOrOnly(undefined)).name;
        let followed: BackupProgress | null = null;
        if (options.follow) {
          const database = names.includes(text)
            ? text
            : (await resolveBackup(await context.catalog(), text, names)).database;
          followed = await followCurrent(context, database);
        }
        const catalog = await context.catalog();
        const job = await resolveBackup(catalog, followed?.backupId ?? text, names);
        const detail = await readDetail(context, catalog, job);
        return {
          data: {
            ...detail.job,
            copies: detail.copies.map((copy) => ({ ...copy, cost: plainCost(detail.costs.get(copy.store)) })),
            cost: plainSums(detail.costs),
            proofs: detail.proofs,
            holds: detail.holds,
            compliance: detail.compliance,
            regression: detail.regression,
            url: detail.url,
            progress: detail.progress,
          },
          text: renderDetail(detail, context.ui.now(), context.ui.colors),
          ...(options.follow && job.status === 'failed' ? { exitCode: EXIT.failed } : {}),
        };
      }),
    );

async function readDetail(context: CliContext, catalog: Catalog, job: BackupJob): Promise<Detail> {
  const { backupId } = job;
  const [copies, proofs, holds, judged, costs, history] = await Promise.all([
    catalog.copies({ backupId }),
    catalog.proofs({ backupId }),
    catalog.holds({ backupId }),
    catalog.compliance({ backupId }),
    readCosts(context, catalog, job),
    backupHistory(catalog, job.database),
  ]);
  const compliance = judged[0] ?? null;
  const regression = regressionIn(history, backupId);
  if (job.workflowId === null)
    return { job, copies, costs, proofs, holds, compliance, regression, url: null, progress: null };
  // The catalogue answers without Temporal; the link and the live figures are extra.
  const client = await context.client().catch(() => null);
  const url = client?.webUiUrl(job.workflowId, job.runId ?? undefined) ?? null;
  const progress = job.status === 'running' ? ((await client?.progress(job.database).catch(() => null)) ?? null) : null;
  return { job, copies, costs, proofs, holds, compliance, regression, url, progress };
}

async function readCosts(
  context: CliContext,
  catalog: Catalog,
  job: BackupJob,
): Promise<ReadonlyMap<string, CopyCost>> {
  const { backupId } = job;
  const { stores } = await context.config();
  const priced = stores.flatMap((store) => {
    const prices = pricesOf(store);
    return prices === null ? [] : [{ store: store.name, prices }];
  });
  if (priced.length === 0) return new Map();
  const [copies, transfers] = await Promise.all([catalog.copies({ backupId }), catalog.transfers({ backupId })]);
  const bytes = job.fileSize ?? 0;
  return new Map(
    priced.flatMap(({ store, prices }) => {
      const copy = copies.find((one) => one.store === store);
      if (copy === undefined) return [];
      const facts = { bytes, newBytes: Math.min(bytes, job.uploadedBytes ?? bytes), objects: (job.segments ?? 0) + 1 };
      const here = transfers.filter((one) => one.store === store);
      return [[store, copyCost(prices, { ...facts, state: copy.state, transfers: here })] as const];
    }),
  );
}

const plainMoney = (money: Money) => ({ amount: moneyText(money), currency: money.currency });
function plainCost(cost: CopyCost | undefined) {
  if (cost === undefined) return null;
  const { perMonth, spent, readBack } = cost;
  return { perMonth: plainMoney(perMonth), spent: plainMoney(spent), readBack: readBack && plainMoney(readBack) };
}
function plainSums(costs: Detail['costs']) {
  const { perMonth, spent } = backupCosts([...costs.values()]);
  return { perMonth: perMonth.map(plainMoney), spent: spent.map(plainMoney) };
}

function costText(costs: Detail['costs']): string | null {
  if (costs.size === 0) return null;
  const { perMonth, spent } = backupCosts([...costs.values()]);
  const sum = (amounts: readonly Money[]) => amounts.map(moneyLabel).join(' + ');
  return `${sum(perMonth)} a month for what it brought, ${sum(spent)} spent on requests and egress so far`;
}

function costColumns(costs: Detail['costs']): Column<CopyRow>[] {
  const label = (pick: (cost: CopyCost) => Money | null) => (copy: CopyRow) => {
    const cost = costs.get(copy.store);
    const money = cost === undefined ? null : pick(cost);
    return money === null ? NONE : moneyLabel(money);
  };
  return [
    { title: 'A MONTH', align: 'right', get: label(({ perMonth }) => perMonth) },
    { title: 'SPENT', align: 'right', get: label(({ spent }) => spent) },
    { title: 'A RESTORE', align: 'right', get: label(({ readBack }) => readBack) },
  ];
}

function renderDetail(
  { job, copies, costs, proofs, holds, compliance, regression, url, progress }: Detail,
  now: Date,
  colors: Palette,
): string {
  const took = job.completedAt === null ? null : job.completedAt.getTime() - job.startedAt.getTime();
  const rto = proofs.find((proof) => proof.restoreMs !== null)?.restoreMs ?? null;
  const parts = [
    renderFacts(
      [
        ['backup', colors.bold(job.backupId)],
        ['database', `${job.database} (${job.engine})`],
        ['type', job.backupType + (job.basedOn === null ? '' : `, reuses ${job.basedOn}`)],
        ['status', paintState(job.status, colors)],
        ['proof', job.verificationStatus === null ? 'none yet' : paintState(job.verificationStatus, colors)],
        ['policy', compliance === null ? null : policyText(compliance, colors)],
        ['started', `${formatTime(job.startedAt)} (${formatRelative(job.startedAt, now)})`],
        ['took', took === null ? null : formatDuration(took)],
        [
          'unusual',
          regression === null || regression.flags.length === 0
            ? null
            : colors.yellow(regression.flags.map(({ text }) => text).join('; ')),
        ],
        ['rows', formatCount(job.rows)],
        [
          'size',
          `${formatBytes(job.plainBytes)} → ${formatBytes(job.fileSize)} sealed in ${formatCount(job.segments)} segments`,
        ],
        ['sent', `${formatBytes(job.uploadedBytes)}, reused ${formatBytes(job.reusedBytes)}`],
        ['cost', costText(costs)],
        ['restore takes', rto === null ? null : `${formatDuration(rto)} (measured)`],
        ['location', job.location],
        ['error', job.errorCode === null ? null : colors.red(`${job.errorCode}: ${job.errorMessage ?? ''}`)],
        [
          'to be deleted',
          job.tombstonedAt === null ? null : `since ${formatTime(job.tombstonedAt)}: ${job.tombstoneReason ?? ''}`,
        ],
        ['deleted', job.deletedAt === null ? null : formatTime(job.deletedAt)],
        ['run', url ?? job.workflowId],
      ],
      colors.dim,
    ),
  ];
  if (copies.length > 0) {
    parts.push(
      renderTable<CopyRow>(
        copies,
        [
          { title: 'COPY', get: (copy) => copy.store },
          { title: 'STATE', get: (copy) => paintState(copy.state, colors) },
          { title: 'PROOF', get: (copy) => (copy.grade === null ? NONE : paintState(copy.grade, colors)) },
          { title: 'PROVED', get: (copy) => formatRelative(copy.provedAt, now) },
          ...(costs.size > 0 ? costColumns(costs) : []),
          { title: 'DETAIL', get: (copy) => copy.detail ?? '' },
        ],
        colors.dim,
      ),
    );
  }
  if (proofs.length > 0) parts.push(renderProofs(proofs, colors));
  if (holds.length > 0) {
    parts.push(
      renderTable<HoldRow>(
        holds,
        [
          { title: 'HOLD', get: (hold) => colors.magenta(hold.holder) },
          { title: 'SINCE', get: (hold) => formatTime(hold.createdAt) },
          { title: 'REASON', get: (hold) => hold.reason },
        ],
        colors.dim,
      ),
    );
  }
  if (progress !== null) parts.push(backupFrame(progress, colors).block.slice(1).join('\n'));
  return parts.join('\n\n');
}

function policyText({ state, proved, compliant, missing, at }: ComplianceRow, colors: Palette): string {
  const copies = `${state} copies, ${proved} proved`;
  if (compliant) return `${colors.green('met')}: ${copies} (since ${formatTime(at)})`;
  return `${colors.yellow('not met')}: ${copies}; ${missing.map(({ sentence }) => sentence).join(', ')} (since ${formatTime(at)})`;
}

function renderProofs(proofs: readonly ProofRecord[], colors: Palette): string {
  return renderTable<ProofRecord>(
    proofs,
    [
      { title: 'PROOF AT', get: (proof) => proof.store },
      { title: 'ASKED', get: (proof) => proof.asked },
      {
        title: 'REACHED',
        get: (proof) => (proof.grade === null ? colors.red('none') : paintState(proof.grade, colors)),
      },
      { title: 'WHEN', get: (proof) => formatTime(proof.startedAt) },
      { title: 'TOOK', align: 'right', get: (proof) => formatDuration(proof.durationMs) },
      { title: 'RESTORE', align: 'right', get: (proof) => formatDuration(proof.restoreMs) },
      {
        title: 'COMPARED',
        get: ({ compared }) =>
          `${formatCount(compared.objects)} objects, ${formatCount(compared.tables)} tables, ${formatCount(compared.rows)} rows, ${formatCount(compared.segments)} segments, ${formatCount(compared.assertions)} assertions`,
      },
      {
        title: 'FAILURE',
        get: ({ failure }) =>
          failure === null ? '' : colors.red(`${failure.class} ${failure.code}: ${failure.message}`),
      },
    ],
    colors.dim,
  );
}
