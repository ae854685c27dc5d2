/** The dump of a run, under a pace that may change at any time. */
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { BackupPlan, DumpInput, DumpResult } from '../activities/types';
import { FULL_PACE } from '../domain/pace';
import type { BackupRun } from './backup-state';
import type { StartTurn } from './start-turn';
import { failureContext, failureFacts } from './failures';
import { dumps, hosts, PAUSE_BUDGET_SPENT, SNAPSHOT_YIELDED } from './proxies';

/** A run that had to give way more often fails: somebody must keep migrations and backups apart. */
const MOST_YIELDS = 10;

/**
 * Dumps until a dump ends well. A pause beyond its budget gives up the snapshot (it would keep vacuum from cleaning the source):
 * then this waits, holding nothing, until the run may go on, and dumps again; what is stored already is not sent twice. So it is
 * with a snapshot that was given up for those who waited behind its locks: the next dump lets them through first.
 */
export async function takeDump(run: BackupRun, plan: BackupPlan, turn: StartTurn): Promise<DumpResult> {
  let yielded: DumpInput['yielded'];
  for (let dump = 1; ; dump += 1) {
    // Whoever stands still without a snapshot keeps no place from others.
    if (run.pace.paused) await turn.aside(() => mayGoOn(run));
    run.attempt();
    const keeper = new CancellationScope();
    const keeping = keeper.run(() => keepPace(run)).catch(ignoreCancellation);
    try {
      return await attempt(run, plan, dump, yielded);
    } catch (error) {
      const { type } = failureFacts(error);
      if (type === SNAPSHOT_YIELDED && (yielded?.times ?? 0) < MOST_YIELDS) {
        yielded = { times: (yielded?.times ?? 0) + 1, backends: backendsIn(error) };
        run.notice(`dump ${dump} gave up its snapshot for those who waited behind its locks; what it stored is kept`);
        continue;
      }
      if (type !== PAUSE_BUDGET_SPENT) throw error;
      const why = run.pace.giveUp === true ? run.pace.reason : 'it was paused for longer than the pause budget';
      run.notice(`dump ${dump} gave up its snapshot: ${why}; what it stored is kept`);
    } finally {
      keeper.cancel();
      await keeping;
      run.detach();
    }
  }
}

/** Waits while the run is paused; a pause that was asked for with an end ends here, where no process is left that could see it. */
export async function mayGoOn(run: BackupRun): Promise<void> {
  while (run.pace.paused) {
    const { sequence, until, setBy } = run.pace;
    const changed = () => run.pace.sequence !== sequence;
    if (until === undefined || until === null) await condition(changed);
    else if (!(await condition(changed, Math.max(1, until - Date.now()), { summary: `Paused by ${setBy} for a time` })))
      run.ask({ ...FULL_PACE, reason: `the time that ${setBy} stated is over`, sequence: sequence + 1 });
  }
}

/** To whom a dump gave way; the next one may begin in another process. */
function backendsIn(error: unknown): readonly number[] {
  return (failureContext(error).backends ?? '')
    .split(',')
    .map(Number)
    .filter((pid) => pid > 0);
}

function attempt(run: BackupRun, plan: BackupPlan, dump: number, yielded: DumpInput['yielded']): Promise<DumpResult> {
  const { database } = run.input;
  return dumps(plan.timing).dump.executeWithOptions(
    { summary: `Dump ${database} (${run.type}) to ${plan.stores.join(', ')}${dump > 1 ? `, dump ${dump}` : ''}` },
    [
      {
        database,
        backupId: run.backupId,
        type: run.type,
        startedAt: run.startedAt.toISOString(),
        base: plan.base,
        stores: plan.stores,
        ...(plan.trials ? { trials: plan.trials } : {}),
        ...(plan.reserve ? { reserve: plan.reserve } : {}),
        pace: run.pace,
        dump,
        ...(yielded ? { yielded } : {}),
      },
    ],
  );
}

/** Hands each new target to the process that dumps. One that does not answer is forgotten until it is heard of again. */
async function keepPace(run: BackupRun): Promise<void> {
  for (;;) {
    await condition(() => run.paceIsBehind);
    const host = run.host!;
    const pace = run.pace;
    const what = pace.paused ? 'Pause' : 'Set the pace';
    try {
      const done = await hosts(host.queue).applyPace.executeWithOptions({ summary: `${what}: ${pace.reason}` }, [
        { backupId: run.backupId, pace },
      ]);
      if (done.found) run.paceApplied(done);
      else if (run.host === host) run.host = null;
    } catch (error) {
      if (isCancellation(error)) throw error;
      if (run.host === host) run.host = null;
    }
  }
}

function ignoreCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
