/**
 * Upload rate and latency of the stores, from what the running copies send: those of this process as it counts them, and the
 * dump of a database, in whatever process it runs, as its progress tells.
 */
import type { DumpProgress, UploadFigures } from '../../domain/progress';
import type { StoreMetrics, StoreRequestEvent } from '../../storage/decorators/metrics';
import type { Sampler, Signals } from './sampler';

export interface StoreMeter {
  /** Give it to the stores, beside the process's own metrics: see `teeStoreMetrics`. */
  readonly metrics: StoreMetrics;
  /** What this process sent; stores that it has sent nothing to are left out. */
  figures(stores: readonly string[]): Readonly<Record<string, UploadFigures>>;
  /** The progress of a dump. One that has not changed since the last call is no news: its process may be gone. */
  hear(database: string, dump: Pick<DumpProgress, 'attempt' | 'elapsedMs' | 'stores'>): void;
  /** Measures `store:<name>`: what the dump of `database` told in the last seconds, or else what this process sent. */
  sampler(store: string, database?: string): Sampler;
}

export interface StoreMeterOptions {
  /** Over which a rate is taken: objects arrive whole, so shorter ones jump. Seconds. @default 10 */
  readonly windowSeconds?: number;
  /** Milliseconds of a clock that only grows. @default performance.now */
  readonly now?: () => number;
}

interface Sent {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
  readonly ok: boolean;
}

interface Heard {
  readonly word: string;
  readonly at: number;
  readonly told: Readonly<Record<string, UploadFigures>>;
}

/** Bounds the memory of a store that takes very small objects. */
const MOST = 2_000;

export function createStoreMeter(options: StoreMeterOptions = {}): StoreMeter {
  const { windowSeconds = 10, now = () => performance.now() } = options;
  const windowMs = windowSeconds * 1_000;
  const stores = new Map<string, Sent[]>();
  const heard = new Map<string, Heard>();
  const startedAt = now();

  const forgetOld = (sent: Sent[], before: number) => {
    const keep = sent.findIndex(({ toMs }) => toMs >= before);
    sent.splice(0, Math.max(keep === -1 ? sent.length : keep, sent.length - MOST));
  };

  const measure = (store: string): UploadFigures | null => {
    const to = now();
    const from = Math.max(startedAt, to - windowMs);
    const sent = stores.get(store);
    if (!sent) return null;
    forgetOld(sent, from);
    const answered = sent.filter(({ ok, toMs }) => ok && toMs >= from);
    const answeredMs = answered.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
    return {
      bytesPerSecond: uploaded(sent, from, to) / Math.max(0.1, (to - from) / 1_000),
      latencyMs: answered.length > 0 ? answeredMs / answered.length : null,
    };
  };

  return {
    metrics: {
      request({ store, operation, outcome, durationMs, sentBytes }: StoreRequestEvent) {
        // What a cancelled run broke off itself says nothing about the store.
        if (operation !== 'put' || outcome === 'aborted') return;
        const toMs = now();
        let sent = stores.get(store);
        if (!sent) stores.set(store, (sent = []));
        sent.push({ fromMs: toMs - durationMs, toMs, bytes: sentBytes, ok: outcome === 'ok' });
        forgetOld(sent, toMs - windowMs);
      },
      retry: () => undefined,
    },
    figures: (names) =>
      Object.fromEntries(
        names.flatMap((store) => {
          const own = measure(store);
          return own === null ? [] : [[store, own]];
        }),
      ),
    hear(database, { attempt, elapsedMs, stores: told = {} }) {
      const word = `${attempt} ${elapsedMs}`;
      if (heard.get(database)?.word !== word) heard.set(database, { word, at: now(), told });
    },
    sampler: (store, database) => ({
      source: `store:${store}`,
      sample() {
        const last = database === undefined ? undefined : heard.get(database);
        const fresh = last !== undefined && now() - last.at <= windowMs ? last.told[store] : undefined;
        // A store that nobody has sent anything to yet was not measured.
        const figures = fresh ?? measure(store);
        if (figures === null) return Promise.resolve({ signals: {}, problems: [] });
        const { bytesPerSecond, latencyMs } = figures;
        const signals: Signals = { storeUploadBytesPerSecond: bytesPerSecond };
        if (latencyMs !== null) signals.storeLatencyMs = latencyMs;
        return Promise.resolve({ signals, problems: [] });
      },
      close: () => Promise.resolve(),
    }),
  };
}

/** The bytes of a request are spread over its time: of one that began before the window, the part within counts. */
function uploaded(sent: readonly Sent[], from: number, to: number): number {
  return sent.reduce((sum, { fromMs, toMs, bytes }) => {
    const within = Math.max(0, Math.min(to, toMs) - Math.max(from, fromMs));
    return sum + (toMs > fromMs ? bytes * (within / (toMs - fromMs)) : toMs >= from ? bytes : 0);
  }, 0);
}

/** Both are told of everything. */
export function teeStoreMetrics(one: StoreMetrics, other: StoreMetrics): StoreMetrics {
  return {
    request(event) {
      one.request(event);
      other.request(event);
    },
    retry(event) {
      one.retry(event);
      other.retry(event);
    },
  };
}
