import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, isAlive, isSameProcess } from '../../../src/provision/process-identity';
import { startProcess, stopLeftover, Supervisor } from '../../../src/provision/supervisor';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-supervisor-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const spec = (name: string, script: string, extra: object = {}) => ({
  name,
  command: '/bin/sh',
  args: ['-c', script],
  logFile: join(folder, `${name}.log`),
  ...extra,
});

describe('the process supervisor', () => {
  it('ends its parts in the reverse order of their start, each whatever became of the others', async () => {
    const supervisor = new Supervisor();
    const ended: string[] = [];
    supervisor.add('first', async () => void ended.push('first'));
    supervisor.add('second', () => Promise.reject(new Error('stuck')));
    supervisor.add('third', async () => void ended.push('third'));
    await expect(supervisor.stopAll()).resolves.toEqual(['second: Error: stuck']);
    expect(ended).toEqual(['third', 'first']);
    await expect(supervisor.start(spec('late', 'exit 0'))).rejects.toThrow(/being stopped/);
  });

  it('asks a process to end, and removes its pid file', async () => {
    const pidFile = join(folder, 'a.pid');
    const started = await startProcess(spec('a', 'exec sleep 60', { pidFile }));
    expect(existsSync(pidFile)).toBe(true);
    await expect(started.stop()).resolves.toEqual({ code: null, signal: 'SIGTERM' });
    expect(isAlive(started.pid)).toBe(false);
    expect(existsSync(pidFile)).toBe(false);
  });

  it('kills a process that does not listen', async () => {
    const started = await startProcess(
      spec('deaf', "trap '' TERM; echo ready; while :; do sleep 0.05; done", { stopTimeoutMs: 150 }),
    );
    while (!readFileSync(started.logFile, 'utf8').includes('ready'))
      await new Promise((resolve) => setImmediate(resolve));
    await expect(started.stop()).resolves.toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('tells how a process ended and what it wrote last', async () => {
    const started = await startProcess(spec('brief', 'echo one; echo two >&2; exit 3'));
    await expect(started.exited).resolves.toEqual({ code: 3, signal: null });
    expect(started.logTail()).toBe('one | two');
  });

  it('ends what an earlier run left, and never another process that has its pid now', async () => {
    const pidFile = join(folder, 'b.pid');
    const left = await startProcess(spec('left', 'exec sleep 60'));
    writeFileSync(pidFile, JSON.stringify({ ...identityOf(left.pid)!, startedAt: 'long ago' }));
    await expect(stopLeftover(pidFile)).resolves.toBe(false);
    expect(isAlive(left.pid)).toBe(true);
    writeFileSync(pidFile, JSON.stringify(identityOf(left.pid)));
    await expect(stopLeftover(pidFile)).resolves.toBe(true);
    await left.exited;
    expect(isSameProcess({ pid: left.pid, startedAt: '' })).toBe(false);
  });

  it('rejects when the program does not exist', async () => {
    await expect(startProcess({ name: 'x', command: join(folder, 'absent'), args: [], logFile: join(folder, 'x.log') })).rejects.toThrow(/ENOENT/); // prettier-ignore
  });
});
