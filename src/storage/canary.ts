/** The test objects that checks and probes leave no trace of, and where they live. */
import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { isHoldfastError } from '../errors/holdfast-error';
import { CANARY_FOLDER, PROBE_PREFIX } from './keys';
import type { ObjectStore } from './object-store';

/** A name that no other check uses. */
export function newCanaryKey(): string {
  return `${CANARY_FOLDER}/${randomBytes(16).toString('hex')}`;
}

/**
 * The canary of checks that may not delete: one name a host, replaced each time, so that checks that may not clean up
 * after themselves leave one small object and not one more with each check.
 */
export function keptCanaryKey(prefix: string = `${CANARY_FOLDER}/check-`): string {
  return `${prefix}${createHash('sha256').update(hostname()).digest('hex').slice(0, 16)}`;
}

/** The canary of probes. Adapters give it neither lock nor storage class: it is replaced every half minute. */
export function probeCanaryKey(): string {
  return keptCanaryKey(PROBE_PREFIX);
}

/**
 * Writes the canary in place of an older one, and gives what is to be read back. Where replacing is deleting too, and that is
 * not permitted or not yet, the canary that stands there serves again: the write is refused by its condition alone then,
 * which is asked after the right to write.
 */
export async function writeCanary(
  store: ObjectStore,
  key: string,
  body: Buffer,
  signal: AbortSignal | undefined,
): Promise<{ readonly body: Buffer; readonly created: boolean }> {
  try {
    await store.put(key, body, { replace: true, signal });
    return { body, created: true };
  } catch (error) {
    if (!isReplaceNotPermitted(error) || !store.capabilities.createOnly) throw error;
    const { created } = await store.put(key, body, { createOnly: true, signal });
    return { body: created ? body : await store.get(key, { signal }), created };
  }
}

function isReplaceNotPermitted(error: unknown): boolean {
  if (isHoldfastError(error, 'STORE_OBJECT_LOCKED')) return true;
  return isHoldfastError(error, 'STORE_ACCESS_DENIED') && /\.delete\b/.test(String(error.context.permission));
}

/** True for a refusal to delete that is a setting and no fault: no such credential, no such permission, or a lock. */
export function isDeleteNotPermitted(error: unknown): boolean {
  return (
    isHoldfastError(error, 'STORE_CREDENTIAL_MISSING') ||
    isHoldfastError(error, 'STORE_ACCESS_DENIED') ||
    isHoldfastError(error, 'STORE_OBJECT_LOCKED')
  );
}
