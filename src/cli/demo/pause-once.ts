import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldfastClient } from '../../client/types';
import type { BackupProgress } from '../../domain/progress';
import { demoError } from '../../errors/demo';
import { isHoldfastError } from '../../errors/holdfast-error';
import type { DemoResult } from './result';

/** How long the counters are watched while the run is paused. */
const STANDSTILL_MS = 2_000;
/** How often the run is looked for before it exists, and how long. */
const LOOK_MS = 50;
const APPEARS_MS = 60_000;

export interface PauseOnceOptions {
  readonly client: HoldfastClient;
  readonly database: string;
  /** Bytes a second until the pause, so that there is time to watch. */
  readonly slowTo: number;
  /** Whether the run stays as slow after the pause; somebody else has to let it go then. */
  readonly staySlow: boolean;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Steers one run as a person would: slows it down, pauses it in the middle of the dump, sees that it stands still, and lets it go on. */
export class PauseOnce {
  #begun = false;
  #result: DemoResult['pause'] = null;

  constructor(private readonly options: PauseOnceOptions) {}

  /** What was measured; null when the dump was over before it could be paused. */
  get result(): DemoResult['pause'] {
    return this.#result;
  }

  /** To be called when the run is asked for: by the first report of its progress a small dump may be over. */
  async slow(): Promise<void> {
    const { client, database, slowTo, signal } = this.options;
    const deadline = Date.now() + APPEARS_MS;
    for (;;) {
      try {
        await client.setPace(database, { maxBytesPerSecond: slowTo, readers: null }, 'demo', 'slow enough to watch');
        return;
      } catch (error) {
        if (!isHoldfastError(error, 'RUN_NOT_ACTIVE') || Date.now() > deadline) throw error;
      }
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  /** Is shown each progress report of the run; acts on it, and returns when the action is done. */
  async see(progress: BackupProgress): Promise<void> {
    if (this.#begun || progress.phase !== 'dumping' || !enoughIsRead(progress)) return;
    this.#begun = true;
    await this.#pauseAndResume();
  }

  async #pauseAndResume(): Promise<void> {
    const { client, database, say, signal, staySlow } = this.options;
    const askedAt = new Date().toISOString();
    const pace = await client.pause(database, 'demo', 'to show that it stops');
    const { effectiveMs } = await client.awaitPaceApplied(database, pace.sequence, 20_000);
    this.#result = { askedAt, effectiveMs };
    say(`paused: the readers stopped ${effectiveMs} ms after the request`);
    // The counters arrive with heartbeats, so the first look waits for one.
    await sleep(STANDSTILL_MS, undefined, { signal });
    const before = (await client.progress(database))?.dump;
    await sleep(STANDSTILL_MS, undefined, { signal });
    const after = (await client.progress(database))?.dump;
    if (before && after && after.plainBytes !== before.plainBytes)
      throw demoError('DEMO_PAUSE_FAILED', 'the dump went on while it was paused', {
        context: { bytes: after.plainBytes - before.plainBytes, ms: STANDSTILL_MS },
      });
    say(`it stands still; resuming${staySlow ? '' : ' at full speed'}`);
    await client.resume(database, 'demo', 'seen enough');
    if (!staySlow) await client.setPace(database, { maxBytesPerSecond: null, readers: null }, 'demo', 'no limit');
  }
}

function enoughIsRead({ dump }: BackupProgress): boolean {
  if (!dump || dump.plainBytes === 0) return false;
  return dump.plainBytesExpected === null || dump.plainBytes > dump.plainBytesExpected / 10;
}
