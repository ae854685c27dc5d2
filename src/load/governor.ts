/** What a dump asks before it reads, and before it sends. Implemented by `createGovernor`; obeys a new pace within a second. */
import type { Pace } from '../domain/pace';

export interface Governor extends UploadGate {
  readonly pace: Pace;
  /** Takes a newer target; returns false when `sequence` is not newer. Wakes everybody who waits. */
  apply(pace: Pace): boolean;
  /**
   * Call before each read of about `bytes`; resolves when it may go on. Waits while paused. Token bucket otherwise.
   * Rejects with the signal's reason when aborted.
   */
  admit(bytes: number, signal: AbortSignal): Promise<void>;
  /** Resolves when one of the allowed reader places is free; call `release` when the range is done. */
  enterReader(signal: AbortSignal): Promise<Place>;
  /** Milliseconds since the current pause began; 0 when not paused. */
  pausedForMs(): number;
}

export interface Place {
  /** A second call changes nothing. */
  release(): void;
}

/** What whoever sends objects asks first. */
export interface UploadGate {
  readonly pace: Pick<Pace, 'uploads'>;
  /**
   * Resolves when one more upload to this store may begin; call `release` when it has ended. Each store has `Pace.uploads` places.
   * None begins in a pause; those that run when places are taken away end as they would have. Rejects with the signal's
   * reason when aborted.
   */
  enterUpload(store: string, signal: AbortSignal): Promise<Place>;
  /** Milliseconds since the last pause ended; 0 while paused, infinite when there was none. */
  movingForMs(): number;
}
