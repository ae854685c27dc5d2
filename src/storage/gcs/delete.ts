import { storageError } from '../../errors/storage';
import { throwIfAborted } from '../timing';
import { GcsRefusal, type GcsClient } from './client';
import { isHoldfastError } from '../../errors/holdfast-error';
import { namesMissingObject, type GcsErrorContext } from './errors';
import { objectPath } from './requests';
import type { StorageErrorCode } from '../../errors/storage';

/** Requests at once; each removes one object. */
const LANES = 16;

export interface DeleteOptions {
  readonly client: GcsClient;
  /** With the prefix of the store. */
  readonly names: readonly string[];
  readonly signal?: AbortSignal;
  readonly context: GcsErrorContext;
  /** Rejects unless the bucket answers to these credentials: then an absent object is believed. */
  assertBucket(): Promise<void>;
}

/** Deletes exactly these objects and tries all of them; the first failure stands for the others. */
export async function deleteObjects(options: DeleteOptions): Promise<void> {
  const { client, names, signal, context } = options;
  const failures: unknown[] = [];
  let next = 0;
  const lane = async () => {
    while (next < names.length && !signal?.aborted) {
      const name = names[next++]!;
      await deleteOne(options, name).catch((error: unknown) => failures.push(error));
    }
  };
  const lanes = Math.min(LANES, client.config.limits.maxRequests, names.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  throwIfAborted(signal);
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1 || !isHoldfastError(first)) throw first;
  // One that can be tried again must not hide one that cannot.
  const stands = failures.find((error) => isHoldfastError(error) && !error.retryable) ?? first;
  if (!isHoldfastError(stands)) throw stands;
  const detail = `${failures.length} of ${names.length} objects could not be deleted: ${stands.message}`;
  throw storageError(stands.code as StorageErrorCode, detail, {
    hint: stands.hint,
    context: { store: context.store, failed: failures.length },
  });
}

async function deleteOne({ client, signal, context, assertBucket }: DeleteOptions, name: string): Promise<void> {
  try {
    await client.ask({
      method: 'DELETE',
      at: objectPath(client.config, name),
      signal,
      context: { ...context, key: name },
    });
  } catch (error) {
    if (!(error instanceof GcsRefusal)) throw error;
    if (error.fault.status !== 404) throw error.storeError;
    if (!namesMissingObject(error.fault)) await assertBucket();
  }
}
