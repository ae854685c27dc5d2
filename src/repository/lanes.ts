/**
 * One lane a store. A segment goes to every open lane at once; a lane that fails, or stays behind the others for longer
 * than the grace while readers wait, is closed and left out, so that no store slows the others beyond a bounded lag.
 */
import { setMaxListeners } from 'node:events';
import { repositoryError } from '../errors/repository';
import type { UploadGate } from '../load/governor';
import type { ObjectStore } from '../storage/object-store';

export interface Lane {
  readonly store: ObjectStore;
  /** Why it was closed; null while it takes part. */
  readonly error: Error | null;
}

export interface LanesOptions {
  readonly stores: readonly ObjectStore[];
  /** Plain bytes that a lane may owe while another lane has them. */
  readonly maxLagBytes: number;
  readonly graceMs: number;
  readonly signal: AbortSignal;
  /** Whether somebody waits because of the lag; a lag that holds up nobody is no reason to close a lane. */
  readonly pressed: () => boolean;
  /** Asked before each upload. @default as many as come */
  readonly gate?: UploadGate;
  /** Segments that may be under way to one store: as many uploads as there can be without a limit of the gate. */
  readonly inFlight: number;
  /** Told of each lane that is closed before its time, and why. */
  readonly onClose?: (store: string, error: Error) => void;
}

export interface Lanes {
  readonly all: readonly Lane[];
  readonly open: readonly Lane[];
  /**
   * Resolves with the stores that took the object, when every lane has it or is closed. `first` is called when the
   * first one has it. Rejects with REPO_NO_STORE_LEFT when none took it, or with the signal's reason.
   */
  deliver(
    key: string,
    body: Buffer,
    facts: { readonly sha256: string; readonly plainBytes: number; readonly first: (store: string) => void },
  ): Promise<readonly string[]>;
  close(lane: Lane, error: Error): void;
  /** After the last segment: a lane that is still not done when another is, is closed after this time. */
  finish(graceMs: number): void;
  /** Stops every request and timer. */
  stop(): void;
}

interface OpenLane extends Lane {
  error: Error | null;
  readonly stopper: AbortController;
  readonly signal: AbortSignal;
  /** Plain bytes of segments that this lane still owes and another lane has. */
  owed: number;
  pending: number;
  /** Runs while it is late; since when that is, by the monotonic clock. */
  timer: NodeJS.Timeout | null;
  lateSince: number;
}

export function createLanes(options: LanesOptions): Lanes {
  const lanes: OpenLane[] = options.stores.map((store) => {
    const stopper = new AbortController();
    const signal = AbortSignal.any([options.signal, stopper.signal]);
    setMaxListeners(0, signal);
    return { store, error: null, stopper, signal, owed: 0, pending: 0, timer: null, lateSince: 0 };
  });
  const open = () => lanes.filter((lane) => lane.error === null);
  let finishing: number | null = null;

  const calm = (lane: OpenLane) => {
    if (lane.timer) clearTimeout(lane.timer);
    lane.timer = null;
  };
  const close = (lane: OpenLane, error: Error) => {
    if (lane.error) return;
    lane.error = error;
    calm(lane);
    lane.stopper.abort(error);
    options.onClose?.(lane.store.name, error);
  };
  const leaveBehind = (lane: OpenLane) => {
    close(
      lane,
      repositoryError('REPO_STORE_LAGGED', '', { context: { store: lane.store.name, owedBytes: lane.owed } }),
    );
  };
  /** Starts the clock of a lane that owes too much, stops that of one that caught up. */
  const watch = (lane: OpenLane) => {
    const finished = finishing !== null && lane.pending > 0 && open().some((other) => other.pending === 0);
    const late = finishing === null ? lane.owed > options.maxLagBytes : finished;
    // The last lane is never given up for being slow: there is nobody it could slow.
    if (!late || lane.error || open().length === 1) return calm(lane);
    if (lane.timer) return;
    lane.lateSince = performance.now();
    arm(lane);
  };
  /**
   * A pace that holds uploads back makes no store slow: the clock starts anew after a pause, and with fewer uploads at a
   * time a lane has as much longer to catch up.
   */
  const arm = (lane: OpenLane) => {
    const base = finishing ?? options.graceMs;
    const graceMs = base * Math.max(1, options.inFlight / (options.gate?.pace.uploads ?? options.inFlight));
    const lateMs = Math.min(performance.now() - lane.lateSince, options.gate?.movingForMs() ?? Infinity);
    if (lateMs < graceMs - 1) {
      lane.timer = setTimeout(() => arm(lane), Math.min(base, graceMs - lateMs));
      return;
    }
    lane.timer = null;
    if (open().length > 1 && (finishing !== null || options.pressed())) leaveBehind(lane);
    else watch(lane);
  };
  const noneLeft = () => {
    const causes = lanes.map((lane) => lane.error).filter((error) => error !== null);
    const text = lanes.map((lane) => `${lane.store.name}: ${lane.error?.message ?? 'open'}`).join('; ');
    const cause = causes.length > 1 ? new AggregateError(causes) : causes[0];
    return repositoryError('REPO_NO_STORE_LEFT', `no store is left (${text})`, { cause });
  };

  return {
    all: lanes,
    get open() {
      return open();
    },
    async deliver(key, body, facts) {
      const holders: string[] = [];
      const takers = open();
      if (takers.length === 0) throw noneLeft();
      const owing = new Set<OpenLane>();
      const send = async (lane: OpenLane) => {
        lane.pending++;
        let stored = false;
        try {
          lane.signal.throwIfAborted();
          const place = await options.gate?.enterUpload(lane.store.name, lane.signal);
          try {
            await lane.store.put(key, body, { sha256: facts.sha256, signal: lane.signal });
          } finally {
            place?.release();
          }
          stored = true;
        } catch (error) {
          if (options.signal.aborted) throw options.signal.reason;
          close(lane, error instanceof Error ? error : new Error(String(error)));
        } finally {
          lane.pending--;
          if (owing.delete(lane)) lane.owed -= facts.plainBytes;
          else takers.splice(takers.indexOf(lane), 1);
        }
        if (stored) {
          holders.push(lane.store.name);
          if (holders.length === 1) {
            // From now on the lanes that still work at it owe it.
            for (const other of takers) {
              if (other === lane) continue;
              owing.add(other);
              other.owed += facts.plainBytes;
            }
            facts.first(lane.store.name);
          }
        }
        for (const other of open()) watch(other);
      };
      const results = await Promise.allSettled([...takers].map(send));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
      if (holders.length === 0) throw noneLeft();
      return holders;
    },
    close: (lane, error) => close(lane as OpenLane, error),
    finish(graceMs) {
      finishing = graceMs;
      for (const lane of lanes) {
        calm(lane);
        watch(lane);
      }
    },
    stop() {
      for (const lane of lanes) {
        calm(lane);
        lane.stopper.abort(options.signal.reason ?? repositoryError('REPO_WRITER_CLOSED'));
      }
    },
  };
}
