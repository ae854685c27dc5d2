/** Proves one copy. A failed proof is a result: it says what failed and of which class. */
import { log } from '@temporalio/activity';
import { isHoldfastError } from '../errors/holdfast-error';
import { openBackup } from '../repository/reader';
import type { ProofRecord } from '../repository/types';
import { writeProof } from '../verify/proof-store';
import { proveCopy } from '../verify/prove-copy';
import type { VerifyInput, VerifyResult } from '../domain/runs';
import type { ActivityDeps } from './deps';
import { withHeartbeat, type Beat } from './heartbeat';
import { recorded } from './transfers';
import type { HoldfastActivities, StepProgress } from './types';

export function createVerifyActivities(deps: ActivityDeps): Pick<HoldfastActivities, 'proveStore'> {
  return {
    proveStore: (input) =>
      withHeartbeat((beat) => {
        const { database, backupId, store } = input;
        const scope = { kind: 'proof', database, backupId, staysAt: (name: string) => name === store } as const;
        return recorded(deps, scope, async (tally) => {
          const result = await prove(deps, input, beat);
          const { receivedBytes: bytes, reads: objects } = tally.of(store);
          return { ...result, read: { bytes, objects, cost: deps.costOf(store, { bytes, objects }) } };
        });
      }),
  };
}

async function prove(deps: ActivityDeps, input: VerifyInput, beat: Beat): Promise<VerifyResult> {
  const { database, backupId, grade } = input;
  const { signal } = beat;
  const startedAt = new Date();
  const step = (progress: StepProgress) => beat.report(progress);
  step({ step: 'open', done: 0, total: 0, current: null });
  const store = await deps.stores.open(input.store);
  const keys = await deps.keys();
  let proof: ProofRecord;
  try {
    const reader = await openBackup({ store, database, backupId, keys, signal });
    proof = await proveCopy({
      reader,
      keys,
      grade,
      scratch: deps.scratch,
      assertions: deps.database(database).verification.assertions,
      signal,
      onProgress: ({ step: name, done, total }) => step({ step: name, done, total, current: null }),
    });
  } catch (error) {
    signal.throwIfAborted();
    // A manifest that is absent or cannot be trusted is a fault of the copy, found before anything was restored.
    if (!isHoldfastError(error) || error.fault !== 'data') throw error;
    proof = refused(input, startedAt, error);
  }
  const catalog = await deps.catalog();
  await catalog.saveProof(proof);
  const kept = await writeProof(store, proof, keys, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!isHoldfastError(error)) throw error;
    log.warn('the proof is kept in the catalogue only: it could not be stored', {
      store: store.name,
      code: error.code,
    });
    return null;
  });
  if (kept === false)
    log.warn('the proof is kept in the catalogue only: this process has no signing key', { store: store.name });
  return {
    store: proof.store,
    backupId,
    grade: proof.grade,
    durationMs: proof.durationMs,
    restoreMs: proof.restoreMs,
    rows: proof.compared.rows,
    failure: proof.failure,
  };
}

function refused(
  { database, backupId, store, grade }: VerifyInput,
  startedAt: Date,
  error: { readonly code: string; readonly message: string; readonly hint: string },
): ProofRecord {
  return {
    format: 1,
    backupId,
    database,
    store,
    grade: null,
    asked: grade,
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
    restoreMs: null,
    compared: { objects: 0, sealedBytes: 0, tables: 0, rows: 0, segments: 0, assertions: 0 },
    assertions: [],
    failure: { class: 'data', code: error.code, message: error.message, hint: error.hint },
    serverVersion: null,
  };
}
