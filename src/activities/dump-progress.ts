/** Turns the counters of engine and writer into the progress that operators see. */
import type { DumpProgress, UploadFigures } from '../domain/progress';
import type { EngineProgress } from '../engines/engine';
import type { Governor } from '../load/governor';
import type { WriterCounters } from '../repository/types';

/** The rate is that of the last few seconds. */
const WINDOW_MS = 5_000;

export interface ProgressMeter {
  /** What the engine said last. */
  engine(progress: EngineProgress): void;
  now(
    counters: WriterCounters | null,
    governor: Governor,
    stores?: Readonly<Record<string, UploadFigures>>,
  ): DumpProgress;
}

export function createProgressMeter(attempt: number, clock: () => number = () => performance.now()): ProgressMeter {
  const startedAt = clock();
  let engine: EngineProgress = {
    current: null,
    tablesDone: 0,
    tablesTotal: 0,
    rows: 0,
    plainBytes: 0,
    plainBytesExpected: null,
  };
  let samples: { readonly at: number; readonly bytes: number }[] = [{ at: startedAt, bytes: 0 }];
  return {
    engine: (progress) => void (engine = progress),
    now(counters, governor, stores) {
      const at = clock();
      samples = [...samples, { at, bytes: engine.plainBytes }];
      // One sample older than the window stays, so that the window is always covered.
      while (samples.length > 2 && at - samples[1]!.at >= WINDOW_MS) samples.shift();
      const spanMs = at - samples[0]!.at;
      const bytesPerSecond = spanMs > 0 ? Math.round(((engine.plainBytes - samples[0]!.bytes) * 1000) / spanMs) : 0;
      const left =
        engine.plainBytesExpected === null ? null : Math.max(0, engine.plainBytesExpected - engine.plainBytes);
      return {
        ...engine,
        attempt,
        sealedBytes: counters?.sealedBytes ?? 0,
        uploadedBytes: counters?.uploadedBytes ?? 0,
        reusedBytes: counters?.reusedBytes ?? 0,
        bytesPerSecond,
        elapsedMs: Math.round(at - startedAt),
        etaMs: left === null || bytesPerSecond === 0 ? null : Math.round((left / bytesPerSecond) * 1000),
        pace: governor.pace,
        ...(stores ? { stores: Object.fromEntries(Object.entries(stores).map(rounded)) } : {}),
      };
    },
  };
}

/** It travels in heartbeats and signals, so it is kept short. */
const rounded = ([store, { bytesPerSecond, latencyMs }]: [string, UploadFigures]): [string, UploadFigures] => [
  store,
  {
    bytesPerSecond: Math.round(bytesPerSecond),
    latencyMs: latencyMs === null ? null : Math.round(latencyMs * 10) / 10,
  },
];
