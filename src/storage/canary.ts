/** The test objects that checks and probes leave no trace of, and where they live. */
import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { isHoldfastError } from '../errors/holdfast-error';
import { CANARY_FOLDER, PROBE_PREFIX } from './keys';

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

/** True for a refusal to delete that is a setting and no fault: no such credential, no such permission, or a lock. */
export function isDeleteNotPermitted(error: unknown): boolean {
  return (
    isHoldfastError(error, 'STORE_CREDENTIAL_MISSING') ||
    isHoldfastError(error, 'STORE_ACCESS_DENIED') ||
    isHoldfastError(error, 'STORE_OBJECT_LOCKED')
  );
}
