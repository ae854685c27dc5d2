import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { CONFIG_MAX_BYTES, describeFaults, loadConfig, parseConfig } from '../../../src/config/load';
import { tempFolder, type TempFolder } from '../../support/temp';

const VALID = `version: 1
databases:
  - name: shop
    connection: { url: env:SHOP_URL }
stores:
  - { name: folder, adapter: filesystem, path: ./backups }
keys: { repository: ./keys, idKey: file:keys/id.key }
catalog: { connection: { host: /run/postgresql, database: c, user: u, password: file:pw, sslrootcert: ca.pem } }
`;

/** `path (line:column) message hint` of each fault. */
function faults(text: string): string[] {
  const result = parseConfig(text, '/etc/holdfast/holdfast.yaml');
  if (result.ok) return [];
  return result.faults.map((f) => `${f.path} (${f.line}:${f.column}) ${f.message}${f.hint ? ` | ${f.hint}` : ''}`);
}
const parse = (text: string) => {
  const result = parseConfig(text, '/etc/holdfast/holdfast.yaml');
  if (!result.ok) throw new Error(describeFaults(result.faults, 'x'));
  return result.config;
};

describe('a configuration', () => {
  it('that is valid has its defaults filled in, durations in milliseconds and sizes in bytes', () => {
    const config = parse(VALID);
    expect(config.databases[0]).toMatchObject({ engine: 'logical', readers: 2, lockTimeout: 30_000, schedules: [] });
    expect(config.databases[0]?.retention).toMatchObject({ last: 7, daily: 7, minProved: 1, enforce: true });
    expect(config.stores[0]).toMatchObject({ role: 'secondary', minFree: 256 * 2 ** 20 });
    expect(config.repository).toEqual({ segmentSize: 4 * 2 ** 20, zstdLevel: 1 });
    expect(config.temporal).toMatchObject({ address: '127.0.0.1:7233', tls: false });
  });

  it('has paths relative to its own folder, and the home folder for ~', () => {
    const config = parse(VALID.replace('./backups', '~/backups'));
    expect(config.stores[0]).toMatchObject({ path: join(homedir(), 'backups') });
    expect(config.keys).toMatchObject({ repository: '/etc/holdfast/keys', idKey: 'file:/etc/holdfast/keys/id.key' });
    expect(config.catalog.connection).toMatchObject({
      host: '/run/postgresql',
      password: 'file:/etc/holdfast/pw',
      sslrootcert: '/etc/holdfast/ca.pem',
    });
    expect(config.databases[0]?.connection).toEqual({ url: 'env:SHOP_URL' });
    expect(config.keys).not.toHaveProperty('signingKey');
  });

  it('may use anchors and aliases', () => {
    const text = VALID.replace(
      './backups }',
      './backups, limits: &l { retries: 1 } }\n  - { name: two, adapter: filesystem, path: /b, limits: *l }',
    );
    expect(parse(text).stores.map(({ limits }) => limits.retries)).toEqual([1, 1]);
  });
});

