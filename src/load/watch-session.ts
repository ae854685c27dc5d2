/**
 * What a process remembers of the load of a database between two calls of the watch: open samplers, whose rates need two
 * readings, and the samples of the last minutes, which would be too much for a workflow's history.
 */
import type { LoadSample, SamplerFailure } from '../domain/load/signals';

/** One round of samplers, and their end. */
export interface LoadSource {
  sample(signal: AbortSignal): Promise<LoadRound>;
  close(): Promise<void>;
}
export interface LoadRound {
  readonly samples: readonly LoadSample[];
  readonly failures: readonly SamplerFailure[];
}

export interface LoadSession {
  /** Of the last minutes, oldest first. */
  readonly samples: readonly LoadSample[];
  readonly failures: readonly SamplerFailure[];
  /** Measures once, and remembers what it found. */
  round(signal: AbortSignal): Promise<LoadRound>;
  /** When each kind of record was last written, ms of a clock that only grows. */
  readonly written: Map<string, number>;
  /** Anything that is dear to find out, by name. */
  readonly known: Map<string, unknown>;
  /** Whoever takes it within a minute goes on with it; then its samplers are closed. */
  release(): void;
}

export interface LoadSessions {
  take(database: string): LoadSession;
  close(): Promise<void>;
}

const REMEMBERED_MS = 150_000;
const AHEAD_MS = 5_000;
const KEPT_OPEN_MS = 60_000;

interface Entry {
  readonly source: LoadSource;
  session: Omit<LoadSession, 'release'>;
  users: number;
  timer: NodeJS.Timeout | null;
}

export function createLoadSessions(open: (database: string) => LoadSource): LoadSessions {
  const entries = new Map<string, Entry>();

  const make = (database: string): Entry => {
    const source = open(database);
    let samples: readonly LoadSample[] = [];
    let failures: readonly SamplerFailure[] = [];
    return {
      source,
      users: 0,
      timer: null,
      session: {
        get samples() {
          return samples;
        },
        get failures() {
          return failures;
        },
        written: new Map(),
        known: new Map(),
        async round(signal) {
          const round = await source.sample(signal);
          // What is dated ahead was taken before the clock was set back: it would stay, and grow, until the clock is there.
          const now = Date.now();
          const recent = ({ at }: { readonly at: number }) => at > now - REMEMBERED_MS && at <= now + AHEAD_MS;
          samples = [...samples, ...round.samples].filter(recent);
          failures = [...failures, ...round.failures].filter(recent);
          return round;
        },
      },
    };
  };

  return {
    take(database) {
      const entry = entries.get(database) ?? make(database);
      entries.set(database, entry);
      if (entry.timer) clearTimeout(entry.timer);
      entry.timer = null;
      entry.users += 1;
      let held = true;
      const release = () => {
        if (!held) return;
        held = false;
        entry.users -= 1;
        if (entry.users > 0) return;
        entry.timer = setTimeout(() => {
          if (entries.get(database) === entry) entries.delete(database);
          void entry.source.close();
        }, KEPT_OPEN_MS);
        entry.timer.unref();
      };
      return Object.defineProperties({ release } as LoadSession, Object.getOwnPropertyDescriptors(entry.session));
    },
    async close() {
      const all = [...entries.values()];
      entries.clear();
      for (const { timer } of all) if (timer) clearTimeout(timer);
      await Promise.all(all.map(({ source }) => source.close()));
    },
  };
}
