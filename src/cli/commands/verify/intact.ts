/** verify --intact: reads objects at one store or all of them again, and heals what is damaged. */
import { InvalidArgumentError } from 'commander';
import { BUCKETS, bucketsText, type AskedShare } from '../../../domain/intact-plan';
import { estimateText, measuredText } from '../../../domain/reading';
import type { IntactResult, StoreShareResult } from '../../../domain/verification-runs';
import type { Answer } from '../../command';
import type { CliContext } from '../../context';
import { EXIT } from '../../exit-codes';
import { followActivity } from '../../follow-run';
import { formatShare, plural } from '../../output/format';
import { renderTable } from '../../output/table';
import { whenPlanned } from './when-planned';

/** `due`, `all`, or a part such as `1/8`. */
export function shareArgument(text: string): AskedShare {
  if (text === 'due' || text === 'all') return text;
  const match = /^(\d{1,3})\/(\d{1,3})$/.exec(text);
  const part = match ? Number(match[1]) / Number(match[2]) : Number.NaN;
  if (!(part > 0 && part <= 1)) throw new InvalidArgumentError('Write due, all, or a part such as 1/8.');
  return { part };
}

export async function readIntact(
  context: CliContext,
  request: {
    readonly database: string;
    readonly stores: readonly string[];
    readonly share: AskedShare;
    readonly wait: boolean;
  },
): Promise<Answer> {
  const { database, stores, share } = request;
  const client = await context.client();
  const { workflowId, runId } = await client.startIntact({ database, stores, share, requestedBy: context.who });
  const url = client.webUiUrl(workflowId, runId);
  if (!request.wait) return { data: { database, workflowId, runId, url }, text: `started ${url ?? workflowId}` };
  const result = client.intactResult(workflowId);
  const plan = await whenPlanned(context, () => client.intactPlan(workflowId), result);
  for (const { store, from, to, estimate, why } of plan?.shares ?? [])
    context.ui.note(`${store}: ${from < to ? `reads ${estimateText(estimate)} (${why})` : why}`);
  return answerOf(context, await followActivity(context, `reading ${database} again`, workflowId, result));
}

function answerOf(context: CliContext, result: IntactResult): Answer {
  const { colors } = context.ui;
  const count = (value: number | undefined) => (value ? colors.red(String(value)) : '0');
  const table = renderTable<StoreShareResult>(
    result.shares,
    [
      { title: 'STORE', get: ({ store }) => colors.bold(store) },
      { title: 'PARTS', get: ({ share }) => bucketsText(share.from, share.to) },
      {
        title: 'READ',
        get: ({ measured, error, share }) =>
          error !== null ? colors.red(error.code) : measured === null ? share.why : measuredText(measured),
      },
      {
        title: 'CYCLE',
        align: 'right',
        get: ({ read, share }) => formatShare((read?.nextBucket ?? share.to) / BUCKETS),
      },
      { title: 'MISSING', align: 'right', get: ({ read }) => count(read?.missingObjects) },
      { title: 'DAMAGED', align: 'right', get: ({ read }) => count(read?.damagedObjects) },
    ],
    colors.dim,
  );
  const failed = result.healed.filter(({ failure }) => failure !== null);
  const unread = result.shares.filter(({ error }) => error !== null);
  const lines = [
    ...unread.map(({ store, error }) => `${store}: ${error!.message}`),
    ...result.away.map(({ store, reason }) => `${store} cannot be read now: ${reason}`),
    ...result.healed.map(({ store, backupId, state, grade, copiedObjects, failure }) =>
      failure === null
        ? `${backupId} at ${store}: ${plural(copiedObjects, 'object')} replaced, ${state} ${colors.green(grade ?? '')}`
        : colors.red(`${backupId} at ${store} is not healed and proved: ${failure.code} ${failure.message}`),
    ),
    ...(result.postponed > 0
      ? [`${plural(result.postponed, 'damaged copy', 'damaged copies')} left for the next run`]
      : []),
  ];
  return {
    data: result,
    text: [table, ...lines].join('\n'),
    exitCode:
      failed.length + result.postponed > 0
        ? EXIT.proofFailed
        : unread.length + result.away.length > 0
          ? EXIT.unreachable
          : EXIT.ok,
  };
}
