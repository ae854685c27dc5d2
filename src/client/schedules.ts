/** Makes Temporal's schedules equal to the config, and steers them. */
import { ScheduleNotFoundError, type ScheduleDescription } from '@temporalio/client';
import type { HoldfastConfig } from '../config/schema';
import { orchestrationError } from '../errors/orchestration';
import type { Calls } from './calls';
import { storeUsageScheduleId } from '../workflows/ids';
import {
  CONFIG_PAUSE_NOTE,
  differencesOf,
  flatServer,
  REMOVED_NOTE,
  wantedSchedules,
  type WantedSchedule,
} from './schedule-options';
import type { HoldfastClient, ScheduleChange, ScheduleView } from './types';
import { flatUsageConfig, flatUsageServer, usageScheduleOptions } from './usage-schedule';

type ScheduleCalls = Pick<
  HoldfastClient,
  | 'planSchedules'
  | 'applySchedules'
  | 'schedules'
  | 'pauseSchedule'
  | 'resumeSchedule'
  | 'triggerSchedule'
  | 'backfillSchedule'
>;

interface Step {
  readonly change: ScheduleChange;
  apply(): Promise<void>;
}

export function scheduleCalls({ client, call }: Calls, config: HoldfastConfig): ScheduleCalls {
  const { prefix } = config.taskQueues;
  const usageId = storeUsageScheduleId(prefix);
  const handle = (id: string) => client.schedule.getHandle(id);

  const describe = async (id: string): Promise<ScheduleDescription | null> => {
    try {
      return await call(() => handle(id).describe());
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return null;
      throw error;
    }
  };

  const wanted = config.databases.flatMap((database) => wantedSchedules(prefix, database));

  const stepFor = async (schedule: WantedSchedule): Promise<Step> => {
    const { options } = schedule;
    const id = options.scheduleId;
    const found = await describe(id);
    if (found === null) {
      const differences = Object.entries(schedule.flat).map(([field, value]) => `${field}: ${value || 'nothing'}`);
      return {
        change: { scheduleId: id, action: 'create', differences },
        apply: async () => void (await call(() => client.schedule.create(options))),
      };
    }
    // A pause that Holdfast set itself is taken back when the config says so; a person's pause stays.
    const note = found.state.note ?? '';
    const ownPause = found.state.paused && (note.startsWith(REMOVED_NOTE) || note === CONFIG_PAUSE_NOTE);
    const paused = schedule.paused || (found.state.paused && !ownPause);
    const differences = [
      ...differencesOf(flatServer(found), schedule.flat, paused || ownPause ? ['note'] : []),
      ...(paused === found.state.paused ? [] : [`paused: ${found.state.paused} → ${paused}`]),
    ];
    if (differences.length === 0)
      return { change: { scheduleId: id, action: 'unchanged', differences }, apply: () => Promise.resolve() };
    const keptNote = paused && !schedule.paused ? note : options.state?.note;
    return {
      change: { scheduleId: id, action: 'update', differences },
      apply: () =>
        handle(id).update(() => ({
          spec: options.spec,
          action: options.action,
          policies: options.policies,
          state: { paused, note: keptNote },
        })),
    };
  };

  /** A person's pause of it stays. */
  const usageStep = async (): Promise<Step> => {
    const options = usageScheduleOptions(config);
    const found = await describe(usageId);
    const wanted = flatUsageConfig(config);
    const differences =
      found === null
        ? Object.entries(wanted).map(([field, value]) => `${field}: ${value}`)
        : differencesOf(flatUsageServer(found), wanted);
    const action = found === null ? 'create' : differences.length === 0 ? 'unchanged' : 'update';
    return {
      change: { scheduleId: usageId, action, differences },
      async apply() {
        if (found === null) await call(() => client.schedule.create(options));
        else if (action === 'update') {
          const { spec, action: start, policies } = options;
          const { paused, note } = found.state;
          await handle(usageId).update(() => ({ spec, action: start, policies, state: { paused, note } }));
        }
      },
    };
  };

  const statedIds = () => [...wanted.map(({ options }) => options.scheduleId), usageId];

  /** Of Holdfast, on these task queues, and named by the config no more. */
  const removedSteps = async (): Promise<Step[]> => {
    const stated = new Set(statedIds());
    const steps: Step[] = [];
    for await (const { scheduleId: id, memo, state } of client.schedule.list()) {
      if (memo?.holdfast !== prefix || stated.has(id) || state.paused) continue;
      steps.push({
        change: { scheduleId: id, action: 'pause', differences: ['the config has no such schedule any more'] },
        apply: () => handle(id).pause(`${REMOVED_NOTE} since ${new Date().toISOString()}`),
      });
    }
    return steps;
  };

  const steps = async (): Promise<Step[]> => {
    const stated: Step[] = [];
    for (const schedule of wanted) stated.push(await stepFor(schedule));
    return [...stated, await usageStep(), ...(await removedSteps())];
  };

  const known = async <Result>(id: string, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await call(work);
    } catch (error) {
      if (error instanceof ScheduleNotFoundError)
        throw orchestrationError('SCHEDULE_NOT_FOUND', '', { context: { schedule: id } });
      throw error;
    }
  };

  return {
    planSchedules: async () => (await steps()).map(({ change }) => change),
    async applySchedules() {
      const planned = await steps();
      for (const step of planned) await step.apply();
      return planned.map(({ change }) => change);
    },
    async schedules() {
      const ids = new Set(statedIds());
      // What was applied a moment ago may not be listed yet, so the config's own are always asked for by name.
      for await (const { scheduleId: id, memo } of client.schedule.list()) if (memo?.holdfast === prefix) ids.add(id);
      const found = await Promise.all([...ids].sort(ownLast).map(describe));
      return found.flatMap((one) => (one ? [viewOf(one)] : []));
    },
    pauseSchedule: (id, note) => known(id, () => handle(id).pause(note)),
    resumeSchedule: (id, note) => known(id, () => handle(id).unpause(note)),
    triggerSchedule: (id) => known(id, () => handle(id).trigger('ALLOW_ALL')),
    backfillSchedule: (id, start, end) => known(id, () => handle(id).backfill({ start, end, overlap: 'BUFFER_ALL' })),
  };
}

/** What Holdfast does for itself comes after the schedules of databases. */
function ownLast(a: string, b: string): number {
  return Number(a.startsWith('_')) - Number(b.startsWith('_')) || (a < b ? -1 : 1);
}

function viewOf(found: ScheduleDescription): ScheduleView {
  const { scheduleId: id, state, info } = found;
  const slash = id.indexOf('/');
  return {
    scheduleId: id,
    database: id.slice(0, slash),
    name: id.slice(slash + 1),
    paused: state.paused,
    note: state.note ?? '',
    nextRuns: info.nextActionTimes,
    lastRuns: info.recentActions.map(({ takenAt, action }) => ({
      at: takenAt,
      workflowId: action.workflow.workflowId,
    })),
    skippedOverlap: info.numActionsSkippedOverlap,
    missedCatchup: info.numActionsMissedCatchupWindow,
  };
}
