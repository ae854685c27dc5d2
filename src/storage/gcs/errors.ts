import { types } from 'node:util';
import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError, type StorageErrorCode } from '../../errors/storage';
import { networkFault, systemCodeOf } from '../network-errors';
import type { HttpAnswer } from './transport';

/** What was asked, for the message and for the permission that it needs. */
export type GcsOperation = 'put' | 'replace' | 'upload' | 'get' | 'head' | 'list' | 'delete' | 'bucket';

export interface GcsErrorContext {
  readonly store: string;
  readonly bucket: string;
  readonly operation: GcsOperation;
  readonly key?: string;
}

/** What Google says of a refused request. */
export interface GcsFault {
  readonly status: number;
  /** `notFound`, `retentionPolicyNotMet`, …; empty where the answer is not Google's. */
  readonly reason: string;
  readonly message: string;
}

const PERMISSIONS: Readonly<Record<GcsOperation, string>> = {
  put: 'storage.objects.create',
  replace: 'storage.objects.create, storage.objects.delete',
  upload: 'storage.objects.create',
  get: 'storage.objects.get, storage.objects.list',
  head: 'storage.objects.get, storage.objects.list',
  list: 'storage.objects.list',
  delete: 'storage.objects.delete',
  bucket: 'storage.objects.list',
};

/** Before the status: some reasons say more, and 403 is used for nearly everything. */
const BY_REASON: Readonly<Record<string, StorageErrorCode>> = {
  retentionPolicyNotMet: 'STORE_OBJECT_LOCKED',
  objectUnderActiveHold: 'STORE_OBJECT_LOCKED',
  rateLimitExceeded: 'STORE_THROTTLED',
  userRateLimitExceeded: 'STORE_THROTTLED',
  uploadBrokenConnection: 'STORE_UNREACHABLE',
  uploadTooLarge: 'STORE_OBJECT_TOO_LARGE',
};

const BY_STATUS: Readonly<Record<number, StorageErrorCode>> = {
  401: 'STORE_CREDENTIALS_INVALID',
  403: 'STORE_ACCESS_DENIED',
  408: 'STORE_TIMEOUT',
  409: 'STORE_CONFLICT',
  410: 'STORE_UPLOAD_INCOMPLETE',
  413: 'STORE_OBJECT_TOO_LARGE',
  429: 'STORE_THROTTLED',
  501: 'STORE_UNSUPPORTED',
  503: 'STORE_THROTTLED',
  507: 'STORE_FULL',
};

/** Where only the bucket can be what was not found. */
const OF_BUCKET: ReadonlySet<GcsOperation> = new Set(['put', 'replace', 'upload', 'list', 'bucket']);
const LOCKED = /retention (policy|period)|object retention|active hold|(temporary|event-based) hold/i;
const NO_OBJECT = /no such object/i;
const NO_BUCKET = /bucket.*(does not exist|not found)|invalid bucket name/i;
const DAMAGED = /(crc32c|md5|checksum|hash).*(match|mismatch)|doesn't match calculated/i;
/** Tokens are refused when the clocks differ by more than this, ms. */
const SKEW_MS = 5 * 60_000;

/** Reads the error of an answer: Google's JSON, or the plain text that downloads are refused with. */
export function faultOf(answer: HttpAnswer): GcsFault {
  const text = answer.body.toString('utf8');
  try {
    const { error } = JSON.parse(text) as {
      error?: { message?: unknown; errors?: readonly { reason?: unknown; message?: unknown }[] };
    };
    const [first] = error?.errors ?? [];
    return {
      status: answer.status,
      reason: typeof first?.reason === 'string' ? first.reason : '',
      message: String(error?.message ?? first?.message ?? ''),
    };
  } catch {
    // Pages of proxies say nothing that is worth quoting.
    return { status: answer.status, reason: '', message: /^\s*</.test(text) ? '' : text.trim() };
  }
}

/** True when the answer itself names the object as missing, so that the bucket was found. */
export function namesMissingObject(fault: GcsFault): boolean {
  return fault.status === 404 && NO_OBJECT.test(fault.message);
}

/** The error of a refused request. `answeredAt`: the store's clock, ms since 1970, where it told it. */
export function gcsError(fault: GcsFault, context: GcsErrorContext, answeredAt?: number): Error {
  const code = classify(fault, context.operation, answeredAt);
  const { reason, status } = fault;
  const says = fault.message.replace(/\s+/g, ' ').slice(0, 200) || undefined;
  const where = { ...context, status, provider: reason || undefined, says };
  if (code === 'STORE_ACCESS_DENIED') {
    // Where Google names the permission, that is the one.
    const permission = /storage\.[a-z]+\.[A-Za-z]+/.exec(fault.message)?.[0] ?? PERMISSIONS[context.operation];
    return storageError(code, '', {
      context: { ...where, permission },
      hint: `grant ${permission} on the bucket to the service account of this store`,
    });
  }
  const hint = HINTS[code];
  return storageError(code, '', { context: where, ...(hint ? { hint } : {}) });
}

const HINTS: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  STORE_CREDENTIALS_INVALID: 'check credentials of this store: the service account must exist and its key be enabled',
  STORE_CREDENTIALS_EXPIRED: 'log in again, or give this store a new key: see credentials of this store',
  STORE_OBJECT_LOCKED:
    'wait until the retention of the bucket has passed, or the hold is released; it does what it is for',
  STORE_UNSUPPORTED: 'see storageClass of this store, and what the bucket allows',
};

function classify(fault: GcsFault, operation: GcsOperation, answeredAt: number | undefined): StorageErrorCode {
  const { status, reason, message } = fault;
  const known = BY_REASON[reason];
  if (known) return known;
  if ((status === 403 || status === 412) && LOCKED.test(message)) return 'STORE_OBJECT_LOCKED';
  if (status === 401) {
    if (answeredAt !== undefined && Math.abs(answeredAt - Date.now()) > SKEW_MS) return 'STORE_CLOCK_SKEW';
    return /expired/i.test(message) ? 'STORE_CREDENTIALS_EXPIRED' : 'STORE_CREDENTIALS_INVALID';
  }
  if (status === 400) {
    if (DAMAGED.test(message)) return 'STORE_TRANSFER_DAMAGED';
    if (/storage ?class/i.test(message)) return 'STORE_UNSUPPORTED';
    return NO_BUCKET.test(message) ? 'STORE_BUCKET_MISSING' : 'STORE_REFUSED';
  }
  if (status === 404) {
    if (NO_OBJECT.test(message)) return 'STORE_OBJECT_MISSING';
    if (NO_BUCKET.test(message) || (reason === 'notFound' && OF_BUCKET.has(operation))) return 'STORE_BUCKET_MISSING';
    // Decides nothing: gateways say so for reasons of their own, and a copy must not be taken for lost.
    return 'STORE_REFUSED';
  }
  return BY_STATUS[status] ?? (status >= 500 ? 'STORE_SERVER_ERROR' : 'STORE_REFUSED');
}

/** A request that got no whole answer. */
export function connectionError(error: unknown, context: GcsErrorContext): Error {
  if (isHoldfastError(error)) return error;
  const system = systemCodeOf(error);
  const code = system === undefined ? 'STORE_UNREACHABLE' : networkFault(system)!;
  const says = types.isNativeError(error) ? error.message.slice(0, 200) : undefined;
  return storageError(code, '', { context: { ...context, provider: system, says }, cause: error });
}
