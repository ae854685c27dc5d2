import fc from 'fast-check';
import { accessSchema } from '../../../src/config/access-schema';
import { judge, newToken, recognise, TOKEN_PREFIX, tokenHash } from '../../../src/config/access-tokens';
import { ROLES } from '../../../src/domain/access';
import { redact } from '../../../src/errors/redact';

const NOW = new Date('2026-11-21T12:00:00Z');
const held = { viewer: newToken(), oncall: newToken(), past: newToken() };
const access = accessSchema.parse({
  tokens: [
    { name: 'viewer', roles: ['view'], hash: tokenHash(held.viewer) },
    { name: 'oncall', roles: ['operate'], hash: tokenHash(held.oncall), expires: '2026-11-22' },
    { name: 'past', roles: ['administer'], hash: tokenHash(held.past), expires: '2026-11-21T12:00:00Z' },
  ],
});

test('a token has 256 random bits, says what it is, and is taken out of what is printed', () => {
  const made = Array.from({ length: 100 }, newToken);
  expect(new Set(made).size).toBe(100);
  for (const token of made) {
    expect(token.startsWith(TOKEN_PREFIX)).toBe(true);
    expect(Buffer.from(token.slice(TOKEN_PREFIX.length), 'base64url')).toHaveLength(32);
    expect(redact(`it was ${token}, they said`)).toBe('it was ***, they said');
  }
});

test.each([
  ['none presented', null, 'ACCESS_TOKEN_MISSING', null],
  ['an empty one', '', 'ACCESS_TOKEN_UNKNOWN', null],
  ['the hash instead of the token', tokenHash(held.viewer), 'ACCESS_TOKEN_UNKNOWN', null],
  ['one of nobody', newToken(), 'ACCESS_TOKEN_UNKNOWN', null],
  ['one whose time is over to the second', held.past, 'ACCESS_TOKEN_EXPIRED', 'past'],
  ['one without the role', held.viewer, 'ACCESS_DENIED', 'viewer'],
])('%s is denied, with its reason and whose it is', (_title, presented, code, name) => {
  expect(judge(access, presented, ['operate'], NOW)).toMatchObject({ ok: false, code, name });
});

test('one with the role is let in under its name until it expires', () => {
  expect(judge(access, held.oncall, ['operate'], NOW)).toEqual({ ok: true, name: 'oncall' });
  const midnight = Date.parse('2026-11-22T00:00:00Z');
  expect(judge(access, held.oncall, ['operate'], new Date(midnight - 1)).ok).toBe(true);
  expect(judge(access, held.oncall, ['operate'], new Date(midnight)).ok).toBe(false);
});

test('every need must be met', () => {
  expect(judge(access, held.oncall, ['view', 'operate'], NOW).ok).toBe(true);
  expect(judge(access, held.oncall, ['view', 'restore'], NOW)).toMatchObject({ ok: false, code: 'ACCESS_DENIED' });
});

test('whichever token is presented, known or not, all are compared, by digests of one length', () => {
  const secrets = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(secrets, fc.nat(), fc.boolean(), fc.string(), (given, at, known, other) => {
      const tokens = given.map((secret, index) => ({
        name: `t${index}`,
        roles: [ROLES[index % ROLES.length]!],
        hash: tokenHash(secret),
      }));
      const presented = known ? given[at % given.length]! : other;
      const lengths: [number, number][] = [];
      const found = recognise(tokens, presented, (a, b) => {
        lengths.push([a.length, b.length]);
        return a.equals(b);
      });
      expect(lengths).toEqual(tokens.map(() => [32, 32]));
      const index = given.indexOf(presented);
      expect(found?.name ?? null).toBe(index < 0 ? null : `t${index}`);
    }),
  );
});
