import { setTimeout as sleep } from 'node:timers/promises';
import { provisionError } from '../errors/provision';
import type { ManagedProcess } from './supervisor';

export interface WaitOptions {
  readonly server: ManagedProcess;
  readonly signal: AbortSignal;
  /** Milliseconds; default 60 s. */
  readonly timeoutMs?: number;
  /** Resolves true once the server answers; what it throws counts as "not yet". */
  readonly ready: () => Promise<boolean>;
}

/** Waits until a server that was just started answers; rejects, with the end of its log, when it ended or took too long. */
export async function waitUntilReady({ server, signal, timeoutMs = 60_000, ready }: WaitOptions): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    if (server.exit()) throw failed(server, 'it ended');
    if (await ready().catch(() => false)) return;
    if (Date.now() > deadline) throw failed(server, `no answer within ${timeoutMs / 1000} s`);
    await sleep(50, undefined, { signal });
  }
}

function failed(server: ManagedProcess, fact: string) {
  return provisionError('PROVISION_SERVER_FAILED', `${fact}: ${server.logTail() || 'its log is empty'}`, {
    context: { server: server.name, log: server.logFile },
  });
}
