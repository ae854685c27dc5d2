/** What being governed costs a backup on a server at rest: the same worker, with and without the load watch, in turns. */
import type { Bench } from './bench';
import { openInstallation } from './installation';
import { interleave, type LaneResult } from './measure';
import { backUp } from './worker-lane';

export const IDLE_LANES = { free: 'not governed', governed: 'governed' } as const;

/**
 * Limits on what users feel, as by default. Those on the machine's CPU and I/O are left out: they keep a backup from using a
 * machine that it shares with its database, at rest or not, which is a choice and no cost of being governed.
 */
export const IDLE_LOAD = { watch: true, limits: { hostCpu: 'off', hostIoWait: 'off' } };

/** Turns for each round that is asked for: the difference that counts is smaller than what chance does to one run. */
const TURNS = 2;

export async function measureIdleGoverned(bench: Bench): Promise<LaneResult[]> {
  const installation = await openInstallation(bench, {
    name: 'idle',
    databases: [{ name: 'free' }, { name: 'governed', load: IDLE_LOAD }],
  });
  try {
    const worker = await installation.startWorker();
    const lane = (name: string, database: string) => ({ name, run: () => backUp(installation, database, worker.pid) });
    // Once each before it counts: a worker's first backup makes its repository and compiles its code.
    await backUp(installation, 'free', worker.pid);
    await backUp(installation, 'governed', worker.pid);
    return await interleave(
      [lane(IDLE_LANES.free, 'free'), lane(IDLE_LANES.governed, 'governed')],
      bench.options.quick ? 1 : bench.options.rounds * TURNS,
      bench.say,
      { alternate: true },
    );
  } finally {
    await installation.close();
  }
}
