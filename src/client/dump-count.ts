/** How often a run read its source, as its history tells it. */
import type { temporal } from '@temporalio/proto';
import type { Calls } from './calls';
import type { HoldfastClient } from './types';

type History = temporal.api.history.v1.IHistory;

const DUMP = 'dump';
/** A history of thousands of events comes in pages. Milliseconds. */
const FETCH_MS = 30_000;

export function dumpCountCalls({ client, call }: Calls): Pick<HoldfastClient, 'dumpAttempts'> {
  return {
    dumpAttempts: (workflowId, runId) =>
      call(async () => dumpAttemptsIn(await client.workflow.getHandle(workflowId, runId).fetchHistory()), FETCH_MS),
  };
}

/** Attempts of all its dumps. One that is under way is in no history before it ends. */
export function dumpAttemptsIn({ events }: History): number {
  const dumps = new Set<string>();
  let attempts = 0;
  for (const {
    eventId,
    activityTaskScheduledEventAttributes: asked,
    activityTaskStartedEventAttributes: began,
  } of events ?? []) {
    if (asked?.activityType?.name === DUMP) dumps.add(String(eventId));
    // Written once for an activity, at its end, with the number of its last attempt.
    if (began && dumps.has(String(began.scheduledEventId))) attempts += began.attempt ?? 1;
  }
  return attempts;
}
