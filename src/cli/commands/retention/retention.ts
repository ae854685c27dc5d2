/** retention plan, apply. The plan is made here from the catalogue; deleting is the workflow's, which plans again. */
import { planFromCatalog } from '../../../catalog/retention-plan';
import type { BackupJob, Catalog } from '../../../catalog/types';
import type { DatabaseConfig } from '../../../config/schema';
import type { RetentionDecision, RetentionPlan } from '../../../domain/retention';
import { action, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { formatBytes, formatRelative, plural } from '../../output/format';
import { renderTable } from '../../output/table';

interface PlannedDatabase extends RetentionPlan {
  readonly database: string;
  readonly jobs: ReadonlyMap<string, BackupJob>;
}

async function planFor(catalog: Catalog, database: DatabaseConfig, now: Date): Promise<PlannedDatabase> {
  const { plan, jobs } = await planFromCatalog(catalog, database, now);
  return { ...plan, database: database.name, jobs: new Map(jobs.map((job) => [job.backupId, job])) };
}

async function planAll(context: CliContext, name: string | undefined): Promise<readonly PlannedDatabase[]> {
  const catalog = await context.catalog();
  const databases = name === undefined ? (await context.config()).databases : [await context.database(name)];
  return Promise.all(databases.map((database) => planFor(catalog, database, context.ui.now())));
}

export const retentionPlan: Verb = (parent, cli) =>
  parent
    .command('plan')
    .argument('[database]', 'only this database')
    .description('what would be kept and deleted now, with the reason for each backup; changes nothing')
    .action(
      action(cli, 'view', async (context, _options, name?: string) => {
        const plans = await planAll(context, name);
        return { data: plans.map(toData), text: plans.map((plan) => render(context, plan)).join('\n\n') };
      }),
    );

export const retentionApply: Verb = (parent, cli) =>
  parent
    .command('apply')
    .argument('[database]', 'only this database')
    .description('show the plan; with --confirm mark what it does not keep, and delete it after its grace')
    .option('--confirm', 'really mark and delete')
    .addHelpText(
      'after',
      '\nMarked backups can be taken back until their grace has passed: holdfast backup delete ID --undo',
    )
    .action(
      action<{ confirm?: boolean }>(cli, 'administer', async (context, options, name?: string) => {
        const plans = await planAll(context, name);
        const shown = plans.map((plan) => render(context, plan)).join('\n\n');
        if (!options.confirm) {
          return {
            data: { applied: false, plans: plans.map(toData) },
            text: `${shown}\n\nnothing was changed: pass --confirm to carry this out`,
          };
        }
        const client = await context.client();
        const runs: { database: string; workflowId: string; url: string | null }[] = [];
        for (const { database } of plans) {
          const { workflowId, runId } = await client.startRetention({
            database,
            confirm: true,
            requestedBy: context.who,
          });
          runs.push({ database, workflowId, url: client.webUiUrl(workflowId, runId) });
        }
        const started = runs.map((run) => `started ${run.url ?? run.workflowId}`).join('\n');
        return { data: { applied: true, plans: plans.map(toData), runs }, text: `${shown}\n\n${started}` };
      }),
    );

function toData(plan: PlannedDatabase) {
  const { database, refused, decisions } = plan;
  return { database, refused, decisions, freed: freedBytes(plan) };
}

/** Upper bound: segments that a kept backup shares stay. */
function freedBytes({ decisions, jobs }: PlannedDatabase): number {
  return expiring(decisions).reduce((sum, decision) => sum + (jobs.get(decision.backupId)?.fileSize ?? 0), 0);
}

const expiring = (decisions: readonly RetentionDecision[]) => decisions.filter((decision) => !decision.keep);

function render(context: CliContext, plan: PlannedDatabase): string {
  const { colors } = context.ui;
  const now = context.ui.now();
  if (plan.decisions.length === 0) return `${colors.bold(plan.database)}: no backups`;
  const table = renderTable<RetentionDecision>(
    plan.decisions,
    [
      { title: 'BACKUP', get: (decision) => decision.backupId },
      { title: 'AGE', get: ({ backupId }) => formatRelative(plan.jobs.get(backupId)?.startedAt, now) },
      { title: 'SEALED', align: 'right', get: ({ backupId }) => formatBytes(plan.jobs.get(backupId)?.fileSize) },
      { title: 'PLAN', get: (decision) => (decision.keep ? colors.green('keep') : colors.red('delete')) },
      { title: 'WHY', get: (decision) => decision.reasons.join('; ') },
    ],
    colors.dim,
  );
  const going = expiring(plan.decisions).length;
  const summary = `${colors.bold(plan.database)}: keeps ${plan.decisions.length - going}, deletes ${plural(going, 'backup')}, frees at most ${formatBytes(freedBytes(plan))}`;
  return [table, ...(plan.refused === null ? [] : [colors.red(plan.refused)]), summary].join('\n');
}
