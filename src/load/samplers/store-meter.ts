/** Upload rate and latency of the stores, from what the running copies of this process send. */
import type { StoreMetrics, StoreRequestEvent } from '../../storage/decorators/metrics';
import type { Sampler, Signals } from './sampler';

export interface StoreMeter {
  /** Give it to the stores, beside the process's own metrics: see `teeStoreMetrics`. */
  readonly metrics: StoreMetrics;
  /** Measures `store:<name>`. */
  sampler(store: string): Sampler;
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

/** Bounds the memory of a store that takes very small objects. */
const MOST = 2_000;

export function createStoreMeter(options: StoreMeterOptions = {}): StoreMeter {
  const { windowSeconds = 10, now = () => performance.now() } = options;
  const windowMs = windowSeconds * 1_000;
  const stores = new Map<string, Sent[]>();
  const startedAt = now();

  const forgetOld = (sent: Sent[], before: number) => {
    const keep = sent.findIndex(({ toMs }) => toMs >= before);
    sent.splice(0, Math.max(keep === -1 ? sent.length : keep, sent.length - MOST));
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
    sampler: (store) => ({
      source: `store:${store}`,
      sample() {
        const to = now();
        const from = Math.max(startedAt, to - windowMs);
        const sent = stores.get(store);
        // A store that this process has sent nothing to yet was not measured here.
        if (!sent) return Promise.resolve({ signals: {}, problems: [] });
        forgetOld(sent, from);
        const signals: Signals = {
          storeUploadBytesPerSecond: uploaded(sent, from, to) / Math.max(0.1, (to - from) / 1_000),
        };
        const answered = sent.filter(({ ok, toMs }) => ok && toMs >= from);
        if (answered.length > 0)
          signals.storeLatencyMs = answered.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0) / answered.length;
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
