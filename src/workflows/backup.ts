/** The run that makes one backup: admit → dump → replicate → verify → retention. Its id is the lock on the repository. */
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { gradeAtLeast, makeBackupId } from '../domain/names';
import { askedPace } from '../domain/pace';
import { copyStateAfter } from '../domain/proof';
import type { BackupInput, BackupResult, VerifyResult } from '../domain/runs';
import type { BackupPlan, DumpResult } from '../activities/types';
import { BackupRun } from './backup-state';
import { asWorkflowFailure, failureFacts } from './failures';
import { backupRunId, replicateId, verifyId } from './ids';
import { startInTurn } from './in-turn';
import {
  attachedSignal,
  copyChangedSignal,
  dumpProgressSignal,
  lockWaitersSignal,
  pauseSignal,
  progressQuery,
  proveWhenFilledSignal,
  resumeSignal,
  setPaceSignal,
  startNowSignal,
  storeRecoveredSignal,
} from './messages';
import { createFailoverTeller, type FailoverTeller } from './failover-telling';
import { admission, records } from './proxies';
import { attributes } from './search-attributes';
import { StartTurn } from './start-turn';
import { takeDump } from './take-dump';
import { replicateCopy } from './replicate-copy';
import { startRetention } from './start-retention';
import { verifyCopy } from './verify-copy';
import { awaitStore } from './await-store';

export async function backup(input: BackupInput): Promise<BackupResult> {
  const run = openRun(input);
  const turn = new StartTurn(run);
  const telling = createFailoverTeller(input.database);
  try {
    const plan = await turn.await(await admit(run, telling), (again) => readmit(run, telling, again));
    run.enter('dumping');
    run.dumpResult = withWithheld(await takeDump(run, plan, turn), plan);
    await recordDump(run, plan);
    await turn.over();
    telling.afterDump(plan.lead, run.dumpResult);
    run.enter('replicating');
    await fillStores(run, plan);
    run.enter('verifying');
    await prove(run, plan);
    run.enter('retention');
    if (plan.enforceRetention) await startRetention(input.database, `backup ${run.backupId}`);
    await telling.told();
    run.enter('done');
    return run.result();
  } catch (error) {
    await CancellationScope.nonCancellable(async () => {
      await turn.over();
      await recordFailure(run, error);
    });
    throw isCancellation(error) ? error : asWorkflowFailure(error);
  }
}

/** Everything that can be said to the run is wired before it first waits. */
function openRun(input: BackupInput): BackupRun {
  const startedAt = workflowInfo().startTime;
  const suffix = uuid4().slice(0, 8);
  const run = new BackupRun(input, (type) => makeBackupId(startedAt, type, suffix), startedAt);
  setHandler(pauseSignal, (asked) => run.ask(askedPace(run.pace, asked, true)), {
    description: 'Hold the readers back; content: a pace, or nothing',
  });
  setHandler(
    resumeSignal,
    (asked) => {
      // Of a run that is paused as well, the first word ends the pause.
      const starts = run.waitsForOpening && !run.pace.paused;
      const pace = askedPace(run.pace, { until: Date.now(), ...asked }, false);
      run.ask(pace);
      if (starts) run.startNow({ by: pace.setBy, why: pace.reason });
    },
    { description: 'Let the readers go on, or a run that waits for its time start now; content: a pace, or nothing' },
  );
  setHandler(
    startNowSignal,
    (asked) => run.startNow({ by: asked?.by ?? 'a signal without a sender', why: asked?.why ?? '' }),
    { description: 'Start now, whatever the calendar and the impact breaker say; content: by, why' },
  );
  setHandler(setPaceSignal, (asked) => run.ask(askedPace(run.pace, asked)), {
    description: 'Limit bytes per second and readers; content: a pace',
  });
  setHandler(attachedSignal, (message) => run.attached(message), { description: 'From the dump activity' });
  setHandler(dumpProgressSignal, (message) => run.dumped(message), { description: 'From the dump activity' });
  setHandler(lockWaitersSignal, ({ dump, text }) => run.notice(`dump ${dump}: ${text}`), {
    description: 'From the dump activity: who waits behind its locks',
  });
  setHandler(copyChangedSignal, (message) => run.copyChanged(message), { description: 'From replicateCopy' });
  setHandler(storeRecoveredSignal, () => void (run.storeCameBack = true), {
    description: 'A store is back: ask again which can be used',
  });
  setHandler(progressQuery, () => run.progress(), { description: 'Phase, counters, pace and copies' });
  return run;
}

