/** Makes one store hold all that a manifest names, from any good copy; the same code heals. Outlives whoever started it. */
import {
  ApplicationFailure,
  condition,
  continueAsNew,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { CopyChanged } from '../domain/messages';
import { copyStateAfter } from '../domain/proof';
import type { ReplicateInput, ReplicateResult, VerifyInput, VerifyResult } from '../domain/runs';
import type { FillResult } from '../activities/types';
import { failureFacts } from './failures';
import { verifyId } from './ids';
import { copyChangedSignal, proveWhenFilledSignal, storeRecoveredSignal } from './messages';
import { records, transfers } from './proxies';
import { attributes } from './search-attributes';
import { registerFor } from './store-waiting';

const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 10 * 60_000;

/** What is carried over when the history grows long. */
interface Carried {
  readonly tries: number;
  readonly since: number;
}

export async function replicateCopy(input: ReplicateInput, carried?: Carried): Promise<ReplicateResult> {
  let { proveGrade } = input;
  setHandler(proveWhenFilledSignal, (grade) => void (proveGrade = grade), {
    description: 'Prove the copy to this grade once it is filled',
  });
  const store: Waiting = { recovered: false };
  setHandler(storeRecoveredSignal, () => void (store.recovered = true), {
    description: 'The store is back: try again now',
  });
  const since = carried?.since ?? Date.now();
  let tries = carried?.tries ?? 0;
  await change(input, { state: 'copying', grade: null, detail: null, waiting: false });

  let filled: FillResult | null = null;
  while (filled === null) {
    filled = await tryFill(input, { since, tries, store });
    tries += 1;
    if (filled === null && workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof replicateCopy>({ ...input, proveGrade }, { tries, since });
  }
  if (filled.gone) {
    setCurrentDetails(
      `**Nothing is kept of \`${input.backupId}\` at ${input.store}**: it was deleted, or the store retired.`,
    );
    await change(input, {
      state: 'lost',
      grade: null,
      detail: 'the backup was deleted, or the store retired',
      waiting: false,
    });
    return { store: input.store, state: 'lost', grade: null, copiedObjects: 0, copiedBytes: 0 };
  }
  setCurrentDetails(`**${input.store} holds \`${input.backupId}\`**: ${filled.copiedObjects} objects sent.`);
  await change(input, { state: 'complete', grade: null, detail: null, waiting: false });
  const result = { store: input.store, copiedObjects: filled.copiedObjects, copiedBytes: filled.copiedBytes };
  if (proveGrade === null) return { ...result, state: 'complete', grade: null };
  const proof = await prove(input, proveGrade);
  const state = copyStateAfter(proof) ?? 'complete';
  return { ...result, state, grade: state === 'proved' ? proof.grade : null };
}

interface Waiting {
  /** Told since the last try began. */
  recovered: boolean;
}

/** null when the store, or every source, was out of reach: then the wait is over and it is worth another try. */
async function tryFill(
  input: ReplicateInput,
  at: { readonly since: number; readonly tries: number; readonly store: Waiting },
): Promise<FillResult | null> {
  const { database, backupId, store, heal, objects } = input;
  const { since, tries } = at;
  const began = Date.now();
  at.store.recovered = false;
  try {
    return await transfers().fillStore.executeWithOptions(
      { summary: `${heal ? 'Heal' : 'Fill'} ${store} with ${backupId}${tries > 0 ? `, try ${tries + 1}` : ''}` },
      [{ database, backupId, store, heal, ...(objects ? { objects } : {}) }],
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, message } = failureFacts(error);
    const detail = `${type}: ${message}`;
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(tries, 16));
    if (Date.now() + delay - since > input.patienceMs) {
      await change(input, { state: heal ? 'damaged' : 'lost', grade: null, detail, waiting: true });
      throw ApplicationFailure.create({ type, message, nonRetryable: true, cause: error as Error });
    }
    setCurrentDetails(
      `**Waiting for \`${store}\`**, next try when it is back, or in ${Math.round(delay / 1000)} s.\n\n${detail}`,
    );
    await change(input, { state: heal ? 'damaged' : 'pending', grade: null, detail, waiting: true });
    const summary = `${store} is out of reach, try again`;
    if (patched('wait-for-store')) {
      // Since the try began: a store that came back while it failed is tried again at once.
      await registerFor(store, began);
      await condition(() => at.store.recovered, delay, { summary });
    } else await sleep(delay, { summary });
    return null;
  }
}

/** Into the catalogue, and to the run that waits, if it still does. */
async function change(input: ReplicateInput, now: Omit<CopyChanged, 'store'>): Promise<void> {
  const { database, backupId, store, tell } = input;
  const { state, grade, detail } = now;
  // While a damaged copy is being healed it stays damaged: nobody should read from it.
  const recorded = input.heal && state === 'copying' ? 'damaged' : state;
  await records().recordCopy.executeWithOptions({ summary: `${store}: ${recorded}` }, [
    { database, backupId, store, state: recorded, grade, detail },
  ]);
  if (tell === null) return;
  try {
    await getExternalWorkflowHandle(tell).signal(copyChangedSignal, { store, ...now });
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

function prove(input: ReplicateInput, grade: NonNullable<ReplicateInput['proveGrade']>): Promise<VerifyResult> {
  const { database, backupId, store } = input;
  return executeChild<(input: VerifyInput) => Promise<VerifyResult>>('verifyCopy', {
    workflowId: verifyId(database, backupId, store),
    args: [{ database, backupId, store, grade, requestedBy: 'replicateCopy' }],
    typedSearchAttributes: attributes({ database, backupId }),
    staticSummary: `Prove ${backupId} at ${store} (${grade})`,
  });
}
