/** The schedule that has every store listed at a slow rhythm, as the config states it and as the server has it. */
import type { ScheduleDescription, ScheduleOptions } from '@temporalio/client';
import type { HoldfastConfig } from '../config/schema';
import type { StoreUsageInput } from '../domain/runs';
import { durationText } from '../domain/schedule-spec';
import { queueName, storeUsageId, storeUsageScheduleId } from '../workflows/ids';
import type { FlatSchedule } from './schedule-options';

/** A listing that was missed while Temporal was away is made up for, once. */
const CATCH_UP_MS = 3_600_000;

export function usageScheduleOptions(
  config: Pick<HoldfastConfig, 'stores' | 'usage' | 'taskQueues'>,
): ScheduleOptions & { action: { args: [StoreUsageInput] } } {
  const { prefix } = config.taskQueues;
  return {
    scheduleId: storeUsageScheduleId(prefix),
    spec: { intervals: [{ every: config.usage.measureEvery }] },
    action: {
      type: 'startWorkflow',
      workflowType: 'storeUsage',
      workflowId: storeUsageId(prefix),
      taskQueue: queueName(prefix, 'workflow'),
      args: [{ stores: config.stores.map(({ name }) => name), requestedBy: 'schedule usage' }],
      staticSummary: 'List every store to know what it holds',
    },
    policies: { overlap: 'SKIP', catchupWindow: CATCH_UP_MS, pauseOnFailure: false },
    memo: { holdfast: prefix },
  };
}

export function flatUsageConfig(config: Pick<HoldfastConfig, 'stores' | 'usage' | 'taskQueues'>): FlatSchedule {
  return {
    when: `every ${durationText(config.usage.measureEvery)}`,
    stores: config.stores.map(({ name }) => name).join(', '),
    'task queue': queueName(config.taskQueues.prefix, 'workflow'),
  };
}

export function flatUsageServer({ spec, action }: ScheduleDescription): FlatSchedule {
  const input = (action.args?.[0] ?? {}) as Partial<StoreUsageInput>;
  const every = spec.intervals?.[0]?.every;
  return {
    when: every === undefined ? 'never' : `every ${durationText(every)}`,
    stores: (input.stores ?? []).join(', '),
    'task queue': action.taskQueue ?? '',
  };
}
