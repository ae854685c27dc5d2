/** The governor of one dump: a token bucket for bytes, places for readers and uploads, and a gate that a pause closes. */
import { withinMaximum } from '../domain/load/pace-of';
import { FULL_PACE, newerPace, type Pace } from '../domain/pace';
import type { Governor, Place } from './governor';

export interface GovernorClock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Calls back once after `ms`; the returned function takes it back. */
  after(ms: number, callback: () => void): () => void;
}

export interface GovernorOptions {
  /** In force from the start. @default full pace */
  readonly pace?: Pace;
  /** Bytes per second that only a person's word passes, whether or not anybody watches the load. @default null = no limit */
  readonly maxBytesPerSecond?: number | null;
  /** @default the monotonic clock and timers of this process */
  readonly clock?: GovernorClock;
  /** Seconds of the rate that may be spent at once after idling. @default 0.25 */
  readonly burstSeconds?: number;
}

/** Timers are unreferenced: a waiting reader alone does not keep the process up. */
export const systemClock: GovernorClock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

interface Waiter {
  readonly bytes: number;
  readonly wake: () => void;
}

/** Places for one kind of work, and who waits for one. */
interface Room {
  inside: number;
  readonly queue: Waiter[];
}

/**
 * Over any window of `t` seconds at most `rate × (t + burstSeconds)` bytes are admitted, beyond the one read that overdraws:
 * a read is let through when the bucket is not in debt, and pays afterwards, so a chunk larger than the burst still passes.
 */
export function createGovernor(options: GovernorOptions = {}): Governor {
  const clock = options.clock ?? systemClock;
  const burstSeconds = options.burstSeconds ?? 0.25;
  const limits = { maxBytesPerSecond: options.maxBytesPerSecond ?? null };
  let pace = withinMaximum(options.pace ?? FULL_PACE, limits);
  let pausedAt: number | null = pace.paused ? clock.now() : null;
  let tokens = 0;
  let refilledAt = clock.now();
  let resumedAt = -Infinity;
  let cancelTimer: (() => void) | null = null;
  const bytesQueue: Waiter[] = [];
  const readers: Room = { inside: 0, queue: [] };
  const uploads = new Map<string, Room>();

  const refill = () => {
    const now = clock.now();
    const rate = pace.maxBytesPerSecond;
    if (rate !== null) tokens = Math.min(rate * burstSeconds, tokens + ((now - refilledAt) / 1000) * rate);
    refilledAt = now;
  };

  const fill = (room: Room, places: number | null) => {
    while (room.queue.length > 0 && (places === null || room.inside < places)) {
      room.inside += 1;
      room.queue.shift()!.wake();
    }
  };

  /** Lets through whoever may go, in order, and sets one timer for the next who must wait for tokens. */
  const pump = () => {
    cancelTimer?.();
    cancelTimer = null;
    if (pace.paused) return;
    fill(readers, pace.readers);
    for (const room of uploads.values()) fill(room, pace.uploads ?? null);
    refill();
    const rate = pace.maxBytesPerSecond;
    while (bytesQueue.length > 0 && (rate === null || tokens >= 0)) {
      const next = bytesQueue.shift()!;
      if (rate !== null) tokens -= next.bytes;
      next.wake();
    }
    if (bytesQueue.length > 0 && rate !== null)
      cancelTimer = clock.after(Math.max(1, Math.ceil((-tokens / rate) * 1000)), pump);
  };

  const wait = (queue: Waiter[], bytes: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        queue.splice(queue.indexOf(waiter), 1);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        bytes,
        wake: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      queue.push(waiter);
      pump();
    });

  /** Waits for a place; it is counted from the moment in which the waiter is woken. */
  const enter = async (room: Room, signal: AbortSignal): Promise<Place> => {
    await wait(room.queue, 0, signal);
    let inside = true;
    return {
      release() {
        if (!inside) return;
        inside = false;
        room.inside -= 1;
        pump();
      },
    };
  };

  return {
    get pace() {
      return pace;
    },
    apply(wanted) {
      if (newerPace(pace, wanted) !== wanted) return false;
      const asked = withinMaximum(wanted, limits);
      refill();
      // Debt of a slower pace is not carried into a faster one: the new rate counts from now.
      if (asked.maxBytesPerSecond !== pace.maxBytesPerSecond) tokens = 0;
      if (pausedAt !== null && !asked.paused) resumedAt = clock.now();
      pausedAt = asked.paused ? (pausedAt ?? clock.now()) : null;
      pace = asked;
      pump();
      return true;
    },
    admit(bytes, signal) {
      // The common case, no limit and nobody waiting, costs no queue.
      if (!pace.paused && pace.maxBytesPerSecond === null && !signal.aborted) return Promise.resolve();
      return wait(bytesQueue, bytes, signal);
    },
    enterReader: (signal) => enter(readers, signal),
    enterUpload(store, signal) {
      let room = uploads.get(store);
      if (!room) uploads.set(store, (room = { inside: 0, queue: [] }));
      return enter(room, signal);
    },
    pausedForMs: () => (pausedAt === null ? 0 : clock.now() - pausedAt),
    movingForMs: () => (pausedAt === null ? clock.now() - resumedAt : 0),
  };
}
