/** Readable workflow ids and task queue names: the only place that spells them. */

export { backupRunId, heavyWorkId, heavyWorkIdFor, loadWatchId, storeHealthId } from '../domain/messages';

export const requestId = (database: string, what: string): string => `request/${database}/${what}`;
export const replicateId = (database: string, backupId: string, store: string): string =>
  `replicate/${database}/${backupId}/${store}`;
export const verifyId = (database: string, backupId: string, store: string): string =>
  `verify/${database}/${backupId}/${store}`;
export const rotationId = (database: string): string => `rotation/${database}`;
export const intactId = (database: string): string => `intact/${database}`;
export const retentionId = (database: string): string => `retention/${database}`;
export const retentionPlanId = (database: string, what: string): string => `retention-plan/${database}/${what}`;
export const restoreId = (database: string, what: string): string => `restore/${database}/${what}`;
export const storeFillId = (store: string): string => `store/${store}/fill`;
export const storeUsageId = (prefix: string): string => `store-usage/${prefix}`;
/** Begins as no database's name can, so it is nobody else's. */
export const storeUsageScheduleId = (prefix: string): string => `_${prefix}/store-usage`;
export const scheduleId = (database: string, name: string): string => `${database}/${name}`;

/** Kinds of work that a worker may take. */
export type QueueKind = 'workflow' | 'dump' | 'store' | 'verify' | 'restore';
export const QUEUE_KINDS: readonly QueueKind[] = ['workflow', 'dump', 'store', 'verify', 'restore'];

export const queueName = (prefix: string, kind: QueueKind): string => `${prefix}-${kind}`;
/** A queue that only one process listens on. */
export const hostQueueName = (prefix: string, unique: string): string => `${prefix}-host-${unique}`;
/** Watching has a queue of its own, so that it never waits for a transfer. Whoever serves the kind `store` serves it too. */
export const watchQueueName = (prefix: string): string => `${prefix}-watch`;
/** Workflows find the other queues from the one that they run on. */
export const prefixOf = (workflowQueue: string): string => workflowQueue.replace(/-workflow$/, '');
