/** Counts refused attempts by address in a fixed window, in bounded memory. Pure but for its own counts: time is handed in. */
export interface AttemptLimit {
  /** Milliseconds that this address must wait; 0 when it may try. */
  waitMs(address: string, now: number): number;
  refused(address: string, now: number): void;
}

export interface AttemptLimitOptions {
  /** In one window. */
  readonly attempts: number;
  readonly windowMs: number;
  /** Beyond it the address that was seen first is forgotten. @default 1000 */
  readonly addresses?: number;
}

export function createAttemptLimit({ attempts, windowMs, addresses = 1_000 }: AttemptLimitOptions): AttemptLimit {
  const windows = new Map<string, { readonly since: number; count: number }>();
  const current = (address: string, now: number) => {
    const window = windows.get(address);
    // A clock that was set back must not lock anybody out for longer than a window.
    return window !== undefined && now >= window.since && now - window.since < windowMs ? window : null;
  };
  return {
    waitMs(address, now) {
      const window = current(address, now);
      return window !== null && window.count >= attempts ? window.since + windowMs - now : 0;
    },
    refused(address, now) {
      const window = current(address, now);
      if (window !== null) {
        window.count += 1;
        return;
      }
      windows.delete(address);
      windows.set(address, { since: now, count: 1 });
      if (windows.size > addresses) windows.delete(windows.keys().next().value!);
    },
  };
}
