import { STORAGE_ERRORS } from '../../../../src/errors/storage';
import { isHoldfastError } from '../../../../src/errors/holdfast-error';
import { s3Error, type S3Operation } from '../../../../src/storage/s3/errors';

const map = (fault: Record<string, unknown>, operation: S3Operation = 'put') => {
  const error = s3Error(fault, { store: 's', bucket: 'b', operation, key: 'k' });
  if (!isHoldfastError(error)) throw new Error('not an error of the store');
  return error;
};
const answered = (httpStatusCode: number, name = 'Unknown', message = '') => ({
  name,
  message,
  $metadata: { httpStatusCode },
});

describe('an error of an S3 store', () => {
  it.each([
    [answered(404, 'NoSuchKey'), 'STORE_OBJECT_MISSING'],
    [answered(404, 'NoSuchBucket'), 'STORE_BUCKET_MISSING'],
    [answered(404, 'Unknown', '<html>not found'), 'STORE_REFUSED'],
    [answered(301, 'PermanentRedirect'), 'STORE_REGION_WRONG'],
    [answered(301), 'STORE_REGION_WRONG'],
    [answered(400, 'AuthorizationHeaderMalformed'), 'STORE_REGION_WRONG'],
    [answered(403, 'InvalidAccessKeyId'), 'STORE_CREDENTIALS_INVALID'],
    [answered(403, 'SignatureDoesNotMatch'), 'STORE_CREDENTIALS_INVALID'],
    [answered(400, 'ExpiredToken'), 'STORE_CREDENTIALS_EXPIRED'],
    [answered(403, 'RequestTimeTooSkewed'), 'STORE_CLOCK_SKEW'],
    [answered(403, 'AccessDenied'), 'STORE_ACCESS_DENIED'],
    [answered(403), 'STORE_ACCESS_DENIED'],
    [answered(403, 'AccessDenied', 'Access Denied because object protected by object lock.'), 'STORE_OBJECT_LOCKED'],
    [answered(413), 'STORE_OBJECT_TOO_LARGE'],
    [answered(507), 'STORE_FULL'],
    [answered(501, 'NotImplemented'), 'STORE_UNSUPPORTED'],
    [answered(400, 'SomethingNew'), 'STORE_REFUSED'],
    [answered(503, 'SlowDown'), 'STORE_THROTTLED'],
    [answered(503), 'STORE_THROTTLED'],
    [answered(429), 'STORE_THROTTLED'],
    [answered(500, 'InternalError'), 'STORE_SERVER_ERROR'],
    [answered(502), 'STORE_SERVER_ERROR'],
    [answered(400, 'RequestTimeout'), 'STORE_TIMEOUT'],
    [answered(400, 'BadDigest'), 'STORE_TRANSFER_DAMAGED'],
    [answered(409, 'ConditionalRequestConflict'), 'STORE_CONFLICT'],
    [answered(400, 'InvalidPart'), 'STORE_UPLOAD_INCOMPLETE'],
    [answered(200, 'SyntaxError', 'not XML'), 'STORE_SERVER_ERROR'],
    [{ name: 'Error', code: 'ECONNRESET', message: 'socket hang up' }, 'STORE_UNREACHABLE'],
    [{ name: 'TimeoutError', code: 'ECONNRESET', message: 'socket hang up' }, 'STORE_UNREACHABLE'],
    [{ name: 'TimeoutError', code: 'EPIPE', message: 'write EPIPE' }, 'STORE_UNREACHABLE'],
    [{ name: 'Error', code: 'ENOTFOUND', message: 'getaddrinfo' }, 'STORE_UNREACHABLE'],
    [{ name: 'TimeoutError', message: 'socket' }, 'STORE_TIMEOUT'],
    [{ name: 'Error', code: 'SELF_SIGNED_CERT_IN_CHAIN', message: '' }, 'STORE_TLS_INVALID'],
    [{ name: 'Error', code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: '' }, 'STORE_TLS_INVALID'],
    [{ name: 'CredentialsProviderError', message: 'none' }, 'STORE_CREDENTIALS_INVALID'],
  ] as const)('%j is %s', (fault, code) => {
    expect(map(fault).code).toBe(code);
  });

  it('names the permission that is missing, also the one of Object Lock', () => {
    expect(map(answered(403, 'AccessDenied'), 'delete').message).toContain('[permission=s3:DeleteObject]');
    const error = s3Error(answered(403, 'AccessDenied'), {
      store: 's',
      bucket: 'b',
      operation: 'put',
      permissions: ['s3:PutObjectRetention'],
    });
    expect(error).toMatchObject({ hint: expect.stringContaining('s3:PutObject, s3:PutObjectRetention') });
  });

  it('names the region that the bucket is in', () => {
    const redirect = { ...answered(301), $response: { headers: { 'x-amz-bucket-region': 'eu-central-1' } } };
    expect(map(redirect).message).toContain('[region=eu-central-1]');
  });

  it('is passed on unchanged when it is one already', () => {
    const error = map(answered(500));
    expect(s3Error(error, { store: 's', bucket: 'b', operation: 'get' })).toBe(error);
  });
});

describe('the catalogue of store errors', () => {
  it('has stable codes, facts in lower case, and a hint for each', () => {
    for (const [code, { summary, hint }] of Object.entries(STORAGE_ERRORS)) {
      expect(code).toMatch(/^STORE_[A-Z_]+$/);
      expect(summary).toMatch(/^[a-z]/);
      expect(hint.length).toBeGreaterThan(10);
    }
  });
});

describe('a refusal that tells what would be right', () => {
  it.each([
    [{ ...answered(301, 'PermanentRedirect'), $response: { headers: { 'x-amz-bucket-region': 'eu-central-1' } } }],
    [{ ...answered(400, 'AuthorizationHeaderMalformed'), Region: 'eu-central-1' }],
    [answered(400, 'AuthorizationHeaderMalformed', "the region 'us-east-1' is wrong; expecting 'eu-central-1'")],
  ])('names the region in the hint: %j', (fault) => {
    expect(map(fault).hint).toBe('set region: eu-central-1 for this store');
  });

  it('says by how many seconds the clocks differ', () => {
    const ServerTime = new Date(Date.now() - 1_200_000).toISOString();
    const error = map({ ...answered(403, 'RequestTimeTooSkewed'), ServerTime });
    expect(error.context.skewSeconds).toBeGreaterThanOrEqual(1_199);
    expect(error.hint).toMatch(/^the clock of this machine is 1[12]\d\d s ahead of the store's/);
    expect(map(answered(403, 'RequestTimeTooSkewed')).hint).toContain('NTP');
  });
});
