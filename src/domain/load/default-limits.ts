/** Limits that hold where the configuration states none. They protect: who wants a faster backup raises them. */
import type { SignalLimit } from './limits';

/** At any hour. */
export const DEFAULT_LIMITS: readonly SignalLimit[] = [
  // +5 % on the application's response, +20 % on a query's latency.
  { signal: 'httpLatencyMs', relative: true, throttle: 1.05, pause: 1.5, release: 1.02, least: 5, hard: true },
  { signal: 'httpFailures', throttle: 0.1, pause: 0.5, release: 0.05, hard: true },
  { signal: 'probeLatencyMs', relative: true, throttle: 1.2, pause: 3, release: 1.1, least: 2, hard: true },
  { signal: 'statementMeanMs', relative: true, throttle: 1.2, pause: 3, release: 1.1, least: 1 },
  { signal: 'poolUse', throttle: 0.8, pause: 0.95, release: 0.7 },
  { signal: 'lockWaiters', throttle: 5, pause: 20, release: 2 },
  { signal: 'replicationLagMs', throttle: 30_000, pause: 120_000, release: 10_000 },
  { signal: 'hostCpu', throttle: 0.75, pause: 0.92, release: 0.65 },
  { signal: 'hostIoWait', throttle: 0.3, pause: 0.6, release: 0.2 },
  { signal: 'hostMemory', throttle: 0.92, pause: 0.97, release: 0.88 },
  { signal: 'containerCpu', throttle: 0.8, pause: null, release: 0.7 },
  { signal: 'containerMemory', throttle: 0.85, pause: 0.95, release: 0.75 },
  // A process that stands still gives no memory back: a pause could last for ever.
  { signal: 'workerMemoryBytes', throttle: 500e6, pause: null, release: 450e6 },
];

/** In peak hours instead of the above. */
export const DEFAULT_PEAK_LIMITS: readonly SignalLimit[] = [
  { signal: 'hostCpu', throttle: 0.3, pause: 0.6, release: 0.25 },
  { signal: 'hostIoWait', throttle: 0.15, pause: 0.4, release: 0.1 },
];

/** Of signals that are limited only where the configuration names them: what it leaves out. 10 Mbit/s of upload. */
export const LIMITS_WHERE_SET: readonly SignalLimit[] = [
  { signal: 'backendCpuWaitMs', relative: true, throttle: 1.2, pause: 3, release: 1.1, least: 0.02 },
  { signal: 'storeUploadBytesPerSecond', throttle: 1.25e6, pause: null, release: 0.8e6 },
  { signal: 'networkBytesPerSecond', throttle: 1.25e6, pause: null, release: 0.8e6 },
];
