/** The lanes of `impact`: what runs beside the application. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pace } from '../src/domain/pace';
import type { Bench } from './bench';
import type { IdleGroup } from './idle-group';
import type { Installation } from './installation';
import { shell } from './measure';
import { takeTurns, type Turn } from './standstill';

export const DUMP_COMMAND = 'pg_dump -Fd -j2';

/** Of each look at a run: what the looks cost is little beside the run. */
const LOOK_MS = 5_000;
/** A governed backup that takes longer is cancelled, and the share that it had read is told. */
export const LONGEST_MS = 270_000;
/** A governed backup has begun by then, and reads. */
const BEGUN_MS = 10_000;
/** Of the backup that stands still every other turn. */
const TURNS_MS = 330_000;

export interface Worked {
  /** Of the bytes of the database, 0..1; 1 = it ended. */
  readonly share: number;
  /** "+3 s 8 MB/s: why" of each pace that it was given. */
  readonly paces: readonly string[];
}

export interface WorkedLane {
  readonly name: string;
  /** In the quiet time before it: what must run before the backup begins. */
  readonly prepare: () => Promise<void>;
  readonly run: () => Promise<Worked>;
  readonly after: () => Promise<void>;
}

export function nothingLane(name: string, ms: number): WorkedLane {
  return {
    name,
    prepare: () => Promise.resolve(),
    run: async () => {
      await sleep(ms);
      return { share: 1, paces: [] };
    },
    after: () => Promise.resolve(),
  };
}

export function dumpLane(bench: Bench): WorkedLane {
  return {
    name: DUMP_COMMAND,
    prepare: async () => bench.clean(),
    run: async () => {
      await shell(`${DUMP_COMMAND} -f ${bench.out}/dir`, bench.pgEnv());
      return { share: 1, paces: [] };
    },
    after: () => Promise.resolve(),
  };
}

/** Its worker runs only around its own turns: a watch would learn the other backups as what is usual. */
export function workerLane(name: string, installation: Installation, database: string): WorkedLane {
  let worker: Awaited<ReturnType<Installation['startWorker']>> | null = null;
  return {
    name,
    prepare: async () => {
      worker = await installation.startWorker();
    },
    run: () => boundedBackup(installation, database),
    after: async () => void (await worker?.stop()),
  };
}

/** Governed as in its lane, and every other turn it stands still. */
export async function standingStill(bench: Bench, governed: Installation, idle: IdleGroup): Promise<Turn[]> {
  const worker = await governed.startWorker();
  const ended = new AbortController();
  const turns = sleep(BEGUN_MS).then(() => takeTurns(idle, ended.signal));
  try {
    await boundedBackup(governed, 'governed', bench.options.quick ? TURNS_MS / 10 : TURNS_MS);
  } finally {
    ended.abort();
    await turns;
    await worker.stop();
  }
  bench.say(`in turns with a standstill: ${(await turns).length} pairs`);
  return turns;
}

async function boundedBackup({ client }: Installation, database: string, longestMs = LONGEST_MS): Promise<Worked> {
  const startedAt = Date.now();
  const endsAt = startedAt + longestMs;
  const { workflowId } = await client.requestBackup({
    database,
    type: 'full',
    overlap: 'wait',
    requestedBy: 'bench',
  });
  const result = client.requestResult(workflowId).then(
    (known) => known,
    (error: unknown) => ({ backup: null, reason: String(error) }),
  );
  let ended: Awaited<typeof result> | null = null;
  void result.then((known) => (ended = known));
  const paces: string[] = [];
  let sequence = 0;
  let share = 0;
  while (ended === null && Date.now() < endsAt) {
    await Promise.race([result, sleep(LOOK_MS)]);
    const known = ended === null ? await client.progress(database).catch(() => null) : null;
    if (known === null) continue;
    if (known.pace.sequence > sequence)
      paces.push(`+${Math.round((Date.now() - startedAt) / 1_000)} s ${paceText(known.pace)}`);
    sequence = known.pace.sequence;
    if (known.dump?.plainBytesExpected) share = Math.min(0.99, known.dump.plainBytes / known.dump.plainBytesExpected);
  }
  if (ended === null) {
    await client.cancel(database, 'it took longer than the bench waits');
    await result;
    return { share, paces };
  }
  const { backup, reason } = await result;
  if (!backup) throw new Error(`the backup did not run: ${reason}`);
  return { share: 1, paces };
}

function paceText({ maxBytesPerSecond, paused, reason }: Pace): string {
  const rate = maxBytesPerSecond === null ? 'full pace' : `${(maxBytesPerSecond / 1e6).toFixed(1)} MB/s`;
  return `${paused ? 'paused' : rate}: ${reason}`;
}
