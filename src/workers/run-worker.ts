/** A worker process from start to end: logs, workers, orderly shutdown. The CLI calls this. */
import { Runtime } from '@temporalio/worker';
import { createWorkers, type CreateWorkersOptions, type HoldfastWorkers } from './create-workers';
import { createLogger, type LoggerOptions } from './logger';
import { giveWay } from './niceness';

export interface RunWorkerOptions extends Omit<CreateWorkersOptions, 'connection'> {
  /** Aborting begins the orderly shutdown. */
  readonly signal: AbortSignal;
  readonly log?: LoggerOptions;
  /** Called when every queue is about to be polled. */
  readonly onReady?: (workers: HoldfastWorkers) => void;
}

/** Resolves when the shutdown is complete. Throws when the worker cannot start or fails. */
export async function runWorker(options: RunWorkerOptions): Promise<void> {
  const { signal } = options;
  // Threads that are started from here on inherit it.
  giveWay(options.config.worker.niceness);
  // Signals of the operating system belong to the entry point; it aborts `signal`.
  Runtime.install({ logger: createLogger(options.log), shutdownSignals: [] });
  const workers = await createWorkers(options);
  const shutdown = () => workers.shutdown();
  signal.addEventListener('abort', shutdown, { once: true });
  try {
    const running = workers.run();
    options.onReady?.(workers);
    if (signal.aborted) shutdown();
    await running;
  } finally {
    signal.removeEventListener('abort', shutdown);
  }
}
