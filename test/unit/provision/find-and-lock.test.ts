import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir, provisionContext } from '../../../src/provision/context';
import { ensureTool, findTool } from '../../../src/provision/ensure-tool';
import { findOnPath } from '../../../src/provision/find';
import { withLock } from '../../../src/provision/lock';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-provision-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\nexit 0\n');
  chmodSync(file, 0o755);
  return file;
}

describe('looking for a tool', () => {
  it('takes the setting before PATH and PATH before the cache', () => {
    const set = program('elsewhere', 'my-temporal');
    const onPath = program('path', 'temporal');
    const cached = program('cache', 'bin', 'temporal');
    const env = { HOLDFAST_TEMPORAL_BIN: set, PATH: join(folder, 'path'), HOLDFAST_CACHE: join(folder, 'cache') };
    expect(findTool('temporal', { env })).toEqual({ path: set, source: 'setting' });
    expect(findTool('temporal', { env: { ...env, HOLDFAST_TEMPORAL_BIN: '' } })).toEqual({
      path: onPath,
      source: 'path',
    });
    expect(findTool('temporal', { env: { HOLDFAST_CACHE: env.HOLDFAST_CACHE, PATH: '' } })).toEqual({ path: cached, source: 'cache' }); // prettier-ignore
  });

  it('refuses a setting that names nothing that can be run', () => {
    expect(() => findTool('versitygw', { env: { HOLDFAST_VERSITYGW_BIN: join(folder, 'absent') } })).toThrow(
      expect.objectContaining({ code: 'PROVISION_SETTING_WRONG' }),
    );
  });

  it('passes over files in PATH that may not be run, and folders', () => {
    mkdirSync(join(folder, 'one', 'temporal'), { recursive: true });
    mkdirSync(join(folder, 'two'));
    writeFileSync(join(folder, 'two', 'temporal'), '', { mode: 0o644 });
    const good = program('three', 'temporal');
    expect(findOnPath('temporal', { PATH: ['one', 'two', 'three'].map((name) => join(folder, name)).join(':') })).toBe(
      good,
    );
  });

  it('says what it lacks when nothing may be installed', async () => {
    await expect(
      ensureTool('minio', { env: { PATH: '', HOLDFAST_CACHE: folder }, install: false }),
    ).rejects.toMatchObject({
      code: 'PROVISION_TOOL_UNAVAILABLE',
      message: expect.stringContaining('[setting=HOLDFAST_MINIO_BIN]') as string,
    });
  });

  it('keeps its cache where it is told', () => {
    expect(cacheDir({ HOLDFAST_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' })).toBe('/a');
    expect(cacheDir({ XDG_CACHE_HOME: '/b', HOME: '/c' })).toBe('/b/holdfast');
    expect(cacheDir({ HOME: '/c' })).toBe('/c/.cache/holdfast');
  });
});

describe('the installation lock', () => {
  const context = provisionContext();

  it('lets one in at a time and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 4 }, () =>
        withLock(context, join(folder, 'thing'), async () => {
          most = Math.max(most, ++inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes over from a holder that is gone', async () => {
    writeFileSync(join(folder, 'thing.lock'), '2147483646 gone');
    await expect(withLock(context, join(folder, 'thing'), async () => 'done')).resolves.toBe('done');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is released when the work fails', async () => {
    await expect(withLock(context, join(folder, 'thing'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stops waiting when it is cancelled', async () => {
    writeFileSync(join(folder, 'thing.lock'), `${process.pid} me`);
    const controller = new AbortController();
    const waiting = withLock({ ...context, signal: controller.signal }, join(folder, 'thing'), async () => 'never');
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['thing.lock']);
  });
});
