/** A rush of users in the middle of a dump: begins it, sees the pace follow, and gathers what there is to show. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../../../catalog/types';
import type { LoadEvent } from '../../../catalog/load-types';
import type { BackupProgress, DumpProgress } from '../../../domain/progress';
import { demoError } from '../../../errors/demo';
import { formatDuration } from '../../output/format';
import { loadFacts, paceSteps, p95Over, type DemoLoad, type LoadSeen } from './facts';
import { paceText, type PictureFacts } from './picture';
import type { Traffic, TrafficSource } from './traffic';

/** Visits all the time, so that there is something to compare with. */
const USERS = { name: 'users', clients: 16, perSecond: 25, seconds: 1_800 } as const;
/** Users before the backup begins. */
const LEAD_MS = 3_000;
/** Rows flow for so long before the rush. */
const QUIET_MS = 8_000;
/** And for so long at full pace. */
const FULL_MS = 4_000;
/** Then it begins although the pace is not full. */
const PATIENCE_MS = 60_000;
const RUSH_SECONDS = 16;
const LOOK_AT_VISITS_MS = 1_000;
const READ_EVERY_MS = 450;
/** The catalogue is told of a change a moment after the run. */
const RECORD_MS = 20_000;

export interface RushOptions {
  readonly traffic: TrafficSource;
  readonly catalog: Catalog;
  /** Connections of the rush. */
  readonly clients: number;
  /** Bytes a second. */
  readonly fullRate: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export class Rush {
  #users: Traffic | null = null;
  #rush: Traffic | null = null;
  #dumpFrom: number | null = null;
  #dumpTo: number | null = null;
  #beganAt: number | null = null;
  #endedAt: number | null = null;
  #failure: unknown = null;
  #backupId: string | null = null;
  #attempt = 0;
  #startedAt = Infinity;
  #read: { at: number; bytes: number }[] = [];
  #pace: string | null = null;
  #fullSince: number | null = null;
  #lookedAt = 0;
  #p95: number | null = null;
  #seen: LoadSeen | null = null;

  constructor(private readonly options: RushOptions) {}

  /** Users come and go from now on. */
  async open(): Promise<void> {
    this.#users = await this.options.traffic.start(USERS);
    await sleep(LEAD_MS, undefined, { signal: this.options.signal });
  }

  /** Is shown each progress report of the run. */
  async see(progress: BackupProgress): Promise<void> {
    const now = Date.now();
    this.#backupId = progress.backupId;
    if (this.#failure !== null) throw this.#failure as Error;
    if (progress.phase !== 'dumping') {
      if (this.#dumpFrom !== null) await this.close();
      return;
    }
    const bytes = progress.dump?.plainBytes ?? 0;
    if (bytes > 0) {
      this.#dumpFrom ??= now;
      this.#note(now, progress.dump!);
    }
    this.#tellPace(progress);
    await this.#lookAtVisits(now);
    if (this.#dumpFrom !== null && this.#rush === null) await this.#begin(progress, now);
  }

  /** Of the last two seconds; null without enough visits. Milliseconds. */
  get p95(): number | null {
    return this.#p95;
  }

  /** The dump is over: nobody visits any more. */
  async close(): Promise<void> {
    this.#dumpTo ??= Date.now();
    this.#p95 = null;
    await Promise.all([this.#rush?.stop(), this.#users?.stop()]);
    this.#endedAt ??= this.#beganAt === null ? null : Date.now();
  }

  /** What was seen; throws when there was no rush. */
  async result(): Promise<PictureFacts> {
    const { traffic, clients, fullRate, catalog } = this.options;
    await this.close();
    if (this.#beganAt === null || this.#dumpFrom === null || this.#backupId === null)
      throw demoError('DEMO_LOAD_FAILED', 'the dump was over before the load could begin');
    const visits = (await Promise.all([this.#users?.visits(), this.#rush?.visits()])).flatMap((all) => all ?? []);
    const steps = paceSteps(await settledEvents(catalog, this.#backupId), fullRate);
    const seen: LoadSeen = {
      generator: traffic.name,
      clients,
      dump: { from: this.#dumpFrom, to: this.#dumpTo! },
      load: { from: this.#beganAt, to: this.#endedAt! },
      steps,
      visits,
      chart: null,
    };
    this.#seen = seen;
    return { ...seen, read: this.#read };
  }

  /** null until it was gathered. */
  facts(chart: string | null): DemoLoad | null {
    return this.#seen && loadFacts({ ...this.#seen, chart });
  }

  async #begin({ pace }: BackupProgress, now: number): Promise<void> {
    const { traffic, clients, fullRate, say } = this.options;
    const flowing = now - this.#dumpFrom!;
    const full = !pace.paused && (pace.maxBytesPerSecond ?? fullRate) >= fullRate;
    this.#fullSince = full ? (this.#fullSince ?? now) : null;
    const settled = this.#fullSince !== null && now - this.#fullSince >= FULL_MS;
    if (flowing < QUIET_MS || (!settled && flowing < PATIENCE_MS)) return;
    const rush = await traffic.start({ name: 'rush', clients, perSecond: null, seconds: RUSH_SECONDS });
    this.#rush = rush;
    this.#beganAt = Date.now();
    say(`load begins: ${clients} clients of ${traffic.name}, for ${RUSH_SECONDS} s`);
    rush.ended.then(
      () => {
        this.#endedAt ??= Date.now();
        say(`load ends, after ${formatDuration(this.#endedAt - this.#beganAt!)}`);
      },
      (error: unknown) => {
        this.#failure = error;
      },
    );
  }

  /** By the clock of the dump, since its reports may come late; the one that came soonest says what that clock is behind. */
  #note(now: number, { elapsedMs, plainBytes, attempt }: DumpProgress): void {
    if (attempt !== this.#attempt) this.#startedAt = Infinity;
    this.#attempt = attempt;
    this.#startedAt = Math.min(this.#startedAt, now - elapsedMs);
    const at = this.#startedAt + elapsedMs;
    if (at - (this.#read.at(-1)?.at ?? 0) >= READ_EVERY_MS) this.#read.push({ at, bytes: plainBytes });
  }

  #tellPace({ pace }: BackupProgress): void {
    const { fullRate, say } = this.options;
    const rate = pace.paused ? 0 : Math.min(fullRate, pace.maxBytesPerSecond ?? fullRate);
    const word = pace.paused ? 'paused' : rate >= fullRate ? 'full' : 'throttled';
    const key = `${word} ${rate}`;
    if (this.#pace !== null && this.#pace !== key)
      say(`${paceText({ pace: word, bytesPerSecond: rate }, false).replace('released', 'pace set')}: ${pace.reason}`);
    this.#pace = key;
  }

  async #lookAtVisits(now: number): Promise<void> {
    if (now - this.#lookedAt < LOOK_AT_VISITS_MS) return;
    this.#lookedAt = now;
    const visits = (await Promise.all([this.#users?.visits(), this.#rush?.visits()])).flatMap((all) => all ?? []);
    this.#p95 = p95Over(visits, { from: now, to: now })[0]?.value ?? null;
  }
}

/** All that the watch ordered for a run, once the record grows no more. */
async function settledEvents(catalog: Catalog, backupId: string): Promise<readonly LoadEvent[]> {
  const deadline = Date.now() + RECORD_MS;
  let before: readonly LoadEvent[] | null = null;
  for (;;) {
    const now = await catalog.loadEvents({ backupId, limit: 500 });
    if (now.length > 0 && isDeepStrictEqual(now, before)) return now;
    if (Date.now() > deadline) return now;
    before = now;
    await sleep(500);
  }
}
