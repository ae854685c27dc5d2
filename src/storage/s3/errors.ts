import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError, type StorageErrorCode } from '../../errors/storage';

/** What was asked, for the message and for the permission that it needs. */
export type S3Operation = 'put' | 'upload' | 'get' | 'head' | 'list' | 'delete' | 'bucket';

export interface S3ErrorContext {
  readonly store: string;
  readonly bucket: string;
  readonly operation: S3Operation;
  readonly key?: string;
  /** Permissions beyond the usual ones, e.g. s3:PutObjectRetention. */
  readonly permissions?: readonly string[];
}

const PERMISSIONS: Readonly<Record<S3Operation, string>> = {
  put: 's3:PutObject',
  upload: 's3:PutObject, s3:ListMultipartUploadParts, s3:AbortMultipartUpload',
  get: 's3:GetObject',
  head: 's3:GetObject, s3:ListBucket',
  list: 's3:ListBucket',
  delete: 's3:DeleteObject',
  bucket: 's3:ListBucket',
};

const BY_CODE: Readonly<Record<string, StorageErrorCode>> = {
  NoSuchKey: 'STORE_OBJECT_MISSING',
  NoSuchVersion: 'STORE_OBJECT_MISSING',
  NoSuchBucket: 'STORE_BUCKET_MISSING',
  InvalidBucketName: 'STORE_BUCKET_MISSING',
  PermanentRedirect: 'STORE_REGION_WRONG',
  TemporaryRedirect: 'STORE_REGION_WRONG',
  Redirect: 'STORE_REGION_WRONG',
  AuthorizationHeaderMalformed: 'STORE_REGION_WRONG',
  IllegalLocationConstraintException: 'STORE_REGION_WRONG',
  InvalidAccessKeyId: 'STORE_CREDENTIALS_INVALID',
  InvalidAccessKey: 'STORE_CREDENTIALS_INVALID',
  XAdminUserNotFound: 'STORE_CREDENTIALS_INVALID',
  SignatureDoesNotMatch: 'STORE_CREDENTIALS_INVALID',
  InvalidToken: 'STORE_CREDENTIALS_INVALID',
  CredentialsProviderError: 'STORE_CREDENTIALS_INVALID',
  ExpiredToken: 'STORE_CREDENTIALS_EXPIRED',
  ExpiredTokenException: 'STORE_CREDENTIALS_EXPIRED',
  TokenRefreshRequired: 'STORE_CREDENTIALS_EXPIRED',
  RequestTimeTooSkewed: 'STORE_CLOCK_SKEW',
  RequestExpired: 'STORE_CLOCK_SKEW',
  AccessDenied: 'STORE_ACCESS_DENIED',
  AllAccessDisabled: 'STORE_ACCESS_DENIED',
  AccountProblem: 'STORE_ACCESS_DENIED',
  NotSignedUp: 'STORE_ACCESS_DENIED',
  ObjectLocked: 'STORE_OBJECT_LOCKED',
  InvalidObjectState: 'STORE_OBJECT_ARCHIVED',
  EntityTooLarge: 'STORE_OBJECT_TOO_LARGE',
  MaxMessageLengthExceeded: 'STORE_OBJECT_TOO_LARGE',
  InsufficientStorage: 'STORE_FULL',
  XMinioStorageFull: 'STORE_FULL',
  XMinioAdminBucketQuotaExceeded: 'STORE_FULL',
  QuotaExceeded: 'STORE_FULL',
  StorageQuotaExceeded: 'STORE_FULL',
  NotImplemented: 'STORE_UNSUPPORTED',
  InvalidStorageClass: 'STORE_UNSUPPORTED',
  InvalidBucketState: 'STORE_UNSUPPORTED',
  KeyTooLongError: 'STORE_KEY_INVALID',
  BadDigest: 'STORE_TRANSFER_DAMAGED',
  InvalidDigest: 'STORE_TRANSFER_DAMAGED',
  XAmzContentSHA256Mismatch: 'STORE_TRANSFER_DAMAGED',
  XAmzContentChecksumMismatch: 'STORE_TRANSFER_DAMAGED',
  IncompleteBody: 'STORE_TRANSFER_DAMAGED',
  SlowDown: 'STORE_THROTTLED',
  SlowDownRead: 'STORE_THROTTLED',
  SlowDownWrite: 'STORE_THROTTLED',
  TooManyRequests: 'STORE_THROTTLED',
  Throttling: 'STORE_THROTTLED',
  ThrottlingException: 'STORE_THROTTLED',
  RequestLimitExceeded: 'STORE_THROTTLED',
  RequestTimeout: 'STORE_TIMEOUT',
  TimeoutError: 'STORE_TIMEOUT',
  ConditionalRequestConflict: 'STORE_CONFLICT',
  OperationAborted: 'STORE_CONFLICT',
  NoSuchUpload: 'STORE_UPLOAD_INCOMPLETE',
  InvalidPart: 'STORE_UPLOAD_INCOMPLETE',
  InvalidPartOrder: 'STORE_UPLOAD_INCOMPLETE',
  InternalError: 'STORE_SERVER_ERROR',
  ServiceUnavailable: 'STORE_THROTTLED',
};

const TLS = /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|HOSTNAME_MISMATCH|ERR_SSL|EPROTO)/;
const NETWORK =
  /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ETIMEDOUT|ERR_STREAM|HPE_)/;

