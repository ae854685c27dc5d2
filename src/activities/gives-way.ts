/** More important work that is under way, which a running backup gives way to. */
import { Context, getClient } from '@temporalio/activity';
import { backupRunId, heavyWorkIdFor, QUEUE_QUERY } from '../domain/messages';
import type { HeavyQueue } from '../domain/load/places';
import { givesWayTo, type HeavyOperation } from '../domain/load/queue';
import type { Priority } from '../domain/load/rules';
import type { LoadSession } from '../load/watch-session';

/** Asked again after this. Milliseconds. */
const FRESH_MS = 5_000;
/** What was heard last counts for so long where nobody answers. */
const STALE_MS = 60_000;
const PATIENCE_MS = 2_000;

interface Known {
  /** Both of a clock that only grows. */
  readonly askedAt: number;
  readonly heardAt: number;
  readonly running: readonly HeavyOperation[];
}

/** Null when there is none, or it cannot be found out: then nobody is slowed down for it. */
export async function moreImportant(
  session: Pick<LoadSession, 'known'>,
  database: string,
  priority: Priority,
): Promise<string | null> {
  const id = backupRunId(database);
  const running = await runningNow(session);
  const own = running.find((one) => one.id === id);
  return givesWayTo(own ?? { id, kind: 'backup', database, priority, askedAt: 0, heldBack: null }, running);
}

async function runningNow(session: Pick<LoadSession, 'known'>): Promise<readonly HeavyOperation[]> {
  const known = session.known.get('queue') as Known | undefined;
  const now = performance.now();
  if (known !== undefined && now - known.askedAt < FRESH_MS) return known.running;
  const heard = await ask().catch(() => null);
  const next: Known =
    heard !== null
      ? { askedAt: now, heardAt: now, running: heard }
      : known !== undefined && now - known.heardAt < STALE_MS
        ? { ...known, askedAt: now }
        : { askedAt: now, heardAt: now, running: [] };
  session.known.set('queue', next);
  return next.running;
}

async function ask(): Promise<readonly HeavyOperation[]> {
  const client = getClient();
  const workflowId = heavyWorkIdFor(Context.current().info.taskQueue);
  return client.withDeadline(Date.now() + PATIENCE_MS, async () => {
    const handle = client.workflow.getHandle(workflowId);
    // One that was ended answers with what it knew then.
    if ((await handle.describe()).status.name !== 'RUNNING') return [];
    const { running } = await handle.query<HeavyQueue>(QUEUE_QUERY);
    return running.map((one) => ({ ...one, heldBack: null }));
  });
}
