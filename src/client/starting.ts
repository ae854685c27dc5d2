/** Starting runs, waiting for their results, and listing them. */
import { randomBytes } from 'node:crypto';
import type { WorkflowStartOptions } from '@temporalio/client';
import { PLAN_QUERY, PROGRESS_QUERY, SIGNAL } from '../domain/messages';
import type { HoldfastConfig } from '../config/schema';
import {
  intactId,
  queueName,
  replicateId,
  requestId,
  restoreId,
  retentionId,
  retentionPlanId,
  storeFillId,
  storeUsageId,
  rotationId,
  verifyId,
} from '../workflows/ids';
import { ATTRIBUTE, attributes } from '../workflows/search-attributes';
import type { Calls } from './calls';
import type { StoreFillProgress } from '../domain/runs';
import type { HoldfastClient, RunSummary } from './types';

type StartingCalls = Pick<
  HoldfastClient,
  | 'requestBackup'
  | 'requestResult'
  | 'startVerify'
  | 'verifyResult'
  | 'startRotation'
  | 'rotationResult'
  | 'rotationPlan'
  | 'startIntact'
  | 'intactResult'
  | 'intactPlan'
  | 'startRestore'
  | 'restoreResult'
  | 'startRetention'
  | 'retentionResult'
  | 'startReplicate'
  | 'startStoreFill'
  | 'storeFillProgress'
  | 'storeFillResult'
  | 'startStoreUsage'
  | 'storeUsageResult'
  | 'runs'
>;
interface Started {
  readonly workflowId: string;
  readonly runId: string;
}
type Rest = Pick<WorkflowStartOptions, 'typedSearchAttributes' | 'memo' | 'staticSummary' | 'workflowIdConflictPolicy'>;

const REPLICATE_PATIENCE_MS = 3_600_000;

