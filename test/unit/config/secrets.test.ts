import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { parseConnectionUrl } from '../../../src/config/connection-url';
import { resolveSecret, toConnectionTarget } from '../../../src/config/secrets';
import type { ConnectionTarget } from '../../../src/engines/engine';
import { redact } from '../../../src/errors/redact';
import { tempFolder, type TempFolder } from '../../support/temp';

describe('a secret', () => {
  let folder: TempFolder;
  beforeAll(async () => (folder = await tempFolder('secrets')));
  afterAll(() => folder.remove());
  const file = (name: string, content: string, mode = 0o600) => {
    const path = join(folder.path, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return `file:${path}`;
  };

  it('is read from the environment or a file, without one last newline, afresh each time', async () => {
    await expect(resolveSecret('env:A', { env: { A: 'one\n\n' } })).resolves.toBe('one\n');
    const reference = file('rotated', 'first-value\r\n');
    await expect(resolveSecret(reference)).resolves.toBe('first-value');
    file('rotated', 'second-value');
    await expect(resolveSecret(reference)).resolves.toBe('second-value');
  });

  it('that is missing, empty, a folder or too large is named by its reference', async () => {
    mkdirSync(join(folder.path, 'dir'));
    for (const reference of [
      'env:HOLDFAST_NO_SUCH',
      `file:${folder.path}/none`,
      `file:${folder.path}/dir`,
      file('empty', '\n'),
      file('large', 'x'.repeat(300_000)),
    ]) {
      await expect(resolveSecret(reference, { env: {} })).rejects.toMatchObject({
        code: 'CONFIG_SECRET_MISSING',
        message: expect.stringContaining(`[reference=${reference}]`),
      });
    }
  });

  it('that stands where its reference should is refused without being repeated', async () => {
    const error = (await resolveSecret('hunter2-literal').catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: 'CONFIG_SECRET_REFERENCE' });
    expect(error.message).not.toContain('hunter2');
  });

  it('in a file that others may read is warned of', async () => {
    const warnings: string[] = [];
    await resolveSecret(file('open', 'open-value', 0o644), { onWarning: (warning) => warnings.push(warning) });
    await resolveSecret(file('closed', 'closed-value'), { onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([expect.stringMatching(/chmod 600.*open\]$/)]);
  });

  it('is removed from every text once it was resolved', async () => {
    await resolveSecret('env:A', { env: { A: 'correct horse battery' } });
    expect(redact('login with correct horse battery failed')).toBe('login with *** failed');
  });
});

describe('a connection', () => {
  it('becomes a target of the engines, from its parts or its URL', async () => {
    const env = { PW: 'p w', URL: 'postgresql://me:p%40ss@db:6543/shop?sslmode=verify-full&sslrootcert=/ca.pem' };
    const parts: ConnectionTarget = await toConnectionTarget(
      { host: 'db', port: 5432, database: 'shop', user: 'me', password: 'env:PW', sslmode: 'prefer' },
      'shop',
      { env },
    );
    expect(parts).toEqual({
      name: 'shop',
      host: 'db',
      port: 5432,
      database: 'shop',
      user: 'me',
      password: 'p w',
      sslmode: 'prefer',
    });
    await expect(toConnectionTarget({ url: 'env:URL' }, 'shop', { env })).resolves.toEqual({
      name: 'shop',
      host: 'db',
      port: 6543,
      database: 'shop',
      user: 'me',
      password: 'p@ss',
      sslmode: 'verify-full',
      sslrootcert: '/ca.pem',
    });
  });
});

describe('a connection URL', () => {
  const read = (url: string) => parseConnectionUrl(url, 'shop');

  it.each([
    ['postgres://u@h', { host: 'h', port: 5432, user: 'u', database: 'u', sslmode: 'prefer' }],
    ['postgresql://u:a:b@h/d', { password: 'a:b', database: 'd' }],
    ['postgresql://u@[::1]:1/d', { host: '::1', port: 1 }],
    ['postgresql://u@/d?host=/run/pg&port=7', { host: '/run/pg', port: 7 }],
    ['postgresql://u@%2Frun%2Fpg/d', { host: '/run/pg' }],
    ['postgresql:///d?host=h&user=a%20b&password=x', { user: 'a b', password: 'x' }],
    ['postgresql://u@h/d?ssl=true', { sslmode: 'require' }],
    ['postgresql://u@h/d?sslmode=require&channel_binding=require&application_name=x', { sslmode: 'require' }],
    ['postgresql://u:%2B+@h/d%C3%A9', { password: '++', database: 'd\u00e9' }],
  ])('%s is read as libpq reads it', (url, expected) => {
    expect(read(url)).toMatchObject({ name: 'shop', ...expected });
  });

  it.each([
    ['mysql://u:hunter2@h/d', 'does not start with postgresql://'],
    ['postgresql://u:hunter2@h:99999/d', 'port'],
    ['postgresql://u:hunter2@h1,h2/d', 'several hosts'],
    ['postgresql://u:hunter2@/d', 'names no host'],
    ['postgresql://:hunter2@h/d', 'names no user'],
    ['postgresql://u:hunter2@h/d?sslmode=on', 'sslmode'],
    ['postgresql://u:hunter2@h/d?options=-c', 'not supported: options'],
    ['postgresql://u:hunter2@h/d?HUNTER2hunter2=1', 'not a plain word'],
    ['postgresql://u:hunter2%zz@h/d', 'password of the connection URL is not percent-encoded'],
    ['postgresql://u:hunter2@x@h/d', 'percent-encode'],
    ['postgresql://u:hun/ter2@h/d', 'cannot be read'],
    ['postgresql://u:hunter2%00@h/d', 'zero byte'],
  ])('%s is refused, without being repeated', (url, text) => {
    let message = '';
    try {
      read(url);
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_CONNECTION_URL' });
      message = (error as Error).message;
    }
    expect(message).toContain(text);
    expect(message.toLowerCase()).not.toMatch(/hunter2|hun\/ter2/);
  });

  it('gives back whatever was percent-encoded into it', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((s) => !s.includes('\0') && s.isWellFormed());
    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const url = `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h/${encodeURIComponent(database)}`;
        expect(read(url)).toMatchObject({ user, password, database });
      }),
    );
  });
});
