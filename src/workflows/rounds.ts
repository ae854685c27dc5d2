import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';

/** A watch that fails at once must not spin. */
const AFTER_FAILURE_MS = 30_000;

/** The activity of a watch, round after round: each lasts until it has something to say, or news cut it short. */
export class Rounds {
  private current: CancellationScope | null = null;

  /** News end the round that is under way; the next one begins with them. */
  interrupt(): void {
    this.current?.cancel();
  }

  /** The answer of one round; null when it had none. After a failure that is returned late, or as soon as `wake` holds. */
  async run<Result>(work: () => Promise<Result>, wake: () => boolean): Promise<Result | null> {
    const scope = new CancellationScope();
    this.current = scope;
    try {
      return await scope.run(work);
    } catch (error) {
      // The run itself is cancelled: that is its end. News while no worker had the watch yet: begin it anew.
      if (!scope.consideredCancelled || CancellationScope.current().consideredCancelled) {
        if (isCancellation(error)) throw error;
        await condition(wake, AFTER_FAILURE_MS, { summary: 'The watch failed, try again' });
      }
      return null;
    } finally {
      this.current = null;
    }
  }
}
