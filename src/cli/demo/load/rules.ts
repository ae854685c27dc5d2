/** The `load` section of the demo: nothing is watched, or what the users feel decides the pace. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { HoldfastConfigInput } from '../../../config/schema';
import { median } from '../../../domain/load/statistics';

export type DemoLoadRules = NonNullable<HoldfastConfigInput['load']>;

/** At full pace at any hour, whatever else this machine does. */
export const UNWATCHED: DemoLoadRules = { watch: false };

/** What the watch asks the source: what some customers have spent. Work enough that it waits for the processor as the users do. */
export const PROBE =
  'select max(s) from (select (select sum(o.total) from shop.orders o where o.customer_id = c.id) as s from shop.customers c where c.id <= 1200) spent';

/** An ungoverned backup takes about so long, so that one can watch. */
const UNGOVERNED_SECONDS = 38;

/** Bytes a second of a backup at full pace. `megabytes`: size of the database on disk, which is about what is read. */
export const fullRate = (megabytes: number): number =>
  Math.max(50, Math.round((megabytes * 500) / UNGOVERNED_SECONDS)) * 2_000;

/** How long the probe takes before the backup. Milliseconds. */
export interface ProbeFigures {
  /** With the least that came between. */
  readonly best: number;
  readonly usual: number;
}

const TRIES = 25;
const WARM_UP = 5;
const BETWEEN_MS = 60;

export async function measureProbe(client: Client, signal: AbortSignal): Promise<ProbeFigures> {
  const times: number[] = [];
  for (let count = 0; count < TRIES + WARM_UP; count++) {
    const started = performance.now();
    await client.query(PROBE);
    if (count >= WARM_UP) times.push(performance.now() - started);
    await sleep(BETWEEN_MS, undefined, { signal });
  }
  return { best: Math.min(...times), usual: median(times)! };
}

export interface WatchedRules {
  readonly probe: ProbeFigures;
  readonly megabytes: number;
}

/**
 * Limits in milliseconds, from what was measured before the backup: what is usual at this hour of the week would have to be learnt
 * over days. The machine's processor is left out: it may be busy with anything, and it is the users that count.
 */
export function watchedRules({ probe, megabytes }: WatchedRules): DemoLoadRules {
  const rate = fullRate(megabytes);
  const throttle = Math.max(3, probe.best * 3, probe.usual * 2.5);
  const kilobytes = (bytes: number) => `${Math.round(bytes / 1_000)}KB/s`;
  const ms = (value: number) => Number(value.toPrecision(3));
  return {
    watch: true,
    timezone: 'UTC',
    every: '1s',
    samplers: { postgres: { probe: PROBE, statements: false }, host: { enabled: false } },
    limits: {
      probeLatencyMs: { throttle: ms(throttle), pause: ms(throttle * 2), release: ms(throttle * 0.7), hard: false },
      hostCpu: 'off',
      hostIoWait: 'off',
      hostMemory: 'off',
      containerCpu: 'off',
      containerMemory: 'off',
      workerMemoryBytes: 'off',
    },
    peak: { windows: [] },
    protected: [],
    windows: [],
    maxRate: kilobytes(rate),
    // One step between full pace and a pause: a demo has minutes, and each step up waits for its time.
    minRate: kilobytes(rate / 2),
    safePace: { maxRate: kilobytes(rate / 2), readers: 1 },
  };
}
