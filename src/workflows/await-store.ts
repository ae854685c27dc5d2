/** Before a dump: while the breaker of every store is open, the run waits, and reads nothing from the source. */
import { condition } from '@temporalio/workflow';
import type { BackupPlan } from '../activities/types';
import type { BackupRun } from './backup-state';
import { registerFor } from './store-waiting';

/** Asked again after this, although nobody told that a store is back. */
const LOOK_MS = 5 * 60_000;

/** Asks for a plan until a store can be used, or the patience is over: then the plan is one that tries all of them. */
export async function awaitStore(run: BackupRun, ask: () => Promise<BackupPlan>): Promise<BackupPlan> {
  const began = Date.now();
  let first: string | null = null;
  for (;;) {
    const asked = Date.now();
    run.storeCameBack = false;
    const plan = await ask();
    const { blocked, stores } = plan;
    const waited = Date.now() - began;
    if (blocked === undefined) {
      run.waitFor(null);
      if (first !== null) run.notice(`the run waited ${minutes(waited)} for a store: ${first}`);
      return plan;
    }
    first ??= blocked.reason;
    const left = blocked.patienceMs - waited;
    if (left <= 0) {
      run.waitFor(null);
      run.notice(`${blocked.reason}: none was back after ${minutes(waited)}, so all of them are tried`);
      return plan;
    }
    const reason = `${blocked.reason}: the run waits until one is back, for ${minutes(blocked.patienceMs)} at most`;
    run.waitFor({ reason, until: null, for: 'store' });
    // Names the stores where there is nothing else to see.
    for (const store of stores)
      run.copy({ store, state: 'pending', grade: null, detail: 'waited for: its breaker is open' });
    for (const store of stores) await registerFor(store, asked);
    const summary = `Wait for one of ${stores.join(', ')}`;
    await condition(() => run.storeCameBack, Math.min(LOOK_MS, left), { summary });
  }
}

const minutes = (ms: number) => `${Math.round(ms / 6_000) / 10} min`;
