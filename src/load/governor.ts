/** What a dump asks before it reads. Implemented by `createGovernor`; obeys a new pace within a second. */
import type { Pace } from '../domain/pace';

export interface Governor {
  readonly pace: Pace;
  /** Takes a newer target; returns false when `sequence` is not newer. Wakes everybody who waits. */
  apply(pace: Pace): boolean;
  /**
   * Call before each read of about `bytes`; resolves when it may go on. Waits while paused. Token bucket otherwise.
   * Rejects with the signal's reason when aborted.
   */
  admit(bytes: number, signal: AbortSignal): Promise<void>;
  /** Resolves when one of the allowed reader places is free; call `release` when the range is done. */
  enterReader(signal: AbortSignal): Promise<{ release(): void }>;
  /** Milliseconds since the current pause began; 0 when not paused. */
  pausedForMs(): number;
}
