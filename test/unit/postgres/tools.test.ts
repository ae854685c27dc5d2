import { knownBadMinor, parseToolVersion } from '../../../src/postgres/tools';
import { connectionFault, statementFault } from '../../../src/postgres/faults';
import { sessionSettings } from '../../../src/postgres/session-settings';

test('versions of tools are read however they are packaged', () => {
  expect(parseToolVersion('pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)')).toEqual({
    major: 15,
    minor: 18,
    version: '15.18',
  });
  expect(parseToolVersion('pg_dump (PostgreSQL) 18.4')).toEqual({ major: 18, minor: 4, version: '18.4' });
  expect(parseToolVersion('pg_dump (PostgreSQL) 19beta1')).toEqual({ major: 19, minor: 0, version: '19.0' });
  expect(parseToolVersion('18.4')).toEqual({ major: 18, minor: 4, version: '18.4' });
  expect(parseToolVersion('no version')).toBeNull();
});

test.each([
  ['18.6', true],
  ['18.7', false],
  ['17.11', true],
  ['17.12', false],
  ['16.15', true],
  ['16.16', false],
  ['15.19', true],
  ['15.20', false],
  ['14.22', true],
  ['19.0', false],
])('pg_restore %s has known holes: %s', (version, bad) => {
  expect(knownBadMinor(version)).toBe(bad);
});

test('errors of the server become errors of the catalogue, without values of rows', () => {
  const raw = Object.assign(new Error('duplicate key value violates unique constraint "k"'), {
    code: '23505',
    detail: 'Key (secret)=(4711) already exists.',
  });
  const fault = statementFault(raw, 'loading a.b');
  expect(fault.code).toBe('PG_QUERY_FAILED');
  expect(JSON.stringify([fault.message, fault.context, Object.entries(fault.cause as object)])).not.toContain('4711');
});

test.each([
  ['28P01', 'PG_AUTH_FAILED'],
  ['3D000', 'PG_DATABASE_UNKNOWN'],
  ['53300', 'PG_TOO_MANY_CONNECTIONS'],
  ['57P03', 'PG_UNREACHABLE'],
  ['ECONNREFUSED', 'PG_UNREACHABLE'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'PG_TLS'],
])('a connection that fails with %s is %s', (code, expected) => {
  const message = code === 'DEPTH_ZERO_SELF_SIGNED_CERT' ? 'self-signed certificate' : 'no';
  expect(connectionFault(Object.assign(new Error(message), { code }), {}).code).toBe(expected);
});

test('session settings fix what the text of a value depends on, and know their server', () => {
  const old = sessionSettings(130_000);
  expect(old).toContain('SET extra_float_digits = 3');
  expect(old).not.toContain('idle_session_timeout');
  expect(sessionSettings(180_000)).toContain('SET transaction_timeout = 0');
  expect(() => sessionSettings(150_000, { encoding: `UTF8'; DROP` })).toThrow(RangeError);
});