describe('faults of a configuration', () => {
  it('are all listed with path, place and what was probably meant', () => {
    const text = `version: 1
databases:
  - name: shop
    connection: { url: env:SHOP_URL }
    stores: [folder, foldr]
    raeders: 3
    readers: 0
    retention: { last: 1.5, within: 7dd }
    schedules:
      - { name: nightly, every: dayly, at: '02:30' }
      - name: nightly
        interval: 6h
        every: daily
        dayOfWeek: monday
  - name: Big Shop
    connection: { host: x, usr: me, database: 5, password: hunter2secret }
stores:
  - name: folder
    adapter: filesystem
    role: primary
    path: ./backups
    bucket: x
  - { name: s3, adapter: s4 }
  - name: s3
    adapter: s3
    role: primary
    limits: { max_requests: 300, maxReqests: 1 }
    accessKeyId: env:X
keys:
  repository: ./keys
catalog: { connection: { url: 'postgres://a:b@c/d' } }
temporal: { tls: { serverNam: x }, webUi: nowhere }
`;
    expect(faults(text)).toEqual(
      [
        'databases[0].stores[1] (5:22) no store is named foldr | Did you mean folder?',
        'databases[0].raeders (6:5) is not a known field | Did you mean readers?',
        'databases[0].readers (7:14) must be at least 1',
        'databases[0].retention.last (8:24) must be a whole number',
        'databases[0].retention.within (8:37) must be a duration such as 90s, 15m, 6h or 7d',
        'databases[0].schedules[0].every (10:33) must be one of hourly, daily, weekly, monthly | Did you mean daily?',
        'databases[0].schedules[1].name (11:15) the name nightly is used twice',
        'databases[0].schedules[1].every (13:16) state exactly one of every, interval, cron',
        'databases[0].schedules[1].dayOfWeek (14:20) counts for every: weekly only',
        'databases[1].name (15:11) must be a name of [a-z0-9_-], at most 63 characters, that starts with a letter or digit',
        'databases[1].connection.user (16:17) is missing',
        'databases[1].connection.usr (16:28) is not a known field | Did you mean user?',
        'databases[1].connection.database (16:47) must be text, not a number',
        'databases[1].connection.password (16:60) must be a reference to a secret: env:NAME or file:PATH',
        'stores[0].bucket (22:5) is not a known field | Known fields: account, adapter, limits, minFree, name, path, prefix, price, provider, quota, region, role',
        'stores[1].adapter (23:26) must be one of filesystem, s3, gcs, supabase | Did you mean s3?',
        'stores[2].name (24:11) the name s3 is used twice',
        'stores[2].bucket (24:5) is missing',
        'stores[2].role (26:11) more than one store has the role primary',
        'stores[2].limits.max_requests (27:15) is not a known field | Did you mean maxRequests?',
        'stores[2].limits.maxReqests (27:34) is not a known field | Did you mean maxRequests?',
        'stores[2].accessKeyId (28:18) accessKeyId and secretAccessKey are stated together or not at all',
        'keys.idKey (30:3) is missing',
        'catalog.connection.url (31:31) must be a reference to a secret: env:NAME or file:PATH',
        'temporal.tls.serverNam (32:20) is not a known field | Did you mean serverName?',
        'temporal.webUi (32:43) must be a URL such as https://host:port',
      ].sort((a, b) => place(a) - place(b)),
    );
  });
  const place = (fault: string) => {
    const [, line, column] = /\((\d+):(\d+)\)/.exec(fault)!;
    return Number(line) * 1000 + Number(column);
  };

  it('never repeat a literal secret', () => {
    const text = VALID.replace('file:pw', 'hunter2secret').replace('env:SHOP_URL', 'postgres://u:hunter2secret@h/d');
    const listed = faults(text);
    expect(listed).toHaveLength(2);
    expect(listed.join()).not.toContain('hunter2');
    for (const broken of [
      'password: "hunter2secret',
      'password: hunter2secret: x',
      '"hunter2secret" hunter2secret',
      '- hunter2secret\n\tx',
      '%hunter2secret',
      '*hunter2secret',
    ])
      expect(faults(`${VALID}\n${broken}`).join()).not.toContain('hunter2');
  });

  it.each([
    ['an empty file', '', ' (1:1) the file is empty'],
    ['a comment alone', '# nothing', ' (1:1) the file is empty'],
    ['a list', '- a', ' (1:1) must be a set of fields, not a list'],
    ['a field stated twice', `${VALID}version: 1\n`, ' (9:1) the field is stated twice | Keep one of them'],
    ['two documents', `${VALID}---\n${VALID}`, ' (9:1) the file holds more than one document | Remove the line ---'],
    ['a tab', 'a:\n\tb: 1', expect.stringContaining('a tab stands where YAML wants spaces')],
    ['a tag', '!!js/function x', expect.stringContaining('tags (!…) are not used here')],
    ['more than 1 MiB', `#${'x'.repeat(CONFIG_MAX_BYTES)}`, ' (1:1) the file is larger than 1 MiB'],
  ])('include %s', (_what, text, expected) => {
    expect(faults(text)[0]).toEqual(expected);
  });

  it('include aliases made to grow without end, quickly', () => {
    const laughs = Array.from(
      { length: 12 },
      (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`,
    );
    expect(faults(`a0: &a0 ha\n${laughs.join('\n')}\n`)).toEqual([' (1:1) aliases stand for too much content']);
  });

  it('include endless nesting', () => {
    expect(faults('['.repeat(200_000))).toHaveLength(1);
  });

  it('are found whatever the text is, without an exception', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'version: 1',
        'stores:',
        '  - name: x',
        ' []',
        '{',
        '}',
        '&a',
        '*a',
        '!t',
        '---',
        '"',
        "'",
        '|',
        '\t',
        ': ',
        '\n',
        '%',
        '@',
        '__proto__: 1',
        'adapter: s3',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const result = parseConfig(pieces.join(''), 'x.yaml');
        if (!result.ok) for (const f of result.faults) expect(f.line * f.column).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  it('in a value behind an alias are shown where the alias points', () => {
    expect(faults(`${VALID}x: 1\nworker: &w { dumps: 0 }\n`)).toEqual([
      'x (9:1) is not a known field | Known fields: access, catalog, databases, health, keys, load, policy, repository, scratch, stores, taskQueues, temporal, tools, usage, version, worker',
      'worker.dumps (10:21) must be at least 1',
    ]);
  });
});

describe('loading a configuration', () => {
  let folder: TempFolder;
  beforeAll(async () => (folder = await tempFolder('config')));
  afterAll(() => folder.remove());

  it('throws one error that lists every fault', async () => {
    const file = join(folder.path, 'bad.yaml');
    writeFileSync(file, VALID.replace('version: 1', 'version: 2').replace('name: folder', 'nam: folder'));
    await expect(loadConfig(file)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /version: must be 1 .*\n.*stores\[0\].name: is missing .*\n.*stores\[0\].nam: is not a known field .*Did you mean name\?/s,
      ),
    });
  });

  it('says when the file is absent, a folder, or too large', async () => {
    const path = (name: string) => join(folder.path, name);
    mkdirSync(path('dir'));
    writeFileSync(path('large'), Buffer.alloc(CONFIG_MAX_BYTES + 1));
    for (const [name, text] of [
      ['none', 'does not exist'],
      ['dir', 'is a folder'],
      ['large', 'larger than 1 MiB'],
    ] as const)
      await expect(loadConfig(path(name))).rejects.toMatchObject({
        code: 'CONFIG_UNREADABLE',
        message: expect.stringContaining(text),
      });
  });
});
