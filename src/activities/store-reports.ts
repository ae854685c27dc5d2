/** Tells whoever watches a store what a run saw of it. Never in the way of the run: a report that is lost is lost. */
import { Context, getClient } from '@temporalio/activity';
import { isHoldfastError } from '../errors/holdfast-error';
import { CLAIM_TRIAL_UPDATE, SIGNAL, storeHealthId } from '../domain/messages';
import { faultOf } from '../domain/store-health';
import type { Observation } from '../domain/store-watch';
import type { StoreWatching } from './deps';

const PATIENCE_MS = 3_000;

export interface SeenFailure {
  readonly store: string;
  readonly code: string;
  readonly message: string;
}

/** Codes that say nothing about the store are not told. `id` names what was seen, so that a repetition counts once. */
export async function reportFailure(health: StoreWatching, seen: SeenFailure, id: string): Promise<void> {
  const fault = faultOf(seen.code);
  if (fault === null || !health.watched) return;
  const observation: Observation = {
    id,
    source: 'run',
    at: Date.now(),
    ok: fault === 'slow',
    latencyMs: fault === 'slow' ? health.limits.slowAfterMs + 1 : null,
    fault: { code: seen.code, message: seen.message, hint: '' },
  };
  await tell(seen.store, observation);
}

/** A store on trial did what was asked of it. */
export async function reportGood(health: StoreWatching, store: string, id: string): Promise<void> {
  if (!health.watched) return;
  await tell(store, { id, source: 'run', at: Date.now(), ok: true, latencyMs: null, fault: null });
}

/**
 * Whether `by` may be the trial of a store whose breaker is half-open: one at a time. True where nobody answers for the
 * store: then nothing is known of it.
 */
export async function claimTrial(store: string, by: string): Promise<boolean> {
  try {
    const client = getClient();
    return await client.withDeadline(Date.now() + PATIENCE_MS, () =>
      client.workflow
        .getHandle(storeHealthId(store))
        .executeUpdate<boolean, [string]>(CLAIM_TRIAL_UPDATE, { args: [by] }),
    );
  } catch {
    return true;
  }
}

/** Of an activity that works with one store: its failure, where the error names that store. */
export async function reportThrown(health: StoreWatching, store: string, error: unknown): Promise<void> {
  if (!isHoldfastError(error) || (error.context.store !== undefined && error.context.store !== store)) return;
  const { workflowExecution, activityId, attempt } = Context.current().info;
  const id = `${workflowExecution?.runId ?? ''}/${activityId}/${attempt}`;
  await reportFailure(health, { store, code: error.code, message: error.message }, id);
}

async function tell(store: string, observation: Observation): Promise<void> {
  try {
    const client = getClient();
    await client.withDeadline(Date.now() + PATIENCE_MS, () =>
      client.workflow.getHandle(storeHealthId(store)).signal(SIGNAL.reportStore, observation),
    );
  } catch {
    // Nobody watches this store at the moment.
  }
}
