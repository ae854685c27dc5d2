/**
 * How long the server's backends wait for a CPU, from what Linux counts of each process. A statement's own time begins when its backend
 * runs, so a server that is short of CPU answers late while its statements stay quick: this is what its users feel of it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PgSession } from '../../../postgres/connection';
import { startTicks } from '../../../provision/process-identity';
import type { Signals } from '../sampler';
import { CLIENT, OURS, type OwnSessions } from './activity';

/** Backends that are looked at: those that did something last. */
const BACKENDS = 100;
/** Fewer turns on a CPU than these, all backends together, give a mean that is chance. */
const FEWEST_TURNS = 100;
/** Of `/proc/<pid>/stat`, on every machine that runs Node. */
const TICKS_PER_SECOND = 100;
/** The kernel tells the time of its start in whole seconds, and the server takes its own a moment after the process began. */
const SAME_START_SECONDS = 3;

// A process is only known by its number, and in a container numbers are others: our own backend's start tells whether they are the same.
const OWN_BACKEND = `
SELECT pid, extract(epoch FROM backend_start)::float8 AS started
  FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())`;

const BACKENDS_OF_OTHERS = `
SELECT pid
  FROM pg_catalog.pg_stat_get_activity(NULL)
 WHERE pid <> pg_catalog.pg_backend_pid() AND ${CLIENT} AND NOT coalesce(${OURS}, false)
 ORDER BY state_change DESC NULLS LAST
 LIMIT ${BACKENDS}`;

/** `started` in seconds since the epoch. */
interface OwnBackend extends Record<string, unknown> {
  readonly pid: number;
  readonly started: number;
}

/** Since the process began. */
export interface CpuTurns {
  /** Nanoseconds between being ready to run and running. */
  readonly waited: number;
  /** How often it was given a CPU. */
  readonly turns: number;
}

export interface CpuWaitOptions {
  /** Whether the server runs on this machine; asked with each reading. */
  readonly here: () => Promise<boolean>;
  /** Where Linux shows its figures. @default /proc */
  readonly procRoot?: string;
}

export class CpuWaitReader {
  private last: ReadonlyMap<number, CpuTurns> = new Map();
  /** Whether the server's numbers of processes are those of this machine; null until it was asked on this connection. */
  private numbersAreOurs: boolean | null = null;

  constructor(private readonly options: CpuWaitOptions) {}

  /** Nothing from a server elsewhere, in another container, or on another system than Linux; nothing from the first reading. */
  async read(session: PgSession, own: OwnSessions): Promise<Signals> {
    if (!(await this.options.here())) {
      this.forget();
      return {};
    }
    this.numbersAreOurs ??= await this.findOwn(session);
    if (!this.numbersAreOurs) return {};
    const rows = await session.query<{ pid: number }>('backends', BACKENDS_OF_OTHERS, [own.role]);
    const found = await Promise.all(
      rows.map(async ({ pid }) => [pid, parseSchedstat(await this.proc(String(pid), 'schedstat'))] as const),
    );
    const now = new Map(found.filter((one): one is [number, CpuTurns] => one[1] !== null));
    const wait = meanWaitMs(this.last, now);
    this.last = now;
    return wait === null ? {} : { backendCpuWaitMs: wait };
  }

  /** For another connection: its server may be another one. */
  forget(): void {
    this.last = new Map();
    this.numbersAreOurs = null;
  }

  private async findOwn(session: PgSession): Promise<boolean> {
    const [own] = await session.query<OwnBackend>('backends', OWN_BACKEND);
    const [stat, machine] = await Promise.all([this.proc(String(own!.pid), 'stat'), this.proc('stat')]);
    const since = startOf(stat, machine);
    return since !== null && Math.abs(since - own!.started) < SAME_START_SECONDS;
  }

  private proc(...names: string[]): Promise<string> {
    return readFile(join(this.options.procRoot ?? '/proc', ...names), 'utf8').catch(() => '');
  }
}

/** `/proc/<pid>/schedstat`: nanoseconds on a CPU, nanoseconds of waiting for one, turns. Null where the kernel does not count. */
export function parseSchedstat(text: string): CpuTurns | null {
  const fields = text.trim().split(/\s+/).map(Number);
  if (fields.length !== 3 || !fields.every((value) => value >= 0)) return null;
  return { waited: fields[1]!, turns: fields[2]! };
}

/** When a process began, in seconds since the epoch, from its `/proc/<pid>/stat` and the machine's `/proc/stat`. */
export function startOf(stat: string, machine: string): number | null {
  const ticks = Number(startTicks(stat) ?? Number.NaN);
  const boot = Number(/^btime (\d+)$/m.exec(machine)?.[1] ?? Number.NaN);
  const since = boot + ticks / TICKS_PER_SECOND;
  return Number.isFinite(since) ? since : null;
}

/** Of a turn, over the backends that are in both readings; null when they had too few. A number that was given again counts anew. */
export function meanWaitMs(before: ReadonlyMap<number, CpuTurns>, now: ReadonlyMap<number, CpuTurns>): number | null {
  let waited = 0;
  let turns = 0;
  for (const [pid, known] of now) {
    const earlier = before.get(pid);
    if (!earlier || known.turns < earlier.turns || known.waited < earlier.waited) continue;
    waited += known.waited - earlier.waited;
    turns += known.turns - earlier.turns;
  }
  return turns < FEWEST_TURNS ? null : waited / turns / 1e6;
}
