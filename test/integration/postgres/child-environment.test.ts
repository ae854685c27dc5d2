import { mkdirSync, mkdtempSync, existsSync, readFileSync, statSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { hostname, tmpdir } from 'node:os';
import { join, dirname } from 'node:path';
import { childEnvironment } from '../../../src/postgres/child-environment';
import { runChild, startChild } from '../../../src/postgres/child-process';
import { childProcesses, until } from '../../support/children';

const target = { name: 't', host: 'h', port: 5432, database: 'd', user: 'u', password: 'p:a\\ss' };
const env = { PATH: '/usr/bin:/bin' };

test('the password goes by a private file that is removed', async () => {
  const made = await childEnvironment(target);
  const file = made.env.PGPASSFILE!;
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
  expect(readFileSync(file, 'utf8')).toBe('*:*:*:*:p\\:a\\\\ss\n');
  expect(Object.values(made.env).join()).not.toContain(target.password);
  await made.remove();
  expect(existsSync(dirname(file))).toBe(false);
});

test('what a killed process left behind is removed, what is in use stays', async () => {
  const { pid } = spawnSync('/bin/true');
  const host = hostname().replace(/[^A-Za-z0-9.]/g, '_');
  const dead = join(tmpdir(), `holdfast-pass-${host}-${pid}-abcdef`);
  mkdirSync(dead, { recursive: true });
  const alive = mkdtempSync(join(tmpdir(), `holdfast-pass-${host}-${process.ppid}-`));
  const made = await childEnvironment(target);
  expect(existsSync(dead)).toBe(false);
  expect(existsSync(alive)).toBe(true);
  await made.remove();
  spawnSync('rmdir', [alive]);
});

test('a child that says nothing wrong and exits with 3 has failed, with what it wrote', async () => {
  const run = runChild({
    command: '/bin/sh',
    args: ['-c', 'echo out; echo "error: why" >&2; exit 3'],
    env,
    what: 'trying',
  });
  await expect(run).rejects.toMatchObject({ code: 'PG_TOOL_FAILED', context: { exitCode: 3 } });
  await expect(run).rejects.toThrow('error: why');
});

test('a child that cannot be started is reported as missing', async () => {
  await expect(runChild({ command: '/nowhere/pg_dump', args: [], env, what: 'trying' })).rejects.toMatchObject({
    code: expect.stringMatching(/^PG_TOOL/) as string,
  });
});

test('an abort ends the whole group, also one that ignores SIGTERM', async () => {
  const cancel = new AbortController();
  const child = startChild({
    command: '/bin/sh',
    args: ['-c', 'trap "" TERM; sleep 60 & echo ready; wait; wait'],
    env,
    signal: cancel.signal,
    stdout: 'pipe',
    graceMs: 200,
    what: 'sleeping',
  });
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  cancel.abort(new Error('enough'));
  await expect(child.done).rejects.toThrow('enough');
  await until('the group is gone', () => {
    try {
      process.kill(-child.pid, 0);
      return false;
    } catch {
      return true;
    }
  });
  expect(childProcesses().filter(({ pid }) => pid === child.pid)).toEqual([]);
});

test('keeps all of a long output', async () => {
  const { stdout } = await runChild({
    command: '/bin/sh',
    args: ['-c', 'head -c 5000000 /dev/zero | tr "\\0" x; echo end'],
    env,
    what: 'writing much',
  });
  expect(stdout.length).toBe(5_000_004);
  expect(stdout.endsWith('xend\n')).toBe(true);
});
