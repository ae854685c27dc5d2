import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError, type StorageErrorCode } from '../../errors/storage';

/** What was asked, for the message. */
export type SupabaseOperation = 'put' | 'upload' | 'get' | 'head' | 'list' | 'delete' | 'bucket';

export interface SupabaseErrorContext {
  readonly store: string;
  readonly bucket: string;
  readonly operation: SupabaseOperation;
  readonly key?: string;
}

/** A refusal as Supabase Storage words it. Its HTTP status is 400 for nearly everything; the body has the real one. */
export interface Refusal {
  /** Status of the HTTP answer. */
  readonly httpStatus: number;
  /** `statusCode` of the body, where it has one. */
  readonly statusCode?: string | number | null;
  /** `code` of the body, e.g. NoSuchKey. */
  readonly code?: string | null;
  readonly message?: string | null;
}

const BY_CODE: Readonly<Record<string, StorageErrorCode>> = {
  NoSuchKey: 'STORE_OBJECT_MISSING',
  NoSuchBucket: 'STORE_BUCKET_MISSING',
  InvalidBucketName: 'STORE_BUCKET_MISSING',
  TenantNotFound: 'STORE_CONFIG_INVALID',
  KeyAlreadyExists: 'STORE_CONFLICT',
  ResourceAlreadyExists: 'STORE_CONFLICT',
  ResourceLocked: 'STORE_CONFLICT',
  LockTimeout: 'STORE_CONFLICT',
  EntityTooLarge: 'STORE_OBJECT_TOO_LARGE',
  InvalidKey: 'STORE_KEY_INVALID',
  InvalidJWT: 'STORE_CREDENTIALS_INVALID',
  InvalidSignature: 'STORE_CREDENTIALS_INVALID',
  SignatureDoesNotMatch: 'STORE_CREDENTIALS_INVALID',
  ExpiredToken: 'STORE_CREDENTIALS_EXPIRED',
  SlowDown: 'STORE_THROTTLED',
  DatabaseTimeout: 'STORE_THROTTLED',
  DatabaseReadOnly: 'STORE_READ_ONLY',
  FeatureNotEnabled: 'STORE_UNSUPPORTED',
  NotSupported: 'STORE_UNSUPPORTED',
  NoSuchUpload: 'STORE_UPLOAD_INCOMPLETE',
  InternalError: 'STORE_SERVER_ERROR',
  Aborted: 'STORE_SERVER_ERROR',
  AbortedTerminate: 'STORE_SERVER_ERROR',
};

const USE_SERVICE_KEY =
  'let `key` of this store refer to the service key (service_role or sb_secret_…) of the same project';
const HINTS: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  STORE_CREDENTIALS_INVALID: USE_SERVICE_KEY,
  STORE_CREDENTIALS_EXPIRED: 'put a fresh key behind the reference `key` of this store; the next request uses it',
  STORE_BUCKET_MISSING: 'create the bucket in the project, or correct `bucket`, `url` and `key` of this store',
  STORE_OBJECT_TOO_LARGE:
    'raise the file size limit of the bucket (file_size_limit) and of the project, or lower repository.segmentSize',
  STORE_UNSUPPORTED: 'this needs Supabase Storage 1.19 or later; update the server',
};
const MIME_HINT =
  'let the bucket take application/octet-stream: add it to allowed_mime_types of the bucket, or clear that list';
const ROUTE_HINT =
  'correct `url` of this store: hosted projects have https://REF.supabase.co/storage/v1, a server without a gateway its bare address';

const TAKEN = new Set(['KeyAlreadyExists', 'ResourceAlreadyExists', 'Duplicate']);

const TLS = /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|HOSTNAME_MISMATCH|ERR_SSL|EPROTO)/;

/** The status that is meant: that of the body where it has one. */
export function effectiveStatus({ httpStatus, statusCode }: Refusal): number {
  const stated = Number(statusCode);
  return Number.isInteger(stated) && stated >= 300 && stated <= 599 ? stated : httpStatus;
}

/** What row level security has to permit, by the table that it is about. */
export const PERMISSIONS: Readonly<Record<SupabaseOperation, string>> = {
  put: 'insert on storage.objects (to replace also select and update)',
  upload: 'insert on storage.objects (to replace also select and update)',
  get: 'select on storage.objects',
  head: 'select on storage.objects',
  list: 'select on storage.objects',
  delete: 'delete and select on storage.objects',
  bucket: 'select on storage.buckets',
};