async function admit(run: BackupRun, telling: FailoverTeller): Promise<BackupPlan> {
  const { input } = run;
  const ask = () => admission().admit.executeWithOptions({ summary: `Plan the backup of ${input.database}` }, [input]);
  const plan = await awaitStore(run, ask);
  takeOn(run, telling, plan);
  await openJob(run, plan);
  return plan;
}

/** After a wait: stores, and whether it may start, are asked for again; what the run builds on stays what it was. */
async function readmit(run: BackupRun, telling: FailoverTeller, before: BackupPlan): Promise<BackupPlan> {
  const { input } = run;
  const summary = `May the backup of ${input.database} start now?`;
  const ask = () => admission().admit.executeWithOptions({ summary }, [{ ...input, type: run.type, waited: true }]);
  const { type, base } = before;
  const plan = { ...(await awaitStore(run, ask)), type, base };
  if (!plan.start?.wait) takeOn(run, telling, plan);
  return plan;
}

function takeOn(run: BackupRun, telling: FailoverTeller, plan: BackupPlan): void {
  if (plan.failover) telling.tell(plan.failover);
  run.type = plan.type;
  run.basedOn = plan.base?.backupId ?? null;
  plan.notices.forEach((text) => run.notice(text));
  run.judgeBy(plan);
  plan.stores.forEach((store) => run.copy({ store, state: 'pending', grade: null, detail: null }));
  plan.withheld?.forEach(({ store, code, message }) =>
    run.copy({ store, state: 'pending', grade: null, detail: `${code}: ${message}` }),
  );
}

async function openJob(run: BackupRun, plan: Pick<BackupPlan, 'engine'>): Promise<void> {
  const { workflowId, runId } = workflowInfo();
  await records().openJob.executeWithOptions({ summary: `Open job ${run.backupId}` }, [
    {
      backupId: run.backupId,
      database: run.input.database,
      engine: plan.engine,
      backupType: run.type,
      basedOn: run.basedOn,
      startedAt: run.startedAt.toISOString(),
      workflowId,
      runId,
    },
  ]);
}

/** A store that was left out lacks the backup as one that fell behind does, unless it was taken after all. */
function withWithheld(result: DumpResult, { withheld = [] }: BackupPlan): DumpResult {
  const told = new Set([...result.committed, ...result.behind.map(({ store }) => store)]);
  const lacking = withheld.filter(({ store }) => !told.has(store));
  return lacking.length === 0 ? result : { ...result, behind: [...result.behind, ...lacking] };
}

const storesOf = ({ stores, withheld = [] }: BackupPlan) => [...stores, ...withheld.map(({ store }) => store)];

/** From here on the backup exists: whatever fails later, it is complete at the stores that took it. */
async function recordDump(run: BackupRun, plan: BackupPlan): Promise<void> {
  const result = run.dumpResult!;
  await records().recordDump.executeWithOptions({ summary: `Record ${run.backupId}` }, [
    { database: run.input.database, backupId: run.backupId, result },
  ]);
  result.notices.forEach((text) => run.notice(text));
  for (const store of storesOf(plan)) {
    const behind = result.behind.find((one) => one.store === store);
    if (result.committed.includes(store)) run.copy({ store, state: 'complete', grade: null, detail: null });
    else
      run.copy({ store, state: 'pending', grade: null, detail: behind ? `${behind.code}: ${behind.message}` : null });
  }
}

