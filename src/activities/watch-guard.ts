/** Beside a dump: tells the watch that it begins, and goes to the safe pace when nobody watches any more. */
import { activityInfo, getClient, log } from '@temporalio/activity';
import { loadWatchId, SIGNAL } from '../domain/messages';
import { silentPace, stoppedPace, watchIsSilent } from '../domain/load/pace-of';
import { targetOf } from '../domain/load/wanted-pace';
import { sameTarget } from '../domain/load/policy';
import { FULL_PACE, isAutomatic, LOAD_WATCH, operatorHolds, type Pace } from '../domain/pace';
import type { Governor } from '../load/governor';
import type { ActivityDeps } from './deps';

const LOOK_MS = 2_000;
const PATIENCE_MS = 3_000;

export interface WatchGuard {
  stop(): void;
}

/**
 * The word of a person stands. A catalogue that does not answer says nothing about the watch, so nothing changes then. What is
 * decided here counts at once in this process; the workflow is told so that it shows, and the watch puts it right when it is back.
 */
export function guardWatch(
  deps: Pick<ActivityDeps, 'load' | 'catalog'>,
  database: string,
  governor: Governor,
  signal: AbortSignal,
): WatchGuard {
  const watched = deps.load.of(database);
  const { workflowId, runId } = activityInfo().workflowExecution!;
  const client = getClient();
  const startedAt = Date.now();
  let busy = false;
  let stopped = false;

  const tell = (id: string, run: string | undefined, name: string, ...args: readonly unknown[]) =>
    client
      .withDeadline(Date.now() + PATIENCE_MS, () => client.workflow.getHandle(id, run).signal(name, ...args))
      .catch((error: unknown) => {
        if (!signal.aborted) log.debug('a run could not be told', { run: id, signal: name, error: String(error) });
      });

  const set = async (pace: Pace) => {
    if (stopped || !governor.apply(pace)) return;
    log.warn('the pace was changed by the dump itself', { database, reason: pace.reason });
    await tell(workflowId, runId, SIGNAL.setPace, pace);
  };

  const look = async () => {
    const now = Date.now();
    const { pace } = governor;
    if (operatorHolds(pace, now)) return;
    const sequence = Math.max(pace.sequence + 1, now * 1_000);
    if (watched === null) {
      if (!isAutomatic(pace) && typeof pace.until === 'number' && differs(pace, FULL_PACE) && pace.until > startedAt)
        await letGo({ ...FULL_PACE, reason: `the time that ${pace.setBy} stated is over`, sequence });
      return;
    }
    const [row] = await (await deps.catalog()).loadWatches({ database });
    const heardAt = row === undefined ? null : now - row.ageMs;
    if (!watchIsSilent({ heardAt, startedAt, now }, watched.rules)) return;
    // A person's word that has run out is nobody's: what is left of it ends like a pace of the watch.
    const safe = silentPace({ ...governor.pace, setBy: LOAD_WATCH }, watched.rules, sequence);
    if (!operatorHolds(governor.pace, now) && differs(governor.pace, safe)) await letGo(safe);
  };

  /** Nothing goes on past an emergency stop; while the catalogue cannot tell whether one stands, all stays as it is. */
  const letGo = async (pace: Pace) => {
    const before = governor.pace;
    const stop = await (await deps.catalog()).standingStop();
    // Somebody spoke in the meantime.
    if (governor.pace !== before) return;
    await set(stop === null ? pace : stoppedPace(before, stop, pace.sequence));
  };

  if (watched !== null) void tell(loadWatchId(database), undefined, SIGNAL.probeNow);
  const timer = setInterval(() => {
    if (busy || stopped) return;
    busy = true;
    void look()
      .catch((error: unknown) => log.debug('the watch could not be looked at', { database, error: String(error) }))
      .finally(() => (busy = false));
  }, LOOK_MS);
  timer.unref();
  return {
    stop() {
      stopped = true;
      clearInterval(timer);
      // Then it goes back to its slow rhythm at once.
      if (watched !== null) void tell(loadWatchId(database), undefined, SIGNAL.probeNow);
    },
  };
}

const differs = (a: Pace, b: Pace) => !sameTarget(targetOf(a), targetOf(b));
