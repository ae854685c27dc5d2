/** When something runs: fields that every kind of schedule in holdfast.yaml has. */
import { z } from 'zod';
import { duration, timeZone } from './fields';
import { parseDuration } from './units';

export const scheduleDay = z.enum(['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']);

export const scheduleTimes = {
  every: z
    .enum(['hourly', 'daily', 'weekly', 'monthly'])
    .optional()
    .describe('exactly one of every, interval and cron is stated'),
  at: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
    .optional()
    .describe('HH:MM, with `every`; for hourly the minute alone counts'),
  dayOfWeek: scheduleDay.optional().describe('for every: weekly'),
  dayOfMonth: z.int().min(1).max(28).optional().describe('for every: monthly'),
  interval: duration.optional().describe('instead of `every`: a fixed interval'),
  cron: z.string().optional().describe('instead of `every`: a cron expression'),
  timezone: timeZone
    .default('UTC')
    .describe('of `at` and `cron`; outside UTC a time may fall out, or come twice, when clocks change'),
};

export const scheduleManners = {
  catchupWindow: duration
    .default(parseDuration('1h')!)
    .describe('how late a run that was missed while Temporal was away still starts'),
  jitter: duration.default(0).describe('a random delay up to this, so that databases do not all start at once'),
  note: z.string().max(200).default('').describe("shown with the schedule in Temporal's Web UI"),
  paused: z.boolean().default(false).describe('true: the schedule exists and starts nothing'),
};

/** Of `every`, `interval` and `cron` one counts. */
export const oneOfTimes: [(times: { every?: unknown; interval?: unknown; cron?: unknown }) => boolean, object] = [
  (times) => [times.every, times.interval, times.cron].filter((value) => value !== undefined).length === 1,
  { error: 'state exactly one of every, interval, cron', path: ['every'] },
];
