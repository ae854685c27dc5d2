import type { StorageErrorCode } from '../../../../src/errors/storage';
import { isHoldfastError } from '../../../../src/errors/holdfast-error';
import {
  effectiveStatus,
  isTaken,
  networkError,
  refusalError,
  type Refusal,
  type SupabaseErrorContext,
} from '../../../../src/storage/supabase/errors';

const context: SupabaseErrorContext = { store: 'far', bucket: 'backups', operation: 'put', key: 'a/b' };
/** As REST answers: 400, and the status that is meant in the body. */
const rest = (statusCode: string, code: string, message = ''): Refusal => ({
  httpStatus: 400,
  statusCode,
  code,
  message,
});
/** As TUS answers: a true status and plain text. */
const tus = (httpStatus: number, message: string): Refusal => ({ httpStatus, message });

describe('the errors of Supabase Storage', () => {
  const cases: [string, Refusal, StorageErrorCode, boolean][] = [
    ['a missing object', rest('404', 'NoSuchKey', 'Object not found'), 'STORE_OBJECT_MISSING', false],
    ['a missing bucket', rest('404', 'NoSuchBucket', 'Bucket not found'), 'STORE_BUCKET_MISSING', false],
    ['a route that does not exist', { httpStatus: 404, message: 'Route GET:/x not found' }, 'STORE_REFUSED', false],
    ['an object that is there', rest('409', 'KeyAlreadyExists', 'The resource already exists'), 'STORE_CONFLICT', true],
    ['the same by TUS', tus(409, 'The resource already exists'), 'STORE_CONFLICT', true],
    ['an upload that another request holds', tus(423, 'The file is locked'), 'STORE_CONFLICT', true],
    ['too large an object', rest('413', 'EntityTooLarge'), 'STORE_OBJECT_TOO_LARGE', false],
    ['the same by TUS', tus(413, 'Maximum size exceeded'), 'STORE_OBJECT_TOO_LARGE', false],
    ['a type that the bucket does not take', rest('415', 'InvalidMimeType'), 'STORE_REFUSED', false],
    ['a key with characters that it does not take', rest('400', 'InvalidKey'), 'STORE_KEY_INVALID', false],
    [
      'a key signed wrongly',
      rest('403', 'AccessDenied', 'signature verification failed'),
      'STORE_CREDENTIALS_INVALID',
      false,
    ],
    ['a key that is none', rest('403', 'AccessDenied', 'Invalid Compact JWS'), 'STORE_CREDENTIALS_INVALID', false],
    [
      'a key that has expired',
      rest('403', 'AccessDenied', '"exp" claim timestamp check failed'),
      'STORE_CREDENTIALS_EXPIRED',
      false,
    ],
    [
      'a row that row level security keeps',
      rest('403', 'AccessDenied', 'new row violates row-level security policy'),
      'STORE_ACCESS_DENIED',
      false,
    ],
    ['the same by TUS', tus(403, 'new row violates row-level security policy'), 'STORE_ACCESS_DENIED', false],
    [
      'a role that does not exist',
      { httpStatus: 500, code: 'DatabaseError', message: 'role "x" does not exist' },
      'STORE_CREDENTIALS_INVALID',
      false,
    ],
    [
      'a database that is away',
      { httpStatus: 500, code: 'DatabaseError', message: 'connection refused' },
      'STORE_SERVER_ERROR',
      true,
    ],
    [
      'no header at all',
      rest('400', 'InvalidRequest', "headers must have required property 'authorization'"),
      'STORE_CREDENTIALS_INVALID',
      false,
    ],
    ['a gateway that knows no key', tus(401, 'No API key found in request'), 'STORE_CREDENTIALS_INVALID', false],
    ['a project that owes', tus(402, 'Payment required'), 'STORE_FULL', false],
    ['too many requests', tus(429, 'Too many'), 'STORE_THROTTLED', true],
    ['too many, as the server words it', rest('429', 'SlowDown'), 'STORE_THROTTLED', true],
    ['an overloaded gateway', tus(503, ''), 'STORE_THROTTLED', true],
    ['a database that took too long', { httpStatus: 544, code: 'DatabaseTimeout' }, 'STORE_THROTTLED', true],
    ['a gateway that waited in vain', tus(504, ''), 'STORE_TIMEOUT', true],
    ['a bad gateway', tus(502, '<html>'), 'STORE_SERVER_ERROR', true],
    ['an error of its own', { httpStatus: 500, code: 'InternalError' }, 'STORE_SERVER_ERROR', true],
    ['a success that cannot be read', tus(200, 'the answer cannot be read'), 'STORE_SERVER_ERROR', true],
    ['a redirect', tus(308, ''), 'STORE_REFUSED', false],
    ['a code that nobody knows', rest('418', 'Teapot'), 'STORE_REFUSED', false],
  ];
  it.each(cases)('tells %s', (_, refusal, code, retryable) => {
    const error = refusalError(refusal, context);
    expect(error).toMatchObject({ code, retryable, context: { store: 'far', bucket: 'backups', key: 'a/b' } });
    expect(isHoldfastError(error) && error.hint.length > 0).toBe(true);
  });

  it('takes the status that is meant from the body, where there is one', () => {
    expect(effectiveStatus(rest('404', 'NoSuchKey'))).toBe(404);
    expect(effectiveStatus({ httpStatus: 400, statusCode: 413 })).toBe(413);
    for (const statusCode of [null, undefined, '', 'x', '0', '200', '99999'])
      expect(effectiveStatus({ httpStatus: 403, statusCode })).toBe(403);
  });

  it('knows an object that is there already, and nothing else by the same status', () => {
    const taken = [
      rest('409', 'KeyAlreadyExists'),
      rest('409', 'ResourceAlreadyExists'),
      rest('409', 'Duplicate'),
      tus(409, 'The resource already exists'),
      tus(409, 'Duplicate'),
    ];
    for (const refusal of taken) expect(isTaken(refusalError(refusal, context))).toBe(true);
    const others = [
      tus(409, 'Upload-Offset does not match'),
      tus(423, 'The resource already exists'),
      rest('409', 'ResourceLocked', 'The resource already exists'),
      rest('404', 'NoSuchKey'),
    ];
    for (const refusal of others) expect(isTaken(refusalError(refusal, context))).toBe(false);
    expect(isTaken(new Error('already exists'))).toBe(false);
  });

  it.each([
    ['ECONNREFUSED', 'STORE_UNREACHABLE', true],
    ['ENOTFOUND', 'STORE_UNREACHABLE', true],
    ['ECONNRESET', 'STORE_UNREACHABLE', true],
    ['ETIMEDOUT', 'STORE_TIMEOUT', true],
    ['CERT_HAS_EXPIRED', 'STORE_TLS_INVALID', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'STORE_TLS_INVALID', false],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'STORE_TLS_INVALID', false],
  ])('tells a connection that failed with %s', (provider, code, retryable) => {
    const cause = Object.assign(new Error('it failed'), { code: provider });
    expect(networkError(cause, context)).toMatchObject({ code, retryable, cause, context: { provider } });
  });

  it('leaves an error of the store as it is, and shortens what the server says', () => {
    const known = refusalError(rest('404', 'NoSuchKey'), context);
    expect(networkError(known, context)).toBe(known);
    const long = refusalError(tus(500, 'x'.repeat(10_000)), context);
    expect(long.message.length).toBeLessThan(600);
  });
});
