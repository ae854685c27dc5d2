import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { keepAlive, pauseBefore } from '../../../../src/cli/up/keep-alive';
import { startProcess } from '../../../../src/provision/supervisor';

test('pauses grow and stay bounded', () => {
  expect([1, 2, 3].map(pauseBefore)).toEqual([500, 1_000, 2_000]);
  expect(pauseBefore(50)).toBe(30_000);
});

test('a service that is killed is started again; one that is stopped stays down', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-keep-'));
  const said: string[] = [];
  let starts = 0;
  let restarted!: () => void;
  const again = new Promise<void>((resolve) => (restarted = resolve));
  try {
    const kept = await keepAlive(
      {
        name: 'sleeper',
        start: async () => {
          starts += 1;
          return startProcess({ name: 'sleeper', command: 'sleep', args: ['600'], logFile: join(folder, 'log') });
        },
        onRestarted: () => Promise.resolve(restarted()),
      },
      (line) => said.push(line),
    );
    const first = kept.process().pid;
    process.kill(first, 'SIGKILL');
    await again;
    expect(kept.process().pid).not.toBe(first);
    expect(said[0]).toContain('sleeper ended (SIGKILL)');
    const last = kept.process();
    await kept.stop();
    expect(last.exit()).not.toBeNull();
    expect(starts).toBe(2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
