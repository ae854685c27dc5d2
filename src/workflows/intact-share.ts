/**
 * Reads the share of each store's objects that is due, so that all of them are read once a cycle. A copy that turns out
 * damaged is healed from a good one, and proved again.
 */
import {
  executeChild,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type {
  DamagedCopy,
  HealedCopy,
  IntactInput,
  IntactPlan,
  IntactResult,
  PlannedShare,
  StoreShareResult,
} from '../domain/verification-runs';
import { failureFacts } from './failures';
import { replicateId, verifyId } from './ids';
import { sharesQuery } from './messages';
import { readings, verificationPlans } from './proxies';
import { replicateCopy } from './replicate-copy';
import { attributes } from './search-attributes';
import { intactCard, sharesCard } from './verification-card';
import { verifyCopy } from './verify-copy';

/** Copies healed in one run, to keep its history short; the others stay marked, and the next run heals them. */
const MAX_HEALS = 25;
/** Healing reads good copies that are there now, or not at all. */
const HEAL_PATIENCE_MS = 60_000;

export async function intactShare(input: IntactInput): Promise<IntactResult> {
  const { database } = input;
  let plan: IntactPlan | null = null;
  setHandler(sharesQuery, () => plan, { description: 'What is read at each store' });
  upsertSearchAttributes(attributes({ database, phase: 'verifying' }));

  plan = await verificationPlans().planIntact.executeWithOptions({ summary: `Which share of ${database} is due?` }, [
    input,
  ]);
  setCurrentDetails(sharesCard(plan));
  const shares = await Promise.all(plan.shares.map((share) => readStore(input, share)));

  const { heal, postponed } = toHeal(plan, shares);
  const healed: HealedCopy[] = [];
  let busy = 0;
  for (const copy of heal) {
    setCurrentDetails(
      `**${copy.store} is damaged**: \`${copy.backupId}\`, ${copy.detail}. Healing it from a good copy.`,
    );
    const outcome = await healCopy(input, copy, plan);
    if (outcome === null) busy += 1;
    else healed.push(outcome);
  }
  const result: IntactResult = { database, shares, away: plan.away, healed, postponed: postponed + busy };
  const sound = healed.every(({ failure }) => failure === null) && result.postponed === 0;
  upsertSearchAttributes(
    attributes({ phase: sound && shares.every(({ error }) => error === null) ? 'done' : 'failed' }),
  );
  setCurrentDetails(intactCard(result));
  return result;
}

/** A store that fails keeps its place in the cycle; the others are read all the same. */
async function readStore({ database, requestedBy }: IntactInput, share: PlannedShare): Promise<StoreShareResult> {
  const { store, from, to, cycleStartedAt, estimate } = share;
  if (from >= to) return { store, share, read: null, error: null, measured: null };
  try {
    const read = await readings().readShare.executeWithOptions(
      { summary: `Read ${to - from} of 256 parts at ${store}` },
      [{ database, store, from, to, cycleStartedAt: new Date(cycleStartedAt).toISOString(), requestedBy }],
    );
    const { bytes, objects, ms } = read;
    const cost = read.cost ?? (estimate.bytes === bytes ? estimate.cost : null);
    return { store, share, read, error: null, measured: { bytes, objects, ms, cost } };
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, message } = failureFacts(error);
    return { store, share, read: null, error: { code: type, message }, measured: null };
  }
}

function toHeal(
  plan: IntactPlan,
  shares: readonly StoreShareResult[],
): { readonly heal: readonly DamagedCopy[]; readonly postponed: number } {
  const known = new Map<string, DamagedCopy>();
  for (const copy of [...plan.leftOver, ...shares.flatMap(({ read }) => read?.damaged ?? [])]) {
    const key = `${copy.store}/${copy.backupId}`;
    // What was left over says nothing of its objects: then all of the copy is read again.
    const earlier = known.get(key);
    known.set(key, earlier ? { ...copy, objects: earlier.objects, gradeBefore: copy.gradeBefore } : copy);
  }
  const all = [...known.values()].sort((a, b) => (a.backupId < b.backupId ? 1 : a.backupId > b.backupId ? -1 : 0));
  return { heal: all.slice(0, MAX_HEALS), postponed: Math.max(0, all.length - MAX_HEALS) };
}

/** null when another run is at it already. */
async function healCopy(input: IntactInput, copy: DamagedCopy, plan: IntactPlan): Promise<HealedCopy | null> {
  const { database } = input;
  const { store, backupId, objects } = copy;
  const common = {
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    typedSearchAttributes: attributes({ database, backupId }),
  };
  let copiedObjects = 0;
  try {
    const filled = await executeChild(replicateCopy, {
      ...common,
      workflowId: `${replicateId(database, backupId, store)}/heal`,
      args: [
        { database, backupId, store, heal: true, objects, patienceMs: HEAL_PATIENCE_MS, proveGrade: null, tell: null },
      ],
      staticSummary: `Heal ${backupId} at ${store}`,
    });
    copiedObjects = filled.copiedObjects;
    if (filled.state === 'lost') return { store, backupId, state: 'lost', grade: null, copiedObjects, failure: null };
    const grade = copy.gradeBefore ?? plan.grade;
    const proof = await executeChild(verifyCopy, {
      ...common,
      workflowId: verifyId(database, backupId, store),
      args: [
        { database, backupId, store, grade, requestedBy: `intact, ${input.requestedBy}` },
        { verifyTimeoutMs: plan.timeoutMs },
      ],
      staticSummary: `Prove ${backupId} at ${store} again, healed (${grade})`,
    });
    const { failure } = proof;
    const state = failure === null ? 'proved' : failure.class === 'data' ? 'damaged' : 'complete';
    return {
      store,
      backupId,
      state,
      grade: failure === null ? proof.grade : null,
      copiedObjects,
      failure: failure && { code: failure.code, message: failure.message },
    };
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    const { type, message } = failureFacts(error);
    return { store, backupId, state: 'damaged', grade: null, copiedObjects, failure: { code: type, message } };
  }
}
