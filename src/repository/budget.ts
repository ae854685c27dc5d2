/**
 * How many plain bytes may be between a reader and the stores at once. It bounds the writer's memory and is its
 * back-pressure: who cannot have a place waits, first come, first served.
 */
export interface Budget {
  /** Bytes taken now, and the most ever taken. */
  readonly taken: number;
  readonly peak: number;
  readonly waiting: number;
  /** Resolves when `bytes` are free, or rejects with the reason of `close`. More than the whole is cut to the whole. */
  take(bytes: number): Promise<void>;
  give(bytes: number): void;
  /** Rejects everybody who waits or comes later. */
  close(reason: unknown): void;
}

export function createBudget(total: number, onWait: () => void = () => {}): Budget {
  const queue: { readonly bytes: number; readonly resolve: () => void; readonly reject: (reason: unknown) => void }[] =
    [];
  let taken = 0;
  let peak = 0;
  let closed: { readonly reason: unknown } | null = null;
  const grant = (bytes: number) => {
    taken += bytes;
    peak = Math.max(peak, taken);
  };
  const fits = (bytes: number) => taken + bytes <= total;
  return {
    get taken() {
      return taken;
    },
    get peak() {
      return peak;
    },
    get waiting() {
      return queue.length;
    },
    take(asked) {
      const bytes = Math.min(asked, total);
      if (closed) return Promise.reject(closed.reason as Error);
      if (queue.length === 0 && fits(bytes)) {
        grant(bytes);
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        queue.push({ bytes, resolve, reject });
        onWait();
      });
    },
    give(asked) {
      taken -= Math.min(asked, total);
      while (queue.length > 0 && fits(queue[0]!.bytes)) {
        const next = queue.shift()!;
        grant(next.bytes);
        next.resolve();
      }
    },
    close(reason) {
      closed ??= { reason };
      for (const waiter of queue.splice(0)) waiter.reject(reason);
    },
  };
}
