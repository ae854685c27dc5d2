/** Proves one copy. A damaged one is healed from a good one and proved again. */
import {
  executeChild,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { copyStateAfter } from '../domain/proof';
import type { ReplicateInput, ReplicateResult, VerifyInput, VerifyResult } from '../domain/runs';
import type { RunTiming } from '../activities/types';
import { replicateId } from './ids';
import { Place } from './place';
import { proofs, records } from './proxies';
import { attributes } from './search-attributes';

const DEFAULT_TIMEOUT_MS = 24 * 3_600_000;
/** Healing reads a good copy that is there now, or not at all: nobody waits here for a store that is down. */
const HEAL_PATIENCE_MS = 60_000;

export async function verifyCopy(
  input: VerifyInput,
  timing: Pick<RunTiming, 'verifyTimeoutMs'> = { verifyTimeoutMs: DEFAULT_TIMEOUT_MS },
): Promise<VerifyResult> {
  const { database, backupId } = input;
  const place = new Place({
    kind: 'verify',
    database,
    show: (waiting) =>
      setCurrentDetails(waiting === null ? '' : `**Proof of \`${backupId}\` at \`${input.store}\`**: ${waiting}.`),
    unheard: (text) => log.warn(text, { backupId }),
  });
  const inTurn = patched('heavy-work');
  // An emergency stop takes the place back: then the proof is given up, and begun again when the stop is over.
  const proving = (again: string) =>
    inTurn ? place.during(() => prove(input, timing, again)) : prove(input, timing, again);
  upsertSearchAttributes(attributes({ database, backupId, grade: 'none' }));
  let result = await proving('');
  if (result.failure?.class === 'data' && (await heal(input, result.failure)))
    result = { ...(await proving(' again, healed')), healed: true };
  upsertSearchAttributes(attributes({ grade: result.grade ?? 'none' }));
  setCurrentDetails(verdict(result));
  return result;
}

async function prove(
  input: VerifyInput,
  timing: Pick<RunTiming, 'verifyTimeoutMs'>,
  again: string,
): Promise<VerifyResult> {
  const { database, backupId, store, grade } = input;
  setCurrentDetails(`**Proving \`${backupId}\` at \`${store}\`${again}** to the grade \`${grade}\`.`);
  const result = await proofs(timing.verifyTimeoutMs).proveStore.executeWithOptions(
    { summary: `Prove ${backupId} at ${store} (${grade})${again}` },
    [input],
  );
  const { failure } = result;
  // A failure of the surroundings says nothing about the copy: its state stays what it was.
  const state = copyStateAfter(result);
  if (state !== null) {
    await records().recordCopy.executeWithOptions({ summary: `${store}: ${state}` }, [
      {
        database,
        backupId,
        store,
        state,
        grade: state === 'proved' ? result.grade : null,
        detail: failure && `${failure.code}: ${failure.message}`,
      },
    ]);
  }
  return result;
}

/** False when no other copy could serve: then the verdict stands. */
async function heal(input: VerifyInput, failure: NonNullable<VerifyResult['failure']>): Promise<boolean> {
  const { database, backupId, store } = input;
  setCurrentDetails(`**\`${store}\` is damaged** (${failure.code}: ${failure.message}). Healing it from a good copy.`);
  try {
    await executeChild<(input: ReplicateInput) => Promise<ReplicateResult>>('replicateCopy', {
      workflowId: `${replicateId(database, backupId, store)}/heal`,
      args: [{ database, backupId, store, heal: true, patienceMs: HEAL_PATIENCE_MS, proveGrade: null, tell: null }],
      typedSearchAttributes: attributes({ database, backupId }),
      staticSummary: `Heal ${backupId} at ${store}`,
    });
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}

function verdict({ store, backupId, grade, failure, rows, restoreMs }: VerifyResult): string {
  if (failure === null)
    return `✅ **\`${backupId}\` at \`${store}\` is proved: \`${grade}\`**, ${rows} rows${restoreMs === null ? '' : `, restored in ${restoreMs} ms`}.`;
  return `❌ **Not proved** (${failure.class}): \`${failure.code}\` ${failure.message}\n\n${failure.hint}`;
}