/** The parts of an SDK error that are looked at; every one may be absent. */
interface S3Fault {
  readonly name?: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly Region?: unknown;
  readonly ServerTime?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

/** HTTP status of an SDK error; undefined when no answer came. */
export function statusOf(error: unknown): number | undefined {
  const fault = error as S3Fault | null;
  return fault?.$metadata?.httpStatusCode ?? fault?.$response?.statusCode;
}

/** S3's code of an error (`NoSuchKey`); the SDK puts it into the name. */
export function codeOf(error: unknown): string {
  const fault = error as S3Fault | null;
  return String(fault?.Code ?? fault?.name ?? 'Unknown');
}

/** An SDK, network or TLS error as an error of the store; the SDK's own becomes the cause. */
export function s3Error(error: unknown, context: S3ErrorContext): Error {
  if (isHoldfastError(error)) return error;
  const fault = (error ?? {}) as S3Fault;
  const status = statusOf(error);
  const code = classify(fault, status);
  const { permissions, ...where } = context;
  const region = code === 'STORE_REGION_WRONG' ? regionOf(fault) : undefined;
  const skewSeconds = code === 'STORE_CLOCK_SKEW' ? skewOf(fault) : undefined;
  const needed = [PERMISSIONS[context.operation], ...(permissions ?? [])].join(', ');
  const provider = status === undefined ? (networkCodeOf(fault) ?? codeOf(error)) : codeOf(error);
  return storageError(code, '', {
    context: {
      ...where,
      status,
      provider,
      says: fault.message?.slice(0, 200) || undefined,
      region,
      skewSeconds,
      ...(code === 'STORE_ACCESS_DENIED' ? { permission: needed } : {}),
      requestId: fault.$metadata?.requestId,
    },
    cause: error,
    ...hintOf(code, needed, region, skewSeconds),
  });
}

function hintOf(
  code: StorageErrorCode,
  needed: string,
  region: string | undefined,
  skewSeconds: number | undefined,
): { hint?: string } {
  if (code === 'STORE_ACCESS_DENIED')
    return { hint: `grant ${needed} on the bucket and its objects to the key of this store` };
  if (region !== undefined) return { hint: `set region: ${region} for this store` };
  if (skewSeconds !== undefined) {
    const way = skewSeconds > 0 ? 'ahead of' : 'behind';
    return {
      hint: `the clock of this machine is ${Math.abs(skewSeconds)} s ${way} the store's: synchronise it (NTP)`,
    };
  }
  return {};
}

/** The right region, where the refusal tells it: in a field, a header, or the words of the message. */
function regionOf(fault: S3Fault): string | undefined {
  const told = fault.Region ?? fault.$response?.headers?.['x-amz-bucket-region'];
  if (typeof told === 'string' && told !== '') return told;
  return /expecting '([a-z0-9-]+)'/.exec(fault.message ?? '')?.[1];
}

/** Whole seconds that this machine is ahead of the store (negative: behind), by the time in its refusal. */
function skewOf(fault: S3Fault): number | undefined {
  const told = fault.ServerTime ?? fault.$response?.headers?.date;
  const at = told instanceof Date ? told.getTime() : Date.parse(String(told ?? ''));
  return Number.isNaN(at) ? undefined : Math.round((Date.now() - at) / 1000);
}

function classify(fault: S3Fault, status: number | undefined): StorageErrorCode {
  if (/object lock|WORM|retention|legal hold/i.test(fault.message ?? '') && status !== undefined && status < 500)
    if (codeOf(fault) === 'AccessDenied' || status === 403) return 'STORE_OBJECT_LOCKED';
  // The SDK's sockets name a connection that broke a TimeoutError too.
  if (status === undefined && (fault.code === 'ECONNRESET' || fault.code === 'EPIPE')) return 'STORE_UNREACHABLE';
  const known = BY_CODE[codeOf(fault)];
  if (known) return known;
  if (status === undefined || status < 300) return withoutAnswer(fault, status);
  if (status === 429 || status === 503) return 'STORE_THROTTLED';
  if (status === 507) return 'STORE_FULL';
  if (status === 501) return 'STORE_UNSUPPORTED';
  if (status === 408) return 'STORE_TIMEOUT';
  if (status === 409) return 'STORE_CONFLICT';
  if (status === 413) return 'STORE_OBJECT_TOO_LARGE';
  if (status === 401) return 'STORE_CREDENTIALS_INVALID';
  if (status === 403) return 'STORE_ACCESS_DENIED';
  if (status === 301 || status === 307) return 'STORE_REGION_WRONG';
  // A 404 too: only NoSuchKey says that an object is missing. Proxies and gateways say 404 for reasons of their own, and
  // a copy must not be taken for lost because of them.
  return status >= 500 ? 'STORE_SERVER_ERROR' : 'STORE_REFUSED';
}

function withoutAnswer(fault: S3Fault, status: number | undefined): StorageErrorCode {
  const code = networkCodeOf(fault);
  if (code && TLS.test(code)) return 'STORE_TLS_INVALID';
  if (code && NETWORK.test(code)) return 'STORE_UNREACHABLE';
  // A success that cannot be read: cut off on its way, or no S3 endpoint at all.
  return status === undefined ? 'STORE_UNREACHABLE' : 'STORE_SERVER_ERROR';
}

function networkCodeOf(fault: S3Fault): string | undefined {
  if (typeof fault.code === 'string') return fault.code;
  const cause = (fault as { cause?: { code?: unknown } }).cause;
  if (typeof cause?.code === 'string') return cause.code;
  // The SDK wraps what it does not take for an Error and keeps no more than the text.
  return /\b(E[A-Z]{4,}|CERT_[A-Z_]+|[A-Z_]*SELF_SIGNED[A-Z_]*)\b/.exec(fault.message ?? '')?.[1];
}
