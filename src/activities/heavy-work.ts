/** Asking for a place among the heavy work of all workers, and finding out who still does some. */
import { Context, getClient } from '@temporalio/activity';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { heavyWorkIdFor, PLACE_QUERY, SIGNAL } from '../domain/messages';
import type { AskMessage, AskRef, HeavyAsk, HeldPlace, OwnPlace } from '../domain/load/places';
import { standingText } from '../domain/load/override';
import type { Priority } from '../domain/load/rules';
import { isHoldfastError } from '../errors/holdfast-error';
import { orchestrationError } from '../errors/orchestration';
import type { ActivityDeps } from './deps';
import { inTime } from './in-time';
import type { HeavyLook } from './load-types';
import type { HoldfastActivities } from './types';

type HeavyDeps = Pick<ActivityDeps, 'load' | 'catalog' | 'timing'>;

/** A catalogue, or a run, that answers later than this is not waited for. */
const PATIENCE_MS = 3_000;
/** A restore is not held up by a keeper of places that says nothing. */
const RESTORE_PATIENCE_MS = 15_000;
/** Runs that are looked at in one go. */
const AT_ONCE = 10;
const MOST_RUNS = 500;
const HEAVY_TYPES = ['backup', 'verifyCopy', 'restore'];

export function createHeavyWorkActivities(deps: HeavyDeps): Pick<HoldfastActivities, 'askTurn' | 'lookAtHeavyWork'> {
  return {
    async askTurn({ kind, database, askedAt }) {
      const { workflowExecution, taskQueue } = Context.current().info;
      const { workflowId: id, runId } = workflowExecution!;
      const { askAgainMs, placePatienceMs, lookAtPlacesMs } = deps.timing;
      const ask: HeavyAsk = { id, runId, kind, database, priority: priorityOf(deps, database), askedAt };
      const message: AskMessage = { ask, atMost: deps.load.heavy, ...(await stopKnown(deps)), lookMs: lookAtPlacesMs };
      await getClient().workflow.signalWithStart('heavyWork', {
        workflowId: heavyWorkIdFor(taskQueue),
        taskQueue,
        args: [{}],
        signal: SIGNAL.ask,
        signalArgs: [message],
        staticSummary: 'Whose turn it is to do heavy work',
        staticDetails:
          'Backups, proofs and restores ask here for a place. Ending this run loses nothing: those who wait ask again.',
      });
      const patienceMs = kind === 'restore' ? Math.min(RESTORE_PATIENCE_MS, placePatienceMs) : placePatienceMs;
      return { ask, againMs: Math.min(askAgainMs, patienceMs), patienceMs };
    },

    async lookAtHeavyWork({ runs, fresh }) {
      const client = getClient();
      const over = await inGroups(runs, async (run) => ((await isOver(client, run)) ? [run] : []));
      const { taskQueue } = Context.current().info;
      const found = fresh ? await findPlaces(client, taskQueue, runs) : { running: [], waiting: [] };
      return { ended: over, found, ...(await stopKnown(deps)) };
    },
  };
}

/** A database that left the configuration is restored all the same. */
function priorityOf({ load }: HeavyDeps, database: string): Priority {
  try {
    return load.rulesOf(database).priority;
  } catch (error) {
    if (isHoldfastError(error, 'RUN_DATABASE_UNKNOWN')) return 'normal';
    throw error;
  }
}

/** Without a word where the catalogue has none in time: what was known stays. */
async function stopKnown(deps: HeavyDeps): Promise<Pick<HeavyLook, 'stop'>> {
  const asked = deps.catalog().then((catalog) => catalog.standingStop());
  try {
    const stop = await inTime(asked, PATIENCE_MS, () => orchestrationError('RUN_RECORD_LATE'));
    return { stop: stop && standingText(stop) };
  } catch {
    return {};
  }
}

/** False when that cannot be found out: nobody loses a place for that. */
async function isOver(client: Client, { id, runId }: Pick<AskRef, 'id' | 'runId'>): Promise<boolean> {
  try {
    const run = await client.withDeadline(Date.now() + PATIENCE_MS, () =>
      client.workflow.getHandle(id, runId).describe(),
    );
    return run.status.name !== 'RUNNING';
  } catch (error) {
    return error instanceof WorkflowNotFoundError;
  }
}

/** What is known was lost: the runs themselves say whether they hold a place or wait for one. */
async function findPlaces(
  client: Client,
  taskQueue: string,
  known: readonly Pick<AskRef, 'runId'>[],
): Promise<HeavyLook['found']> {
  const types = HEAVY_TYPES.map((type) => `"${type}"`).join(', ');
  const query = `TaskQueue = "${taskQueue}" AND WorkflowType IN (${types}) AND ExecutionStatus = "Running"`;
  const open: { readonly id: string; readonly runId: string }[] = [];
  for await (const { workflowId: id, runId } of client.workflow.list({ query, pageSize: MOST_RUNS })) {
    if (!known.some((one) => one.runId === runId)) open.push({ id, runId });
    if (open.length >= MOST_RUNS) break;
  }
  const places = await inGroups(open, async ({ id, runId }) => {
    const answer = await client
      .withDeadline(Date.now() + PATIENCE_MS, () => client.workflow.getHandle(id, runId).query<OwnPlace>(PLACE_QUERY))
      .catch(() => null);
    return answer?.ask ? [{ state: answer.state, ask: answer.ask }] : [];
  });
  const since = Date.now();
  return {
    running: places.flatMap(({ state, ask }): HeldPlace[] => (state === 'holds' ? [{ ...ask, since }] : [])),
    waiting: places.flatMap(({ state, ask }) => (state === 'waits' ? [ask] : [])),
  };
}

async function inGroups<One, Result>(
  all: readonly One[],
  work: (one: One) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE)
    results.push(...(await Promise.all(all.slice(at, at + AT_ONCE).map(work))).flat());
  return results;
}