export function startingCalls(calls: Calls, config: HoldfastConfig): StartingCalls {
  const { client, call, result } = calls;
  const taskQueue = queueName(config.taskQueues.prefix, 'workflow');

  const start = async (workflow: string, workflowId: string, args: unknown[], rest: Rest): Promise<Started> => {
    const handle = await call(() => client.workflow.start(workflow, { taskQueue, workflowId, args, ...rest }));
    return { workflowId, runId: handle.firstExecutionRunId };
  };

  // A run that no worker answers for is no reason to stop waiting for its result.
  const plan = <Plan>(workflowId: string): Promise<Plan | null> =>
    call(() => client.workflow.getHandle(workflowId).query<Plan | null>(PLAN_QUERY)).catch(() => null);

  return {
    requestBackup: (input) =>
      start('request', requestId(input.database, `manual-${stamp()}`), [input], {
        typedSearchAttributes: attributes({ database: input.database, type: input.type }),
        memo: { requestedBy: input.requestedBy },
        staticSummary: `${input.type} backup of ${input.database}, asked by ${input.requestedBy}`,
      }),
    requestResult: (workflowId, runId) => result(workflowId, runId),

    startVerify: (input) =>
      start('verifyCopy', verifyId(input.database, input.backupId, input.store), [input], {
        typedSearchAttributes: attributes({ database: input.database, backupId: input.backupId }),
        memo: { requestedBy: input.requestedBy },
        staticSummary: `Prove ${input.backupId} at ${input.store} (${input.grade})`,
        // A proof of this very copy that is under way serves as well.
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    verifyResult: (workflowId) => result(workflowId),

    startRotation: (input) =>
      start('rotation', rotationId(input.database), [input], {
        typedSearchAttributes: attributes({ database: input.database }),
        memo: { requestedBy: input.requestedBy },
        staticSummary: `Prove the next copy of ${input.database}, asked by ${input.requestedBy}`,
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    rotationResult: (workflowId) => result(workflowId),
    rotationPlan: (workflowId) => plan(workflowId),

    startIntact: (input) =>
      start('intactShare', intactId(input.database), [input], {
        typedSearchAttributes: attributes({ database: input.database }),
        memo: { requestedBy: input.requestedBy },
        staticSummary: `Read objects of ${input.database} again, asked by ${input.requestedBy}`,
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    intactResult: (workflowId) => result(workflowId),
    intactPlan: (workflowId) => plan(workflowId),

    startRestore: (input) =>
      start('restore', restoreId(input.database, stamp()), [input], {
        typedSearchAttributes: attributes({ database: input.database, backupId: input.backupId }),
        memo: { requestedBy: input.requestedBy },
        staticSummary: `Restore ${input.backupId}${input.as === null ? '' : ` as ${input.as}`}`,
      }),
    restoreResult: (workflowId) => result(workflowId),

    async startRetention(input) {
      const { database, confirm, requestedBy } = input;
      const rest = { typedSearchAttributes: attributes({ database }), memo: { requestedBy } };
      if (!confirm)
        return start('retention', retentionPlanId(database, stamp()), [input], {
          ...rest,
          staticSummary: `Retention plan of ${database}, nothing is deleted`,
        });
      // The run that waits for a grace period is woken, so that it plans again now.
      const workflowId = retentionId(database);
      const handle = await call(() =>
        client.workflow.signalWithStart('retention', {
          taskQueue,
          workflowId,
          args: [input],
          signal: SIGNAL.wake,
          signalArgs: [],
          staticSummary: `Retention of ${database}`,
          ...rest,
        }),
      );
      return { workflowId, runId: handle.signaledRunId };
    },
    retentionResult: (workflowId, runId) => result(workflowId, runId),

    startReplicate: (database, backupId, store) =>
      start(
        'replicateCopy',
        replicateId(database, backupId, store),
        [{ database, backupId, store, heal: false, patienceMs: REPLICATE_PATIENCE_MS, proveGrade: null, tell: null }],
        {
          typedSearchAttributes: attributes({ database, backupId }),
          staticSummary: `Fill ${store} with ${backupId}`,
          workflowIdConflictPolicy: 'USE_EXISTING',
        },
      ),

    startStoreFill: (input) =>
      start('fillStoreWithAll', storeFillId(input.store), [input], {
        memo: { requestedBy: input.requestedBy },
        staticSummary: `Fill ${input.store} with every kept backup, asked by ${input.requestedBy}`,
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    storeFillProgress: (store) =>
      call(() => client.workflow.getHandle(storeFillId(store)).query<StoreFillProgress>(PROGRESS_QUERY)),
    storeFillResult: (store) => result(storeFillId(store)),
    startStoreUsage: (input) =>
      start('storeUsage', `${storeUsageId(config.taskQueues.prefix)}/${stamp()}`, [input], {
        memo: { requestedBy: input.requestedBy },
        staticSummary: `List ${input.stores.join(', ')} to know what they hold`,
      }),
    storeUsageResult: (workflowId, runId) => result(workflowId, runId),

    async runs({ database, open, limit = 50 }) {
      const terms = [
        `TaskQueue = "${taskQueue}"`,
        'WorkflowType != "storeHealth"',
        'WorkflowType != "loadWatch"',
        'WorkflowType != "heavyWork"',
        ...(database === undefined ? [] : [`${ATTRIBUTE.database.name} = "${database.replaceAll('"', '')}"`]),
        ...(open === true ? ['ExecutionStatus = "Running"'] : []),
        ...(open === false ? ['ExecutionStatus != "Running"'] : []),
      ];
      return call(async () => {
        const found: RunSummary[] = [];
        for await (const run of client.workflow.list({ query: terms.join(' AND '), pageSize: Math.min(limit, 200) })) {
          const { typedSearchAttributes: known } = run;
          found.push({
            workflowId: run.workflowId,
            runId: run.runId,
            type: run.type,
            status: run.status.name.toLowerCase(),
            database: known.get(ATTRIBUTE.database) ?? null,
            startedAt: run.startTime,
            closedAt: run.closeTime ?? null,
            phase: known.get(ATTRIBUTE.phase) ?? null,
            pace: known.get(ATTRIBUTE.pace) ?? null,
            copies: known.get(ATTRIBUTE.copies) ?? null,
          });
          if (found.length >= limit) break;
        }
        return found;
      });
    },
  };
}

/** `20261121T092530Z-1a2b`: readable, and unique enough for what people start. */
function stamp(): string {
  const at = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '');
  return `${at}-${randomBytes(2).toString('hex')}`;
}
