import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const ROOT = join(__dirname, '..', '..', '..');

interface Told {
  readonly threads: readonly number[];
  /** Of a program that it started afterwards. */
  readonly started: number;
  /** Of its session; null where the kernel does not group by session. */
  readonly session: number | null;
}

/** What a process says after it gave way. `leads`: it leads a session of its own. */
async function afterGivingWay(niceness: number, { leads = true, start = 0 } = {}): Promise<Told> {
  const child = spawn(
    'nice',
    ['-n', String(start), process.execPath, 'scripts/ts.js', 'test/support/give-way.ts', String(niceness)],
    { cwd: ROOT, detached: leads, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [out, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (out === '') throw new Error(complaint);
  return JSON.parse(out) as Told;
}

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('giving way to other programs', () => {
  it('reaches every thread, the session, and what is started afterwards', async () => {
    const { threads, started, session } = await afterGivingWay(7);
    expect(threads.length).toBeGreaterThan(4);
    expect(new Set(threads)).toEqual(new Set([7]));
    expect(started).toBe(7);
    expect([null, 7]).toContain(session);
  });

  it('leaves a session alone that somebody else leads', async () => {
    const { threads, session } = await afterGivingWay(7, { leads: false });
    expect(new Set(threads)).toEqual(new Set([7]));
    expect(session).not.toBe(7);
  });

  it('never takes back what whoever started it had asked for, and 0 changes nothing', async () => {
    expect(new Set((await afterGivingWay(5, { start: 12 })).threads)).toEqual(new Set([12]));
    expect(new Set((await afterGivingWay(0, { start: 3 })).threads)).toEqual(new Set([3]));
  });
});
