/** report compliance: how long each database met its copy policy, when it did not, and why. */
import { complianceFacts } from '../../../config/compliance-facts';
import { complianceReport, type ComplianceReport, type ComplianceSpan } from '../../../domain/compliance-report';
import { timeArgument } from '../../arguments';
import { action, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { formatDuration, formatTime, NONE, plural } from '../../output/format';
import { renderTable } from '../../output/table';

interface ReportOptions {
  readonly database?: string;
  readonly since?: Date;
}
interface DatabaseReport extends ComplianceReport {
  readonly database: string;
  /** False: no copy policy holds for it. */
  readonly held: boolean;
}

const DEFAULT_SINCE = '30d';
/** Spans that are printed; `--json` has them all. */
const SHOWN = 20;

export const reportCompliance: Verb = (parent, cli) =>
  parent
    .command('compliance')
    .description('the share of time in which the newest backup had the copies that the policy wants, when not, and why')
    .option('-d, --database <name>', 'only this database')
    .option('--since <time>', `ISO time, or a span back from now (${DEFAULT_SINCE} unless stated)`, (text: string) =>
      timeArgument(text),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast report compliance --since 90d\n  holdfast report compliance -d shop --json',
    )
    .action(
      action<ReportOptions>(cli, 'view', async (context, options) => {
        const to = context.ui.now();
        const from = options.since ?? timeArgument(DEFAULT_SINCE, to);
        const reports = await readReports(context, options.database, from, to);
        return {
          data: { from, to, databases: reports },
          text: reports.map((one) => render(context, one)).join('\n\n'),
        };
      }),
    );

async function readReports(
  context: CliContext,
  name: string | undefined,
  from: Date,
  to: Date,
): Promise<readonly DatabaseReport[]> {
  const config = await context.config();
  const databases = name === undefined ? config.databases : [await context.database(name)];
  const catalog = await context.catalog();
  return Promise.all(
    databases.map(async ({ name: database }) => {
      const [backups, changes] = await Promise.all([
        catalog.jobs({ database, status: 'completed', includeDeleted: true }),
        catalog.complianceHistory({ database }),
      ]);
      const held = complianceFacts(config, database).policy !== null;
      return { database, held, ...complianceReport({ backups, changes, from, to }) };
    }),
  );
}

function render(context: CliContext, report: DatabaseReport): string {
  const { colors } = context.ui;
  const name = colors.bold(report.database);
  if (report.share === null)
    return `${name}: ${report.held ? 'no backup was judged in this time' : 'no copy policy holds for it'}`;
  const percent = `${(Math.floor(report.share * 10_000) / 100).toFixed(2)} %`;
  const share = report.share === 1 ? colors.green(percent) : colors.yellow(percent);
  const head = `${name}: ${share} of ${formatDuration(report.knownMs)} compliant`;
  const broken = report.spans.filter(({ compliant }) => compliant === false);
  if (broken.length === 0) return head;
  const shown = broken.slice(-SHOWN);
  const table = renderTable<ComplianceSpan>(
    shown,
    [
      { title: 'NOT FROM', get: (span) => formatTime(span.from) },
      { title: 'FOR', align: 'right', get: (span) => formatDuration(span.to.getTime() - span.from.getTime()) },
      { title: 'STATE', get: (span) => span.state ?? NONE },
      { title: 'BACKUP', get: (span) => span.backupId ?? NONE },
      {
        title: 'WHY',
        get: (span) => span.missing.map(({ sentence }) => sentence).join(', ') || 'there was no backup any more',
      },
    ],
    colors.dim,
  );
  const older = broken.length - shown.length;
  return [head, ...(older > 0 ? [colors.dim(`${plural(older, 'older span')} left out`)] : []), table].join('\n');
}
