import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockState, replaceFile, runningUp, STATE_FOLDER, statePaths } from '../../../../src/cli/up/state';
import { identityOf } from '../../../../src/provision/process-identity';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a state folder has one owner at a time', () => {
  const paths = statePaths(folder);
  const release = lockState(paths);
  expect(() => lockState(paths)).toThrow(/another `holdfast up`/);
  release();
  lockState(paths)();
});

test('the lock of a process that is gone is taken over', () => {
  const paths = statePaths(folder);
  writeFileSync(paths.lock, JSON.stringify({ pid: process.pid, startedAt: 'another process that had this pid' }));
  expect(() => lockState(paths)()).not.toThrow();
});

test('a torn lock file is taken over', () => {
  const paths = statePaths(folder);
  writeFileSync(paths.lock, '{"pid":');
  expect(() => lockState(paths)()).not.toThrow();
});

test('commands find a running `holdfast up` by its configuration file, and only while it lives', () => {
  const configFile = join(folder, 'holdfast.yaml');
  const paths = statePaths(join(folder, STATE_FOLDER));
  expect(runningUp(configFile)).toBeNull();
  const running = { identity: identityOf(process.pid), configFile, overlay: {} };
  replaceFile(paths.running, JSON.stringify(running));
  expect(runningUp(configFile)).toEqual(running);
  expect(runningUp(join(folder, 'other.yaml'))).toBeNull();
  replaceFile(paths.running, JSON.stringify({ ...running, identity: { pid: process.pid, startedAt: 'long ago' } }));
  expect(runningUp(configFile)).toBeNull();
});
