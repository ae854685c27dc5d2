/** Keeps one service running: starts it, and starts it again with growing pauses when it ends by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagedProcess } from '../../provision';

/** Milliseconds. */
export const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** A service that ran this long is taken to have been well: the next restart is quick again. */
const WELL_AFTER = 60_000;

export interface Service {
  readonly name: string;
  /** Starts it and waits until it answers. */
  start(): Promise<ManagedProcess>;
  /** Called after each start that followed the first. */
  readonly onRestarted?: () => Promise<void>;
}

export interface KeptService {
  readonly name: string;
  readonly process: () => ManagedProcess;
  /** Ends it, and starts it once more, as for a changed configuration. */
  restart(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** The pause before the next start, after so many failures in a row. Milliseconds. */
export function pauseBefore(failures: number): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.max(0, failures - 1));
}

export async function keepAlive(service: Service, say: (line: string) => void): Promise<KeptService> {
  let current = await service.start();
  const stopping = new AbortController();
  let planned = false;

  const watch = async (): Promise<void> => {
    let failures = 0;
    let startedAt = Date.now();
    while (!stopping.signal.aborted) {
      const { code, signal } = await current.exited;
      if (stopping.signal.aborted) return;
      if (planned) {
        planned = false;
        failures = 0;
      } else {
        failures = Date.now() - startedAt > WELL_AFTER ? 1 : failures + 1;
        const pause = pauseBefore(failures);
        say(
          `${service.name} ended (${signal ?? `exit ${code}`}); starting it again in ${pause / 1_000} s, log: ${current.logFile}`,
        );
        if (await interrupted(pause, stopping.signal)) return;
      }
      for (;;) {
        try {
          startedAt = Date.now();
          const next = await service.start();
          if (stopping.signal.aborted) {
            await next.stop();
            return;
          }
          current = next;
          await service.onRestarted?.();
          say(`${service.name} is up again`);
          break;
        } catch (error) {
          failures += 1;
          const pause = pauseBefore(failures);
          say(
            `${service.name} does not start: ${error instanceof Error ? error.message : String(error)}; next try in ${pause / 1_000} s`,
          );
          if (await interrupted(pause, stopping.signal)) return;
        }
      }
    }
  };
  const watching = watch();

  return {
    name: service.name,
    process: () => current,
    async restart() {
      planned = true;
      await current.stop();
    },
    async stop() {
      stopping.abort();
      await current.stop();
      await watching;
    },
  };
}

async function interrupted(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return signal.aborted;
}