/** The hint for a key whose role may not do what was asked. */
export function grantHint(operation: SupabaseOperation): string {
  return `${USE_SERVICE_KEY}, or permit ${PERMISSIONS[operation]} to its role by a policy`;
}

/** A refusal as an error of the store. */
export function refusalError(refusal: Refusal, context: SupabaseErrorContext, cause?: unknown): Error {
  const status = effectiveStatus(refusal);
  const { code, hint } = classify(refusal, status);
  const denied = code === 'STORE_ACCESS_DENIED';
  return storageError(code, '', {
    context: {
      ...context,
      ...(denied ? { permission: PERMISSIONS[context.operation] } : {}),
      status,
      provider: refusal.code ?? undefined,
      says: refusal.message?.trim().slice(0, 200) || undefined,
    },
    cause,
    hint: hint ?? (denied ? grantHint(context.operation) : HINTS[code]),
  });
}

/** A request that had no answer, or none that can be read, as an error of the store. */
export function networkError(error: unknown, context: SupabaseErrorContext): Error {
  if (isHoldfastError(error)) return error;
  const fault = error as NodeJS.ErrnoException | null;
  const provider = typeof fault?.code === 'string' ? fault.code : undefined;
  const code = TLS.test(provider ?? '')
    ? 'STORE_TLS_INVALID'
    : provider === 'ETIMEDOUT'
      ? 'STORE_TIMEOUT'
      : 'STORE_UNREACHABLE';
  return storageError(code, '', {
    context: { ...context, provider, says: fault?.message?.slice(0, 200) || undefined },
    cause: error,
  });
}

/**
 * True when the store refused because an object of this name stands there already. TUS and older servers have no code,
 * only the sentence; a wrong offset and a lock are 409 and 423 too.
 */
export function isTaken(error: unknown): boolean {
  if (!isHoldfastError(error, 'STORE_CONFLICT') || error.context.status !== 409) return false;
  const { provider, says } = error.context;
  return provider === undefined ? /already exists|duplicate/i.test(String(says)) : TAKEN.has(String(provider));
}

function classify(refusal: Refusal, status: number): { code: StorageErrorCode; hint?: string } {
  const provider = refusal.code ?? '';
  const says = refusal.message ?? '';
  if (provider === 'InvalidMimeType' || status === 415) return { code: 'STORE_REFUSED', hint: MIME_HINT };
  if (provider === 'AccessDenied') return { code: accessDenied(says) };
  if (provider === 'DatabaseError')
    // The role that the key names does not exist in the database, or may not be taken on.
    return { code: /\brole\b/i.test(says) ? 'STORE_CREDENTIALS_INVALID' : 'STORE_SERVER_ERROR' };
  const known = BY_CODE[provider];
  if (known) return { code: known };
  if (status === 404) return { code: 'STORE_REFUSED', hint: ROUTE_HINT };
  if (status === 400 && /authorization/i.test(says)) return { code: 'STORE_CREDENTIALS_INVALID' };
  if (status === 401) return { code: 'STORE_CREDENTIALS_INVALID' };
  if (status === 403) return { code: accessDenied(says) };
  if (status === 402 || status === 507) return { code: 'STORE_FULL' };
  if (status === 408 || status === 504) return { code: 'STORE_TIMEOUT' };
  if (status === 409 || status === 423) return { code: 'STORE_CONFLICT' };
  if (status === 413) return { code: 'STORE_OBJECT_TOO_LARGE' };
  if (status === 429 || status === 503 || status === 544) return { code: 'STORE_THROTTLED' };
  return status >= 500 || status < 300
    ? { code: 'STORE_SERVER_ERROR' }
    : { code: 'STORE_REFUSED', ...(status < 400 && { hint: ROUTE_HINT }) };
}

/** One code stands for a key that is no good and for a permission that is not there; only the text tells them apart. */
function accessDenied(says: string): StorageErrorCode {
  if (/row-level security|permission|policy|role/i.test(says)) return 'STORE_ACCESS_DENIED';
  if (/\bexp\b|expired/i.test(says)) return 'STORE_CREDENTIALS_EXPIRED';
  if (/jw[st]|signature|token|authenticat/i.test(says)) return 'STORE_CREDENTIALS_INVALID';
  return 'STORE_ACCESS_DENIED';
}
