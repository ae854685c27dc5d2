import * as fc from 'fast-check';
import { redact } from '../../../src/errors/redact';

describe('redacting', () => {
  it.each([
    ['connect to postgres://ana:s3cr@t@db:5432/shop failed', 'connect to postgres://ana:***@db:5432/shop failed'],
    ['https://key:word@host/x?a=1', 'https://key:***@host/x?a=1'],
    ['host=db password=hunter2 user=x', 'host=db password=*** user=x'],
    [`host=db password='hun ter2' user=x`, 'host=db password=*** user=x'],
    ['PGPASSWORD=hunter2 pg_dump', 'PGPASSWORD=*** pg_dump'],
    ['{"secretAccessKey":"abc def","a":1}', '{"secretAccessKey":***,"a":1}'],
    ['Authorization: Bearer abc.def-123456', 'Authorization: Bearer ***'],
    ['GET /x?X-Amz-Signature=abcdef&b=1', 'GET /x?X-Amz-Signature=***&b=1'],
    ['identity AGE-SECRET-KEY-1QQQQ0000 was refused', 'identity *** was refused'],
    ['key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'.replace('EXAMPLEKEY', 'EXAMPLE1EY'), 'key ***'],
    ['token eyJhbGciOiJI.eyJzdWIi.abc_-1 expired', 'token *** expired'],
    ['-----BEGIN PRIVATE KEY-----\nMIIE\nabc\n-----END PRIVATE KEY-----\nrest', '***\nrest'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nMIIE and no end', '***'],
  ])('%j becomes %j', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  it.each([
    'password authentication failed for user "ana"',
    'commit 4f699ec0a1b2c3d4e5f60718293a4b5c6d7e8f90 is known',
    `object ${'ab12'.repeat(16)} is missing [store=s3]`,
    'postgresql://db:5432/shop is unreachable',
    'backup 20261121T092530Z-full-1a2b3c4d at 10:30:00',
  ])('leaves %j as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('leaves no known secret in any text, however it is spelt', () => {
    const secret = fc
      .string({ unit: 'grapheme', minLength: 4, maxLength: 24 })
      .filter((s) => !/^\*+$/.test(s) && s.isWellFormed());
    fc.assert(
      fc.property(
        fc.array(fc.oneof(secret, fc.string()), { maxLength: 8 }),
        fc.array(secret, { minLength: 1, maxLength: 3 }),
        fc.context(),
        (noise, secrets, _ctx) => {
          const text = [...noise, ...secrets, encodeURIComponent(secrets[0]!), JSON.stringify(secrets), ...noise].join(
            '',
          );
          const clean = redact(text, secrets);
          for (const one of secrets) expect(clean.includes(one)).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('leaves no password of any URL', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9!$&*+.=_~%-]{6,20}$/);
    fc.assert(
      fc.property(word, fc.constantFrom('postgresql', 'https', 's3+http'), (password, scheme) => {
        expect(redact(`at ${scheme}://user:${password}Z9@host/x`)).toBe(`at ${scheme}://user:***@host/x`);
      }),
    );
  });

  it('takes time in proportion to the text', () => {
    const started = performance.now();
    for (const hostile of ['a://b:', 'password=', 'eyJaaaaa.', '-----BEGIN PRIVATE KEY-----', 'aA1'])
      redact(hostile.repeat(Math.floor(50_000 / hostile.length)));
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