/** A child for each store that lacks the backup. It outlives this run: a store that is down for a day is filled when it is back. */
async function fillStores(run: BackupRun, plan: BackupPlan): Promise<void> {
  const { database } = run.input;
  const { backupId } = run;
  const lacking = storesOf(plan).filter((store) => run.copyOf(store)?.state !== 'complete');
  if (lacking.length === 0) return;
  const children = await Promise.all(
    lacking.map((store) =>
      startChild(replicateCopy, {
        workflowId: replicateId(database, backupId, store),
        args: [
          {
            database,
            backupId,
            store,
            heal: false,
            patienceMs: plan.timing.replicatePatienceMs,
            proveGrade: null,
            tell: backupRunId(database),
          },
        ],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
        typedSearchAttributes: attributes({ database, backupId, type: run.type }),
        staticSummary: `Fill ${store} with ${backupId}`,
      }),
    ),
  );
  const all = () => lacking.every((store) => run.settled(store));
  if (!(await condition(all, plan.timing.replicateWaitMs, { summary: `Wait for ${lacking.join(', ')}` })))
    run.notice(`not waited for any longer: ${lacking.filter((store) => !run.settled(store)).join(', ')}`);
  // What is filled after this run has gone on is proved by the child itself.
  for (const [index, store] of lacking.entries()) {
    if (run.copyOf(store)?.state === 'complete') continue;
    run.notice(`${store} lacks this backup for now; it is filled and proved when it can be`);
    await children[index]!.signal(proveWhenFilledSignal, plan.verification.grade).catch(() => undefined);
  }
}

/** Proves one copy or all; a copy that turns out damaged is healed and proved again by the child. */
async function prove(run: BackupRun, plan: BackupPlan): Promise<void> {
  const { grade, stores } = plan.verification;
  const complete = plan.proveOrder.filter((store) => run.copyOf(store)?.state === 'complete');
  for (const store of complete) {
    const result = await proveCopy(run, plan, store);
    const { failure } = result;
    const state = copyStateAfter(result) ?? 'complete';
    const reached = state === 'proved' ? result.grade : null;
    run.copy({ store, state, grade: reached, detail: failure && `${failure.code}: ${failure.message}` });
    if (failure)
      run.notice(`${store}: not proved (${failure.class}) ${failure.code}: ${failure.message} HINT: ${failure.hint}`);
    // Unfit surroundings, a missing extension say, are the same for every copy: one is not followed by the next.
    if (stores === 'one' && (gradeAtLeast(reached, grade) || failure?.class === 'environment')) break;
  }
}

async function proveCopy(run: BackupRun, plan: BackupPlan, store: string): Promise<VerifyResult> {
  const { database, requestedBy } = run.input;
  const { backupId } = run;
  const { grade } = plan.verification;
  const workflowId = verifyId(database, backupId, store);
  try {
    const turn = await startInTurn(workflowId, () =>
      startChild(verifyCopy, {
        workflowId,
        args: [{ database, backupId, store, grade, requestedBy }, plan.timing],
        typedSearchAttributes: attributes({ database, backupId, type: run.type }),
        staticSummary: `Prove ${backupId} at ${store} (${grade})`,
      }),
    );
    return await turn.child!.result();
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, message } = failureFacts(error);
    const hint = 'The backup is stored; prove it again with `holdfast verify`.';
    const failure = { class: 'not-tested' as const, code: type, message, hint };
    return { store, backupId, grade: null, durationMs: 0, restoreMs: null, rows: 0, failure };
  }
}

/** A backup that was committed stays complete in the catalogue, even when a later step failed or was cancelled. */
async function recordFailure(run: BackupRun, error: unknown): Promise<void> {
  const { type, message } = failureFacts(error);
  run.failed({ type, message });
  if (run.dumpResult !== null) return;
  await openJob(run, { engine: 'logical' });
  await records().failJob.executeWithOptions({ summary: `Record the failure: ${type}` }, [
    { backupId: run.backupId, code: type, message },
  ]);
}
