/** What the dump activity tells its workflow: that it has begun, and now and then how far it is. */
import { activityInfo, getClient, log } from '@temporalio/activity';
import { SIGNAL, type Attached, type AttemptRef, type DumpProgressed } from '../domain/messages';
import type { DumpProgress } from '../domain/progress';

/** A run that is twenty times as old reports a twentieth as often: about two hundred signals in a day. */
const AGE_SHARE = 20;

export interface DumpReporter {
  /** Tells at most one message at a time, and none before its interval has passed; never throws. */
  maybe(progress: () => DumpProgress): void;
  /** After this no message is sent. */
  stop(): void;
}

/** Introduces the attempt. A workflow that cannot be told now learns of it from the progress that follows. */
export async function reportDump(
  attempt: AttemptRef,
  facts: {
    readonly workerIdentity: string;
    readonly paceSequence: number;
    readonly shortestMs: number;
    readonly signal: AbortSignal;
  },
): Promise<DumpReporter> {
  const { workflowId, runId } = activityInfo().workflowExecution!;
  const handle = getClient().workflow.getHandle(workflowId, runId);
  const startedAt = performance.now();
  let nextAt = startedAt + facts.shortestMs;
  let busy = false;
  let stopped = false;

  const tell = async (name: string, message: Attached | DumpProgressed) => {
    try {
      await handle.signal(name, message);
    } catch (error) {
      if (!facts.signal.aborted) log.debug('the workflow could not be told', { signal: name, error: String(error) });
    }
  };
  const { workerIdentity, paceSequence } = facts;
  const introduction = tell(SIGNAL.attached, { ...attempt, workerIdentity, paceSequence });
  // Temporal may be away: the dump does not wait for it.
  await Promise.race([introduction, new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);

  return {
    maybe(progress) {
      const now = performance.now();
      if (stopped || busy || now < nextAt) return;
      busy = true;
      nextAt = now + Math.max(facts.shortestMs, (now - startedAt) / AGE_SHARE);
      void tell(SIGNAL.dumpProgress, { ...attempt, progress: progress() }).finally(() => (busy = false));
    },
    stop: () => void (stopped = true),
  };
}
