/**
 * Activities as workflows see them: one profile of timeouts and retries per kind of work.
 *
 * Which errors are permanent is decided by the errors themselves (`retryable` in src/errors, non-retryable when they arrive
 * here), so the policies below only bound how often and how long the others are tried.
 */
import {
  ActivityCancellationType,
  proxyActivities,
  workflowInfo,
  type ActivityInterfaceFor,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { QueueActivities } from '../activities/queues';
import type { HoldfastActivities, RunTiming } from '../activities/types';
import { prefixOf, queueName, watchQueueName, type QueueKind } from './ids';

/** A dump that was paused beyond its budget fails so; the workflow, not the retry policy, decides when to dump again. */
export const PAUSE_BUDGET_SPENT = 'PG_PAUSE_BUDGET_SPENT';

/** And one that gave way to those who waited behind its locks. */
export const SNAPSHOT_YIELDED = 'PG_SNAPSHOT_YIELDED';

type Pick_<Names extends keyof HoldfastActivities> = ActivityInterfaceFor<Pick<HoldfastActivities, Names>>;

const onQueue = (kind: QueueKind) => queueName(prefixOf(workflowInfo().taskQueue), kind);

/** Rows of the catalogue: milliseconds when it is up, tried for an hour when it is not. */
export function records(): ActivityInterfaceFor<Omit<QueueActivities['workflow'], 'awaitRunEnd'>> {
  return proxyActivities({
    taskQueue: onQueue('workflow'),
    startToCloseTimeout: '30 seconds',
    scheduleToCloseTimeout: '1 hour',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30 seconds' },
  });
}

/** Asking for a place among the heavy work. Not for long: the run asks again, and goes on without where nobody answers. */
export function turns(): Pick_<'askTurn'> {
  return proxyActivities({
    taskQueue: onQueue('workflow'),
    startToCloseTimeout: '10 seconds',
    scheduleToCloseTimeout: '30 seconds',
    retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
  });
}

/** Looking at those who hold or want a place. The next look comes soon. */
export function heavyLooks(): Pick_<'lookAtHeavyWork'> {
  return proxyActivities({
    taskQueue: onQueue('workflow'),
    startToCloseTimeout: '30 seconds',
    scheduleToCloseTimeout: '40 seconds',
    retry: { initialInterval: '500ms', maximumAttempts: 2 },
  });
}

/** Waiting for another run to end: long, cheap, tells by heartbeats that it still waits. */
export function waits(): Pick_<'awaitRunEnd'> {
  return proxyActivities({
    taskQueue: onQueue('workflow'),
    startToCloseTimeout: '7 days',
    heartbeatTimeout: '30 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
}

/** Admission looks at config, catalogue and stores; it moves nothing. */
export function admission(): Pick_<'admit'> {
  return proxyActivities({
    taskQueue: onQueue('store'),
    startToCloseTimeout: '2 minutes',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
  });
}

/**
 * The dump. Bounded by its own timeout and ten attempts; a lost worker is known by missing heartbeats. On cancellation the
 * workflow waits until the attempt has let go of snapshot and children.
 */
export function dumps(timing: RunTiming): Pick_<'dump'> {
  return proxyActivities({
    taskQueue: onQueue('dump'),
    startToCloseTimeout: timing.dumpTimeoutMs,
    heartbeatTimeout: timing.dumpHeartbeatMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '2 seconds',
      backoffCoefficient: 2,
      maximumInterval: '2 minutes',
      maximumAttempts: 10,
      nonRetryableErrorTypes: [PAUSE_BUDGET_SPENT, SNAPSHOT_YIELDED],
    },
  });
}

/** Tells one process its pace. Short, so that a process that is gone is noticed; then the next attempt is told instead. */
export function hosts(queue: string): Pick_<'applyPace'> {
  return proxyActivities({
    taskQueue: queue,
    scheduleToStartTimeout: '5 seconds',
    startToCloseTimeout: '5 seconds',
    scheduleToCloseTimeout: '10 seconds',
    retry: { initialInterval: '100ms', maximumAttempts: 3 },
  });
}

/** Filling or healing one store. A few quick attempts here; a store that stays down is waited for by the workflow. */
export function transfers(): Pick_<'fillStore'> {
  return proxyActivities({
    taskQueue: onQueue('store'),
    startToCloseTimeout: '24 hours',
    heartbeatTimeout: '30 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds', maximumAttempts: 3 },
  });
}

/** Watching a store: one attempt lasts an hour. Cancelled means that there is news; the answer has what it knows. */
export function watches(): Pick_<'watchStore'> {
  return proxyActivities({
    taskQueue: watchQueueName(prefixOf(workflowInfo().taskQueue)),
    startToCloseTimeout: '2 hours',
    heartbeatTimeout: '30 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
}

/** Watching the load of a database: one attempt lasts ten minutes; another worker goes on at once where one was lost. */
export function loadWatches(): Pick_<'sampleLoad'> {
  return proxyActivities({
    taskQueue: watchQueueName(prefixOf(workflowInfo().taskQueue)),
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout: '10 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10 seconds' },
  });
}

/** Listing a whole store: as long as it takes, going on where an attempt broke off. */
export function measurements(): Pick_<'measureStore'> {
  return proxyActivities({
    taskQueue: onQueue('store'),
    startToCloseTimeout: '24 hours',
    scheduleToCloseTimeout: '2 days',
    heartbeatTimeout: '30 seconds',
    retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 5 },
  });
}

/** Whose turn it is, and which share is due: looks at config, catalogue and stores; reads no object. */
export function verificationPlans(): Pick_<'planRotation' | 'planIntact'> {
  return proxyActivities({
    taskQueue: onQueue('store'),
    startToCloseTimeout: '2 minutes',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
  });
}

/** Reading objects again: as long as the rate makes it; a lost attempt goes on from its heartbeat. */
export function readings(): Pick_<'readShare'> {
  return proxyActivities({
    taskQueue: onQueue('store'),
    startToCloseTimeout: '24 hours',
    heartbeatTimeout: '30 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '2 minutes', maximumAttempts: 5 },
  });
}

/** Deleting what has expired. Holds the lock of the database's backups, so it gives up soon: the next run of retention goes on. */
export function deletions(): Pick_<'deleteExpired'> {
  return proxyActivities({
    taskQueue: onQueue('store'),
    startToCloseTimeout: '6 hours',
    heartbeatTimeout: '30 seconds',
    retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 4 },
  });
}

/** A proof that fails is a result, not an error; errors here are lost workers and full disks. */
export function proofs(timeoutMs: number): Pick_<'proveStore'> {
  return proxyActivities({
    taskQueue: onQueue('verify'),
    startToCloseTimeout: timeoutMs,
    heartbeatTimeout: '30 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 4 },
  });
}

/** A restore is tried again only when the first attempt left nothing behind, which its own checks decide. */
export function restores(): Pick_<'restoreBackup'> {
  return proxyActivities({
    taskQueue: onQueue('restore'),
    startToCloseTimeout: '7 days',
    heartbeatTimeout: '30 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 3 },
  });
}

export type { ActivityOptions };
