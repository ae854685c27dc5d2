/** How long a word to a running dump takes to be obeyed: as its governor says, and as the bytes show that the worker reads. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldfastClient } from '../src/client/types';
import type { Bench } from './bench';
import { openInstallation } from './installation';

export const SIGNALS = 200;
/** Slow enough that the dump outlasts all signals, fast enough that each hundredth of a second has its bytes. */
const RATE = 4e6;
/** How long the reads are watched after a word. */
const WATCHED_MS = 250;
const TICK_MS = 5;
/** Less than a chunk of rows; more than what Temporal and the stores answer in a tick. */
const READ_BYTES = 48 * 1024;
const ANSWER_MS = 20_000;
/** A plain resume takes back all that was asked for, the rate too. */
const STANDS_MS = 3_600_000;

export interface Steered {
  readonly name: string;
  /** From just before the signal is sent to the moment in which the governor had taken it, by the machine's one clock. */
  readonly governorMs: readonly number[];
  /** From the same start to the last read after a pause, or the first after a resume, by the kernel's count of the worker's reads. */
  readonly readsMs: readonly number[];
}

export async function measureSteering(bench: Bench): Promise<readonly Steered[]> {
  const names = ['one', 'two'];
  const installation = await openInstallation(bench, {
    name: 'steer',
    databases: names.map((name) => ({ name })),
    sections: { load: { heavy: 2, watch: false } },
  });
  const { client } = installation;
  const signals = bench.options.quick ? 20 : SIGNALS;
  try {
    const first = await installation.startWorker();
    const request = async (database: string) => {
      await client.requestBackup({ database, type: 'full', overlap: 'wait', requestedBy: 'bench' });
      // Before it reads: a small database would be read by the time that it is seen to.
      await until(`the backup of ${database} began`, () =>
        client.setPace(database, { maxBytesPerSecond: RATE, readers: 1 }, 'bench', 'a dump that lasts'),
      );
      await until(
        `the backup of ${database} reads`,
        async () => (await client.progress(database))?.dump?.plainBytes ?? 0,
      );
    };
    await request('one');
    const alone: Steered = { name: 'one worker', ...(await steer(client, 'one', signals, () => readBytes(first.pid))) };
    await client.pause('one', 'bench', 'until the other one reads too');
    await installation.startWorker();
    await request('two');
    await client.resume('one', 'bench', 'both read', STANDS_MS);
    // Which of the workers has which dump is not known here, so the governors alone are asked.
    const ended = await Promise.allSettled(names.map((name) => steer(client, name, signals / 2, null)));
    // Only when neither asks any more may one that failed end the client of both.
    const both = ended.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    });
    await Promise.all(names.map((name) => client.cancel(name, 'measured')));
    return [
      alone,
      { name: 'two workers at once', governorMs: both.flatMap(({ governorMs }) => governorMs), readsMs: [] },
    ];
  } finally {
    await installation.close();
  }
}

async function until(what: string, look: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + ANSWER_MS;
  for (;;) {
    const failure = await look().then(
      (found) => (found ? null : 'not yet'),
      (error: unknown) => String(error),
    );
    if (failure === null) return;
    if (Date.now() > end) throw new Error(`in vain it was waited for: ${what} (${failure})`);
    await sleep(20);
  }
}

/** Pauses and resumes in turns. */
async function steer(
  client: HoldfastClient,
  database: string,
  signals: number,
  read: (() => number) | null,
): Promise<Omit<Steered, 'name'>> {
  const governorMs: number[] = [];
  const readsMs: number[] = [];
  for (let signal = 0; signal < signals; signal += 1) {
    const pauses = signal % 2 === 0;
    const watched = read && watchReads(read);
    try {
      const { sequence } = pauses
        ? await client.pause(database, 'bench', 'measured')
        : await client.resume(database, 'bench', 'measured', STANDS_MS);
      governorMs.push((await client.awaitPaceApplied(database, sequence, ANSWER_MS)).effectiveMs);
      // Of a pause, the silence must be seen; after a resume the readers must be heard again before the next pause.
      await sleep(WATCHED_MS);
      // A steering call asks for the pace in force before it sends its word: the word is what counts.
      if (watched) readsMs.push(effectOf(watched(), Math.floor(sequence / 1_000), pauses));
    } finally {
      watched?.();
    }
  }
  return { governorMs, readsMs };
}

/** Bytes that the kernel has given to a process, of all its files and connections. */
function readBytes(pid: number): number {
  return Number(/^rchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1]);
}

export interface Tick {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly bytes: number;
}

/** Looks at the count until the returned function is called, which gives all that was seen. */
function watchReads(read: () => number): () => readonly Tick[] {
  const ticks: Tick[] = [];
  const look = () => void ticks.push({ at: Date.now(), bytes: read() });
  look();
  const timer = setInterval(look, TICK_MS);
  return () => {
    clearInterval(timer);
    return ticks;
  };
}

/** From a word to the last tick that read after a pause, to the first one after a resume; 0 where nothing was read in between. */
export function effectOf(ticks: readonly Tick[], sentAt: number, pauses: boolean): number {
  const reading = ticks.filter(
    ({ at, bytes }, index) => at >= sentAt && index > 0 && bytes - ticks[index - 1]!.bytes >= READ_BYTES,
  );
  if (pauses) return Math.max(0, (reading.at(-1)?.at ?? sentAt) - sentAt);
  const first = reading[0]?.at ?? ticks.at(-1)?.at ?? sentAt;
  return Math.max(0, first - sentAt);
}
