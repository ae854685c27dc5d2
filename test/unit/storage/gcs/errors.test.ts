import type { StorageErrorCode } from '../../../../src/errors/storage';
import { isHoldfastError } from '../../../../src/errors/holdfast-error';
import { authError } from '../../../../src/storage/gcs/credentials';
import {
  connectionError,
  faultOf,
  gcsError,
  namesMissingObject,
  type GcsOperation,
} from '../../../../src/storage/gcs/errors';

const context = { store: 'gcs', bucket: 'b', operation: 'get' as GcsOperation, key: 'k' };
const answer = (status: number, body: string) => ({ status, headers: {}, body: Buffer.from(body) });
const google = (status: number, reason: string, message: string) =>
  answer(status, JSON.stringify({ error: { code: status, message, errors: [{ domain: 'global', reason, message }] } }));

describe('the errors of Google Cloud Storage', () => {
  const cases: [string, number, string, string, StorageErrorCode, boolean, GcsOperation?][] = [
    ['a revoked token', 401, 'authError', 'Invalid Credentials', 'STORE_CREDENTIALS_INVALID', false],
    ['an expired token', 401, 'authError', 'Token has expired.', 'STORE_CREDENTIALS_EXPIRED', false],
    [
      'a missing permission',
      403,
      'forbidden',
      "backup@p.iam.gserviceaccount.com does not have storage.objects.get access to the Google Cloud Storage object. Permission 'storage.objects.get' denied on resource (or it may not exist).",
      'STORE_ACCESS_DENIED',
      false,
    ],
    [
      'a retention policy',
      403,
      'retentionPolicyNotMet',
      "Object 'b/k' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until 2027-01-01T00:00:00Z",
      'STORE_OBJECT_LOCKED',
      false,
      'delete',
    ],
    [
      'a hold',
      403,
      'objectUnderActiveHold',
      'The object is under active hold.',
      'STORE_OBJECT_LOCKED',
      false,
      'delete',
    ],
    ['a rate limit told as 403', 403, 'rateLimitExceeded', 'Rate limit.', 'STORE_THROTTLED', true],
    ['a missing object', 404, 'notFound', 'No such object: b/k', 'STORE_OBJECT_MISSING', false],
    ['a missing bucket', 404, 'notFound', 'The specified bucket does not exist.', 'STORE_BUCKET_MISSING', false],
    ['a 404 that names nothing', 404, 'notFound', 'Not Found', 'STORE_REFUSED', false],
    ['the same of a listing', 404, 'notFound', 'Not Found', 'STORE_BUCKET_MISSING', false, 'list'],
    ['a slow request', 408, '', 'timeout', 'STORE_TIMEOUT', true],
    ['a conflict', 409, 'conflict', 'conflict', 'STORE_CONFLICT', true],
    ['a session that is gone', 410, 'gone', 'gone', 'STORE_UPLOAD_INCOMPLETE', true],
    ['a condition that was not met', 412, 'conditionNotMet', 'Precondition Failed', 'STORE_REFUSED', false],
    ['too large an object', 413, 'uploadTooLarge', 'too large', 'STORE_OBJECT_TOO_LARGE', false],
    ['too many requests', 429, 'rateLimitExceeded', 'slow down', 'STORE_THROTTLED', true],
    ['a server error', 500, 'internalError', 'We encountered an internal error.', 'STORE_SERVER_ERROR', true],
    ['a bad gateway', 502, '', '', 'STORE_SERVER_ERROR', true],
    ['an overloaded server', 503, 'backendError', 'Try again.', 'STORE_THROTTLED', true],
    ['a slow gateway', 504, '', '', 'STORE_SERVER_ERROR', true],
    [
      'a wrong checksum',
      400,
      'invalid',
      'Provided CRC32C "AAAAAA==" doesn\'t match calculated CRC32C "y/9Vaw==".',
      'STORE_TRANSFER_DAMAGED',
      true,
      'put',
    ],
    ['a storage class', 400, 'invalid', 'Invalid storage class COLD', 'STORE_UNSUPPORTED', false, 'put'],
    ['a bad request', 400, 'invalid', 'Bad Request', 'STORE_REFUSED', false],
  ];
  it.each(cases)('%s is told as what it is (%i)', (...[, status, reason, message, code, retryable, operation]) => {
    const error = gcsError(faultOf(google(status, reason, message)), { ...context, operation: operation ?? 'get' });
    expect(error).toMatchObject({ code, retryable, context: { store: 'gcs', bucket: 'b', status } });
  });

  it('names the permission that Google names, else the ones that the request needs', () => {
    const named = "Permission 'storage.objects.delete' denied on resource";
    const told = gcsError(faultOf(google(403, 'forbidden', named)), { ...context, operation: 'replace' });
    expect(told).toMatchObject({ context: { permission: 'storage.objects.delete' } });
    const silent = gcsError(faultOf(google(403, 'forbidden', 'Forbidden')), { ...context, operation: 'put' });
    expect(silent).toMatchObject({ context: { permission: 'storage.objects.create' } });
    expect(isHoldfastError(silent) && silent.hint).toContain('grant storage.objects.create');
  });

  it('takes a refused token for a wrong clock where the clocks differ', () => {
    const fault = faultOf(google(401, 'authError', 'Invalid Credentials'));
    expect(gcsError(fault, context, Date.now() - 3_600_000)).toMatchObject({ code: 'STORE_CLOCK_SKEW' });
    expect(gcsError(fault, context, Date.now())).toMatchObject({ code: 'STORE_CREDENTIALS_INVALID' });
  });

  it('reads what downloads are refused with, and quotes no page of a proxy', () => {
    expect(namesMissingObject(faultOf(answer(404, 'No such object: b/k')))).toBe(true);
    expect(namesMissingObject(faultOf(answer(404, '<html>No such object</html>')))).toBe(false);
    expect(faultOf(answer(502, '<html>secret page</html>')).message).toBe('');
    expect(faultOf(answer(500, '[]'))).toMatchObject({ status: 500, reason: '' });
    expect(faultOf(answer(500, 'null'))).toMatchObject({ status: 500 });
  });

  it.each([
    ['ECONNRESET', 'STORE_UNREACHABLE'],
    ['ENOTFOUND', 'STORE_UNREACHABLE'],
    ['ETIMEDOUT', 'STORE_TIMEOUT'],
    ['CERT_HAS_EXPIRED', 'STORE_TLS_INVALID'],
    ['EWHATEVER', 'STORE_UNREACHABLE'],
  ])('tells a connection that failed with %s as %s', (code, expected) => {
    const error = Object.assign(new Error('it broke'), { code });
    expect(connectionError(error, context)).toMatchObject({ code: expected });
    expect(connectionError(new Error('wrapped', { cause: error }), context)).toMatchObject({ code: expected });
  });

  it.each([
    [
      'invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
      'STORE_CLOCK_SKEW',
    ],
    ['invalid_grant: Invalid JWT Signature.', 'STORE_CREDENTIALS_INVALID'],
    ['invalid_grant: Invalid grant: account not found', 'STORE_CREDENTIALS_INVALID'],
    ['invalid_grant: Token has been expired or revoked.', 'STORE_CREDENTIALS_EXPIRED'],
    ['Could not load the default credentials. Browse to https://cloud.google.com/docs', 'STORE_CREDENTIALS_INVALID'],
    ['The operation was aborted due to timeout', 'STORE_TIMEOUT'],
  ])('says why there is no token: %s', (message, code) => {
    const error = authError(Object.assign(new Error(message), { config: { data: 'assertion' } }), { name: 'gcs' });
    expect(error).toMatchObject({ code, context: { store: 'gcs', credentials: 'default' } });
    expect(error.cause).toBeUndefined();
  });

  it('tells a service of tokens that is away or overloaded as one that may come back', () => {
    const reset = Object.assign(new Error('request failed'), {
      cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    });
    expect(authError(reset, { name: 'gcs' })).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true });
    const busy = Object.assign(new Error('Request failed with status code 503'), { status: 503 });
    expect(authError(busy, { name: 'gcs' })).toMatchObject({ code: 'STORE_SERVER_ERROR', retryable: true });
  });
});
