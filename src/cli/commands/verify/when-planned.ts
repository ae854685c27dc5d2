import { pauseUnlessAborted, POLL_MS } from '../../watch-backup';
import type { CliContext } from '../../context';

/** What a run decided to read, as soon as it can say; null when it ended first, or watching was interrupted. */
export async function whenPlanned<Plan>(
  context: CliContext,
  ask: () => Promise<Plan | null>,
  result: Promise<unknown>,
): Promise<Plan | null> {
  const ended = result.then(
    () => true,
    () => true,
  );
  for (;;) {
    const plan = await ask();
    if (plan !== null) return plan;
    const over = await Promise.race([ended, pauseUnlessAborted(POLL_MS, context.signal).then(() => false)]);
    // The last word: a run that was quicker than the first look can still be asked.
    if (over) return ask();
    if (context.signal.aborted) return null;
  }
}
