/** Fields of `load`: amounts with units, limits, windows, samplers. */
import { z } from 'zod';
import { isName } from '../domain/names';
import { duration, name, secretRef } from './fields';
import { scheduleDay } from './schedule-fields';
import { DURATION, parseDuration, parseSize, SIZE } from './units';

/** In what an amount is written; a plain number is in the signal's own unit. */
export type AmountUnit = 'share' | 'ms' | 'bytes';

/** `relative`: written as `+20%`, so a factor of what is usual; null where the writing does not tell. */
export interface Amount {
  readonly value: number;
  readonly relative: boolean | null;
  readonly unit: AmountUnit | null;
}

const PERCENT = /^\s*(\+?)(\d+(?:\.\d+)?)\s*%\s*$/;

function parseAmount(text: string): Amount | null {
  const percent = PERCENT.exec(text);
  if (percent) {
    const share = Number((Number(percent[2]) / 100).toFixed(6));
    return percent[1] === '+'
      ? { value: 1 + share, relative: true, unit: null }
      : { value: share, relative: false, unit: 'share' };
  }
  if (DURATION.test(text)) return { value: parseDuration(text)!, relative: false, unit: 'ms' };
  if (SIZE.test(text)) return { value: parseSize(text)!, relative: false, unit: 'bytes' };
  return null;
}

const amount = z.union([
  z
    .number()
    .min(0)
    .transform((value): Amount => ({ value, relative: null, unit: null })),
  z
    .string()
    .regex(new RegExp([PERCENT, DURATION, SIZE].map(({ source }) => `(?:${source})`).join('|')), {
      error: 'an amount: a number, 30%, 200ms, 500MB, or +20% of what is usual at that hour',
    })
    .transform((text): Amount => parseAmount(text)!),
]);

export const limitSchema = z.union([
  z.strictObject({
    throttle: amount.optional().describe('from here a backup slows down: a number, 30%, 200ms, 500MB, or +20%'),
    pause: z
      .union([amount, z.literal('never')])
      .optional()
      .describe('from here it pauses; never = this signal only slows it down'),
    release: amount.optional().describe('beyond this, on the good side of throttle, it may go faster again'),
    least: amount.optional().describe('of limits relative to what is usual: values below this hurt nobody'),
    hard: z.boolean().optional().describe('reaching pause three times in a row opens the impact breaker'),
  }),
  z.literal('off'),
]);
export type LimitConfig = z.output<typeof limitSchema>;

/** Names are checked by the cross checks, which know what was meant by a misspelt one. */
export const limitsSchema = z.record(z.string(), limitSchema);

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'a time of day such as 06:00' });
const endTime = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { error: 'a time of day such as 22:00, at most 24:00' });

const windowFields = {
  days: z.array(scheduleDay).default([]).describe('days on which it opens; empty = every day'),
  from: time.describe('HH:MM, included'),
  to: endTime.describe('HH:MM, not included; earlier than `from` = on the next day'),
};
export const windowSchema = z.strictObject(windowFields);
export const protectedSchema = z.strictObject({
  name: z.string().min(1).max(80).describe('shown as the reason'),
  ...windowFields,
  action: z
    .enum(['noStart', 'pause'])
    .default('noStart')
    .describe('noStart: no backup starts, one under way goes on at the lowest pace; pause: one under way pauses'),
});

export const deadlineSchema = z.strictObject({
  doneBy: time.optional().describe('time of day, in the time zone of `load`, at most a day after the start'),
  within: duration.optional().describe('instead of `doneBy`: so long after the start'),
});

const samplerName = z
  .string()
  .refine(isName, { error: 'a name of [a-z0-9_-], at most 63 characters, that starts with a letter or digit' })
  .meta({ pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' });

/** A URL is shown where a secret is not. */
const plainUrl = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === '', {
    error: 'a URL without a user and a password: state the login by its own field, as a reference',
  });

export const samplersSchema = z.strictObject({
  postgres: z
    .strictObject({
      enabled: z.boolean().default(true).describe('sessions, locks, transactions, I/O, replication of the source'),
      statements: z.boolean().default(true).describe('mean statement time, where pg_stat_statements is installed'),
      probe: z.string().min(1).default('SELECT 1').describe('a cheap query whose latency is measured'),
    })
    .prefault({})
    .describe('the server of the database'),
  host: z
    .strictObject({
      enabled: z.boolean().default(true).describe('CPU, memory, I/O wait, disk, network, limits of the container'),
      ofDatabase: z
        .union([z.boolean(), z.literal('auto')])
        .default('auto')
        .describe('whether the database runs there too; auto: where its address is one of this machine'),
    })
    .prefault({})
    .describe('the machine of the worker'),
  http: z
    .array(
      z.strictObject({
        name: samplerName.describe('shown in reasons'),
        url: plainUrl.describe('a page of the application that is cheap to ask for'),
        method: z.enum(['GET', 'HEAD']).default('GET').describe('of the request'),
        authorization: secretRef.optional().describe('reference to the value of the header Authorization'),
        timeout: duration.default(parseDuration('3s')!).describe('no answer by then is a failure'),
      }),
    )
    .default([])
    .describe('probes of the application: latency, and whether it answers'),
  prometheus: z
    .array(
      z.strictObject({
        name: name.describe('the signal is prometheus:NAME; give it a limit of that name'),
        url: plainUrl.describe('base URL of the Prometheus server'),
        query: z.string().min(1).describe('PromQL that gives one number, of which more is worse'),
        token: secretRef.optional().describe('reference to a bearer token'),
        timeout: duration.default(parseDuration('3s')!).describe('no answer by then is a failure'),
      }),
    )
    .default([])
    .describe('any number from a query: what is loaded elsewhere, on managed databases'),
  stores: z.boolean().default(true).describe('upload rate and latency of the running copy'),
});
