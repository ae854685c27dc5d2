import { newToken, tokenHash } from '../../../src/config/access-tokens';
import { parseConfig } from '../../../src/config/load';

const HASH = tokenHash('one');
const text = (access: string) => `version: 1
databases:
  - name: shop
    connection: { url: env:SHOP_URL }
stores:
  - { name: folder, adapter: filesystem, path: ./backups }
keys: { repository: ./keys, idKey: file:keys/id.key }
catalog: { connection: { host: /run/postgresql, database: c, user: u } }
${access}`;

function faults(access: string): string[] {
  const result = parseConfig(text(access), '/etc/holdfast.yaml');
  return result.ok ? [] : result.faults.map(({ path, message }) => `${path}: ${message}`);
}
const token = (fields: string) => `access: { tokens: [{ ${fields} }] }\n`;

test('without a section there are no tokens, and nothing is asked for', () => {
  const result = parseConfig(text(''), '/etc/holdfast.yaml');
  expect(result.ok && result.config.access).toBeUndefined();
});

test('an expiry may be a date or a time, and metrics want a token unless told otherwise', () => {
  const read = (fields: string) => {
    const result = parseConfig(text(token(`name: oncall, roles: [operate], hash: '${HASH}'${fields}`)), '/x.yaml');
    if (!result.ok) throw new Error(JSON.stringify(result.faults));
    return result.config.access!;
  };
  expect(read('')).toEqual({ tokens: [{ name: 'oncall', roles: ['operate'], hash: HASH }], metrics: 'token' });
  expect(read(', expires: 2027-01-01').tokens[0]!.expires).toBe(Date.UTC(2027, 0, 1));
  expect(read(", expires: '2027-01-01T06:00:00+02:00'").tokens[0]!.expires).toBe(Date.UTC(2027, 0, 1, 4));
});

test.each([
  ['no token at all', 'access: { tokens: [] }\n', 'access.tokens'],
  ['an empty section', 'access: {}\n', 'access.tokens'],
  ['an unknown role', token(`name: a, roles: [root], hash: '${HASH}'`), 'access.tokens[0].roles[0]'],
  ['no role', token(`name: a, roles: [], hash: '${HASH}'`), 'access.tokens[0].roles'],
  ['a token instead of its hash', token(`name: a, roles: [view], hash: ${newToken()}`), 'access.tokens[0].hash'],
  ['half a hash', token(`name: a, roles: [view], hash: '${HASH.slice(0, 40)}'`), 'access.tokens[0].hash'],
  ['a day that does not exist', token(`name: a, roles: [view], hash: '${HASH}', expires: 2027-02-30`), '.expires'],
  ['a secret field', token(`name: a, roles: [view], hash: '${HASH}', token: x`), 'access.tokens[0].token'],
  ['a name with a space', token(`name: on call, roles: [view], hash: '${HASH}'`), 'access.tokens[0].name'],
])('%s is refused with its path', (_title, access, path) => {
  const found = faults(access);
  expect(found.some((fault) => fault.split(': ')[0]!.endsWith(path))).toBe(true);
});

test('a refused token is not repeated by the fault', () => {
  const secret = newToken();
  expect(faults(token(`name: a, roles: [view], hash: ${secret}`)).join('\n')).not.toContain(secret);
});

test('two tokens of one name, and one token under two names, are refused', () => {
  const two = (a: string, b: string) => faults(`access: { tokens: [{ ${a} }, { ${b} }] }\n`);
  const other = tokenHash('two');
  expect(two(`name: a, roles: [view], hash: '${HASH}'`, `name: a, roles: [view], hash: '${other}'`)).toEqual([
    'access.tokens[1].name: the name a is used twice',
  ]);
  expect(two(`name: a, roles: [view], hash: '${HASH}'`, `name: b, roles: [view], hash: '${HASH}'`)).toEqual([
    'access.tokens[1].hash: this token has another name already',
  ]);
});
