/** One schedule of the config as Temporal takes it, and as flat text to compare it by. */
import type {
  CalendarSpecDescription,
  ScheduleDescription,
  ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import type { DatabaseConfig, ScheduleConfig } from '../config/schema';
import type { OverlapPolicy, RequestInput } from '../domain/runs';
import {
  durationText,
  scheduleSpec,
  type CalendarTimes,
  type ScheduleSpecText,
  type ScheduleTimes,
} from '../domain/schedule-spec';
import { intactId, queueName, requestId, rotationId, scheduleId } from '../workflows/ids';
import { attributes } from '../workflows/search-attributes';

/** Notes that Holdfast sets itself begin so; what a person paused stays paused. */
export const REMOVED_NOTE = 'paused: no longer in the config';
export const CONFIG_PAUSE_NOTE = 'paused in the config';

/**
 * Two schedules of one database meet in the `request` workflow, which applies the policy there; this one holds for a schedule
 * whose previous request has not ended.
 */
const OVERLAP = {
  skip: 'SKIP',
  wait: 'BUFFER_ONE',
  cancel: 'CANCEL_OTHER',
} as const satisfies Record<OverlapPolicy, ScheduleOverlapPolicy>;

export function scheduleOptions(
  prefix: string,
  database: DatabaseConfig,
  schedule: ScheduleConfig,
): ScheduleOptions & { action: { args: [RequestInput] } } {
  const { name, type, overlap } = schedule;
  const spec = scheduleSpec(schedule);
  return {
    scheduleId: scheduleId(database.name, name),
    spec: specOf(spec, schedule.jitter),
    action: {
      type: 'startWorkflow',
      workflowType: 'request',
      workflowId: requestId(database.name, name),
      taskQueue: queueName(prefix, 'workflow'),
      args: [{ database: database.name, type, overlap, requestedBy: `schedule ${name}` }],
      typedSearchAttributes: attributes({ database: database.name, type }),
      staticSummary: `Scheduled ${type} backup of ${database.name}: ${spec.text}`,
    },
    policies: { overlap: OVERLAP[overlap], catchupWindow: schedule.catchupWindow, pauseOnFailure: false },
    state: { paused: schedule.paused, note: schedule.paused ? CONFIG_PAUSE_NOTE : schedule.note },
    memo: { holdfast: prefix, database: database.name, name },
  };
}

/** One schedule that the config asks for, whatever it starts. */
export interface WantedSchedule {
  readonly name: string;
  readonly paused: boolean;
  readonly options: ScheduleOptions;
  readonly flat: FlatSchedule;
}

/** All of one database: its backups, then what `verification` states. */
export function wantedSchedules(prefix: string, database: DatabaseConfig): readonly WantedSchedule[] {
  const { rotation, intact } = database.verification;
  return [
    ...database.schedules.map((schedule) => ({
      name: schedule.name,
      paused: schedule.paused,
      options: scheduleOptions(prefix, database, schedule),
      flat: flatConfig(prefix, schedule),
    })),
    ...(rotation ? [choreSchedule(prefix, database.name, 'rotation', rotation)] : []),
    ...(intact ? [choreSchedule(prefix, database.name, 'intact', intact)] : []),
  ];
}

type ChoreTimes = Pick<ScheduleConfig, 'catchupWindow' | 'jitter' | 'note' | 'paused'> & ScheduleTimes;

const CHORES = {
  rotation: { workflow: 'rotation', id: rotationId, what: 'Prove the next copy' },
  intact: { workflow: 'intactShare', id: intactId, what: 'Read the share that is due' },
} as const;

/** What they do is read from the config when they run: here stands only when. */
function choreSchedule(prefix: string, database: string, name: keyof typeof CHORES, times: ChoreTimes): WantedSchedule {
  const { workflow, id, what } = CHORES[name];
  const spec = scheduleSpec(times);
  const requestedBy = `schedule ${name}`;
  const args = name === 'intact' ? { database, stores: [], share: 'due', requestedBy } : { database, requestedBy };
  return {
    name,
    paused: times.paused,
    options: {
      scheduleId: scheduleId(database, name),
      spec: specOf(spec, times.jitter),
      action: {
        type: 'startWorkflow',
        workflowType: workflow,
        workflowId: id(database),
        taskQueue: queueName(prefix, 'workflow'),
        args: [args],
        typedSearchAttributes: attributes({ database }),
        staticSummary: `${what} of ${database}: ${spec.text}`,
      },
      policies: { overlap: 'SKIP', catchupWindow: times.catchupWindow, pauseOnFailure: false },
      state: { paused: times.paused, note: times.paused ? CONFIG_PAUSE_NOTE : times.note },
      memo: { holdfast: prefix, database, name },
    },
    flat: {
      when: whenText(spec),
      timezone: spec.timezone,
      jitter: durationText(times.jitter),
      starts: workflow,
      'schedule overlap': 'SKIP',
      'catch-up window': durationText(times.catchupWindow),
      'task queue': queueName(prefix, 'workflow'),
      note: times.note,
    },
  };
}

export type FlatSchedule = Readonly<Record<string, string>>;

/** What the config asks for. `paused` is compared apart: people pause schedules too. */
export function flatConfig(prefix: string, schedule: ScheduleConfig): FlatSchedule {
  const spec = scheduleSpec(schedule);
  return {
    when: whenText(spec),
    timezone: spec.timezone,
    jitter: durationText(schedule.jitter),
    type: schedule.type,
    'overlap policy': schedule.overlap,
    'schedule overlap': OVERLAP[schedule.overlap],
    'catch-up window': durationText(schedule.catchupWindow),
    'task queue': queueName(prefix, 'workflow'),
    note: schedule.note,
  };
}

/** What the server has. A note of a pause is not compared with the config's. */
export function flatServer(found: ScheduleDescription): FlatSchedule {
  const { spec, action, policies, state } = found;
  const input = (action.args?.[0] ?? {}) as Partial<RequestInput>;
  const interval = spec.intervals?.[0];
  const calendar = spec.calendars?.[0];
  const cronText = calendar?.comment?.startsWith('cron ') ? calendar.comment : null;
  return {
    when: interval
      ? `every ${durationText(interval.every)}`
      : (cronText ?? (calendar ? describedText(calendar) : 'never')),
    timezone: spec.timezone ?? 'UTC',
    jitter: durationText(spec.jitter ?? 0),
    starts: action.workflowType,
    type: input.type ?? '',
    'overlap policy': input.overlap ?? '',
    'schedule overlap': policies.overlap ?? '',
    'catch-up window': durationText(policies.catchupWindow),
    'task queue': action.taskQueue ?? '',
    note: state.note ?? '',
  };
}

/** Field by field; empty when nothing differs. `ignore` leaves fields out. */
export function differencesOf(
  server: FlatSchedule,
  config: FlatSchedule,
  ignore: readonly string[] = [],
): readonly string[] {
  return Object.keys(config)
    .filter((field) => !ignore.includes(field) && server[field] !== config[field])
    .map((field) => `${field}: ${server[field] || 'nothing'} → ${config[field] || 'nothing'}`);
}

function specOf(spec: ScheduleSpecText, jitter: number): ScheduleOptions['spec'] {
  return {
    ...(spec.calendar ? { calendars: [{ ...spec.calendar, second: 0 }] } : {}),
    ...(spec.intervalMs !== null ? { intervals: [{ every: spec.intervalMs }] } : {}),
    ...(spec.cron !== null ? { cronExpressions: [`${spec.cron} # ${spec.text}`] } : {}),
    timezone: spec.timezone,
    jitter,
  };
}

function whenText({ calendar, cron, intervalMs, text }: ScheduleSpecText): string {
  if (calendar) return calendarText(calendar);
  return cron === null ? `every ${durationText(intervalMs!)}` : text;
}

function calendarText({ minute, hour, dayOfMonth, dayOfWeek, comment }: CalendarTimes): string {
  return `${comment} [${[minute, hour, dayOfMonth, dayOfWeek].join(' ')}]`;
}

function describedText({ minute, hour, dayOfMonth, dayOfWeek, comment }: CalendarSpecDescription): string {
  const parts = [ranges(minute, 60), ranges(hour, 24), ranges(dayOfMonth, 31), ranges(dayOfWeek, 7)];
  return `${comment ?? ''} [${parts.join(' ')}]`;
}

/** A single value as itself, everything as `*`. */
function ranges(list: readonly { start: number | string; end: number | string; step: number }[], all: number): string {
  const [first] = list;
  if (list.length === 1 && first!.step <= 1) {
    if (first!.start === first!.end) return String(first!.start);
    if (typeof first!.start === 'number' ? Number(first!.end) - first!.start + 1 === all : first!.end === 'SATURDAY')
      return '*';
  }
  return list.map(({ start, end, step }) => `${start}-${end}/${step}`).join(',');
}
