import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { tempFolder, type TempFolder } from '../../support/temp';
import { runCli, startCli } from './run-cli';

jest.setTimeout(60_000);

let temp: TempFolder;
let closed: number;
/** Takes connections and never answers. */
let silent: Server;

beforeAll(async () => {
  temp = await tempFolder('cli');
  silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  closed = (probe.address() as { port: number }).port;
  await new Promise((resolve) => probe.close(resolve));
});
afterAll(async () => {
  silent.close();
  await temp.remove();
});

async function folder(name: string): Promise<string> {
  const path = join(temp.path, name);
  await mkdir(path, { recursive: true });
  return path;
}

/** A folder with configuration and keys, whose services do not answer. */
async function configured(name: string): Promise<{ cwd: string; env: Record<string, string> }> {
  const cwd = await folder(name);
  if (!existsSync(join(cwd, 'holdfast.yaml'))) {
    expect((await runCli(['init'], { cwd })).code).toBe(0);
    expect((await runCli(['keys', 'init'], { cwd })).code).toBe(0);
    const file = join(cwd, 'holdfast.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('127.0.0.1:7233', `127.0.0.1:${closed}`));
  }
  const url = `postgresql://nobody@127.0.0.1:${closed}/none?sslmode=disable`;
  return { cwd, env: { SHOP_URL: url, HOLDFAST_CATALOG_URL: url } };
}

describe('init and config check', () => {
  test('what init writes is valid, has its schema beside it, and is never written over', async () => {
    const cwd = await folder('init');
    const made = await runCli(['init', '--database', 'orders', '--json'], { cwd });
    expect(made.json()).toEqual({ file: join(cwd, 'holdfast.yaml'), schema: join(cwd, 'holdfast.schema.json') });
    const check = await runCli(['config', 'check', '--json'], { cwd });
    expect(check.json()).toMatchObject({ ok: true, databases: ['orders'], stores: ['disk'] });
    expect(check.code).toBe(0);
    const again = await runCli(['init'], { cwd });
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toMatch(/^error CLI_FILE_EXISTS: .*\nhint: /);
  });

  test('every fault is named with its path and line, and the exit code is 2', async () => {
    const cwd = await folder('faults');
    writeFileSync(
      join(cwd, 'holdfast.yaml'),
      'version: 1\ndatabases:\n  - name: Shop!\n    conection: { url: env:X }\nstores: []\n',
    );
    const text = await runCli(['config', 'check'], { cwd });
    expect(text.code).toBe(2);
    expect(text.stdout).toContain('holdfast.yaml:3:11');
    expect(text.stdout).toMatch(/conection.*\n?.*connection/);
    const json = await runCli(['config', 'check', '--json'], { cwd });
    const { ok, faults } = json.json<{ ok: boolean; faults: { path: string; line: number }[] }>();
    expect(ok).toBe(false);
    expect(faults).toEqual(expect.arrayContaining([expect.objectContaining({ path: 'databases[0].name', line: 3 })]));
    expect(faults.length).toBeGreaterThanOrEqual(4);
    const other = await runCli(['backup', 'list', '--json'], { cwd });
    expect(other.json()).toMatchObject({ error: { code: 'CONFIG_INVALID', exitCode: 2 } });
    expect(other.code).toBe(2);
  });

  test('a missing file says how to get one', async () => {
    const outcome = await runCli(['backup', 'list'], { cwd: await folder('empty') });
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('holdfast init');
  });

  test('HOLDFAST_CONFIG names the file where there is none in the folder', async () => {
    const { cwd } = await configured('set');
    const outcome = await runCli(['config', 'check', '--json'], {
      cwd: await folder('elsewhere'),
      env: { HOLDFAST_CONFIG: join(cwd, 'holdfast.yaml') },
    });
    expect(outcome.json()).toMatchObject({ ok: true, file: join(cwd, 'holdfast.yaml') });
  });

  test('secrets that cannot be read are named by their reference', async () => {
    const { cwd } = await configured('set');
    const outcome = await runCli(['config', 'check', '--secrets'], { cwd });
    expect(outcome.code).toBe(2);
    expect(outcome.stdout).toContain('env:SHOP_URL');
  });
});

describe('keys', () => {
  test('init makes keys that only their owner reads, and never replaces them', async () => {
    const { cwd } = await configured('keys');
    const dir = join(cwd, 'holdfast-keys');
    for (const file of ['id.key', 'signing.key', 'identity.txt', 'offline-identity.txt']) {
      expect(statSync(join(dir, file)).mode & 0o077).toBe(0);
    }
    expect(await runCli(['keys', 'init'], { cwd })).toMatchObject({ code: 4 });
    const listed = await runCli(['keys', 'list', '--json'], { cwd });
    expect(listed.json<{ recipients: unknown[] }>().recipients).toHaveLength(2);
    expect(listed.stdout).not.toContain('AGE-SECRET-KEY');
  });

  test('a recipient is added, its identity written once; the kit is one folder', async () => {
    const { cwd } = await configured('keys');
    const added = await runCli(['keys', 'add-recipient', '--label', 'auditor', '--out', 'auditor.txt', '--json'], {
      cwd,
    });
    expect(added.json()).toMatchObject({ added: { label: 'auditor' }, revision: 2 });
    expect(readFileSync(join(cwd, 'auditor.txt'), 'utf8')).toContain('AGE-SECRET-KEY');
    expect(await runCli(['keys', 'add-recipient', '--label', 'x', '--out', 'auditor.txt'], { cwd })).toMatchObject({
      code: 2,
    });
    expect(await runCli(['keys', 'kit', '--out', 'kit'], { cwd })).toMatchObject({ code: 0 });
    expect(statSync(join(cwd, 'kit', 'restore.sh')).mode & 0o100).toBe(0o100);
  });
});

describe('completion', () => {
  test('bash completes commands and options', async () => {
    const { stdout } = await runCli(['completion', 'bash'], { cwd: temp.path });
    writeFileSync(join(temp.path, 'holdfast.bash'), stdout);
    const complete = (words: string) =>
      execFileSync(
        'bash',
        [
          '-c',
          `source ./holdfast.bash; COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _holdfast; echo "\${COMPREPLY[*]}"`,
        ],
        { encoding: 'utf8', cwd: temp.path },
      ).trim();
    expect(complete('holdfast backup pa')).toBe('pause pace');
    expect(complete('holdfast --json schedule tri')).toBe('trigger');
    expect(complete('holdfast backup run --ty')).toBe('--type');
  });

  test.each(['zsh', 'fish'])('%s gets a script that names every command', async (shell) => {
    const { stdout, code } = await runCli(['completion', shell], { cwd: temp.path });
    expect(code).toBe(0);
    for (const word of ['backup', 'add-recipient', 'doctor', 'max-rate']) expect(stdout).toContain(word);
  });
});

describe('usage', () => {
  test.each([
    [['nonsense'], /unknown command 'nonsense'/],
    [['backup', 'run', '--type', 'weekly'], /Allowed choices are full, differential, incremental/],
    [['backup', 'pace', '--max-rate', 'fast'], /20MB\/s/],
    [['restore'], /required option '--to <target>'/],
    [['completion', 'tcsh'], /Allowed choices/],
  ])('%j is refused with exit code 2 and what would be right', async (args, said) => {
    const text = await runCli(args, { cwd: temp.path });
    expect(text).toMatchObject({ code: 2, stdout: '' });
    expect(text.stderr).toMatch(/^error CLI_USAGE: /);
    expect(text.stderr).toMatch(said);
    const json = await runCli([...args, '--json'], { cwd: temp.path });
    expect(json.json()).toMatchObject({ error: { code: 'CLI_USAGE', exitCode: 2 } });
  });

  test('a group without a verb shows its help', async () => {
    const outcome = await runCli(['backup'], { cwd: temp.path });
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('Usage: holdfast backup');
  });

  test('help and version end with 0', async () => {
    expect(await runCli(['--version'], { cwd: temp.path })).toMatchObject({ code: 0, stdout: '0.1.0\n' });
    expect((await runCli(['restore', '--help'], { cwd: temp.path })).code).toBe(0);
  });
});

describe('what cannot be reached or found', () => {
  test.each([
    ['the catalogue', ['backup', 'list'], 'CATALOG_UNREACHABLE'],
    ['Temporal', ['schedule', 'list'], 'TEMPORAL_UNREACHABLE'],
    ['Temporal', ['backup', 'run', '--no-wait'], 'TEMPORAL_UNREACHABLE'],
  ])('%s away: %j says so with exit code 5', async (_what, args, code) => {
    const { cwd, env } = await configured('set');
    const outcome = await runCli([...args, '--json'], { cwd, env });
    expect(outcome.json()).toMatchObject({ error: { code, exitCode: 5 } });
    expect(outcome.code).toBe(5);
  });

  test.each([
    [['backup', 'run', 'nope'], 'CLI_DATABASE_UNKNOWN'],
    [['store', 'check', 'nope'], 'CLI_STORE_UNKNOWN'],
    [['recover', '--store', '/nonexistent-holdfast', '--list'], null],
  ])('%j: exit code 3 for a name that does not exist', async (args, code) => {
    const { cwd, env } = await configured('set');
    const outcome = await runCli([...args, '--json'], { cwd, env });
    if (code === null) expect(outcome.json()).toEqual([]);
    else expect(outcome).toMatchObject({ code: 3, stdout: expect.stringContaining(code) });
  });

  test('a URL with a password is refused on the command line, and not repeated', async () => {
    const { cwd, env } = await configured('set');
    for (const args of [
      ['recover', '--store', '.', '--identity', 'x', '--to', 'postgresql://ana:hunter22@db/shop'],
      ['restore', '20261121T092530Z-full-1a2b3c4d', '--to', 'postgresql://ana:hunter22@db/shop'],
    ]) {
      const outcome = await runCli(args, { cwd, env });
      expect(outcome.code).not.toBe(0);
      expect(outcome.stdout + outcome.stderr).not.toContain('hunter22');
    }
  });

  test('Ctrl-C ends a command that waits for a silent service, with 130', async () => {
    const { cwd, env } = await configured('set');
    const { port } = silent.address() as { port: number };
    const url = `postgresql://nobody@127.0.0.1:${port}/none?sslmode=disable`;
    const connected = new Promise((resolve) => silent.once('connection', resolve));
    const running = startCli(['backup', 'list'], { cwd, env: { ...env, HOLDFAST_CATALOG_URL: url } });
    await connected;
    const askedAt = Date.now();
    running.child.kill('SIGINT');
    const outcome = await running.outcome;
    expect(outcome.code).toBe(130);
    expect(outcome.stderr).toContain('CLI_INTERRUPTED');
    expect(Date.now() - askedAt).toBeLessThan(6_000);
  });
});

describe('stores and doctor', () => {
  test('a canary goes through a folder store', async () => {
    const { cwd, env } = await configured('set');
    const outcome = await runCli(['store', 'check', '--json'], { cwd, env });
    expect(outcome.json()).toMatchObject({ ok: true, stores: [{ store: 'disk', ok: true }] });
    expect(outcome.stderr).toBe('');
  });

  test('doctor comes to its end whatever is wrong, names each fault with a hint, and ends with 1', async () => {
    const { cwd, env } = await configured('set');
    const outcome = await runCli(['doctor', '--json'], { cwd, env });
    const { ok, findings } = outcome.json<{
      ok: boolean;
      findings: { area: string; status: string; hint: string }[];
    }>();
    expect(ok).toBe(false);
    expect(outcome.code).toBe(1);
    const failed = findings.filter((finding) => finding.status === 'fail');
    expect(failed.map((finding) => finding.area)).toEqual(
      expect.arrayContaining(['database shop', 'catalogue', 'temporal']),
    );
    for (const { hint } of failed) expect(hint).toBeTruthy();
  });
});
