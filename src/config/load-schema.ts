/** The section `load` of holdfast.yaml, and of each database: how the database's users are kept from noticing a backup. */
import { z } from 'zod';
import { DEFAULT_LOCK_RULE } from '../domain/load/lock-verdict';
import { DEFAULT_RULES, PRIORITIES } from '../domain/load/rules';
import { duration, size, timeZone } from './fields';
import { deadlineSchema, limitsSchema, protectedSchema, samplersSchema, windowSchema } from './load-fields';
import { parseDuration } from './units';

const { safePace, breaker } = DEFAULT_RULES;

/** What a database may state for itself. Each field stated there replaces the root's; limits are merged signal by signal. */
const shared = {
  watch: z.boolean().default(true).describe('sample the load at all times, and pace backups by it'),
  timezone: timeZone.default(DEFAULT_RULES.timeZone).describe('of all times of day below'),
  every: duration.default(parseDuration('2s')!).describe('between two samples while a backup runs'),
  idleEvery: duration.default(parseDuration('30s')!).describe('between two samples otherwise, to learn what is usual'),
  timeout: duration.default(parseDuration('3s')!).describe('of one sampler; one that takes longer hangs'),
  samplers: samplersSchema.prefault({}).describe('what is measured'),
  limits: limitsSchema
    .default({})
    .describe('by signal, instead of the default limits: throttle, pause, release; `off` = no limit'),
  peak: z
    .strictObject({
      windows: z
        .array(windowSchema)
        .default(DEFAULT_RULES.peak.windows.map((window) => ({ ...window, days: [...window.days] })))
        .describe('when they are'),
      limits: limitsSchema.default({}).describe('by signal, for peak hours; must be no laxer than outside of them'),
    })
    .prefault({})
    .describe('hours with stricter limits: by default CPU below 30 % from 06:00 to 22:00'),
  protected: z.array(protectedSchema).default([]).describe('times in which the database is left alone'),
  windows: z.array(windowSchema).default([]).describe('backups start only in these; empty = at any time'),
  priority: z
    .enum(PRIORITIES)
    .default(DEFAULT_RULES.priority)
    .describe('whose heavy work goes first; a restore goes before all. Signals slow a critical backup, never pause it'),
  deadline: deadlineSchema.optional().describe('when a backup must be done; a warning says when the pace will miss it'),
  maxRate: size.optional().describe('never read faster than this from the source, e.g. 50MB/s; absent = no limit'),
  minRate: size
    .default(DEFAULT_RULES.minBytesPerSecond)
    .describe('the slowest pace that is not a pause, bytes per second'),
  safePace: z
    .strictObject({
      maxRate: size.default(safePace.maxBytesPerSecond!).describe('bytes per second'),
      readers: z.int().min(1).default(safePace.readers!).describe('parallel readers'),
      uploads: z.int().min(1).default(safePace.uploads!).describe('uploads in flight to each store'),
    })
    .prefault({})
    .describe('where too few signals are known, or the watch is silent; also the first one on a server that is in use'),
  minSignals: z
    .int()
    .min(0)
    .default(DEFAULT_RULES.minSignals)
    .describe('signals with a limit that must be known; with fewer the safe pace holds'),
  silentAfter: duration
    .default(DEFAULT_RULES.silentAfterMs)
    .describe('a watch that was not heard for so long is silent: the safe pace holds'),
  lockWaiters: z
    .strictObject({
      action: z
        .enum(['yield', 'alert', 'hold'])
        .default(DEFAULT_LOCK_RULE.action)
        .describe('yield: give the snapshot up and start again later; alert: say so; hold: go on'),
      after: duration
        .default(DEFAULT_LOCK_RULE.afterMs)
        .describe('when somebody waited behind a lock of ours for so long'),
    })
    .prefault({})
    .describe('somebody waits behind a lock of the backup'),
  breaker: z
    .strictObject({
      openAfter: z.int().min(1).max(100).default(breaker.openAfter).describe('breaches of a hard limit in a row'),
      openFor: duration.default(breaker.openForMs).describe('no heavy work for so long, then one trial'),
      closeAfter: z.int().min(1).max(100).default(breaker.closeAfter).describe('good samples that end the trial'),
    })
    .prefault({})
    .describe('the breaker on impact'),
};

export const loadSchema = z.strictObject({
  ...shared,
  heavy: z
    .int()
    .min(1)
    .max(100)
    .default(2)
    .describe('heavy operations at once, over all workers: backups, restores and proofs'),
  keep: z
    .strictObject({
      samples: duration.default(parseDuration('7d')!).describe('as measured'),
      minutes: duration.default(parseDuration('30d')!).describe('rolled up by minute'),
      hours: duration.default(parseDuration('400d')!).describe('rolled up by hour; what is usual comes from these'),
      days: duration.default(parseDuration('1825d')!).describe('rolled up by day'),
    })
    .prefault({})
    .describe('how long figures of load stay in the catalogue'),
});

/** All fields optional, none filled in: what is absent comes from the root. */
export const databaseLoadSchema = z.strictObject(withoutDefaults(shared));

export type LoadConfig = z.output<typeof loadSchema>;
export type DatabaseLoadConfig = z.output<typeof databaseLoadSchema>;

type Bare<T> = T extends z.ZodDefault<infer I> | z.ZodPrefault<infer I> | z.ZodOptional<infer I> ? I : T;

function withoutDefaults<T extends Readonly<Record<string, z.ZodType>>>(
  fields: T,
): { [K in keyof T]: z.ZodOptional<Bare<T[K]>> } {
  const bare = Object.entries(fields).map(([key, field]) => {
    const wrapped = field instanceof z.ZodDefault || field instanceof z.ZodPrefault || field instanceof z.ZodOptional;
    const inner = wrapped ? (field.unwrap() as z.ZodType) : field;
    return [key, inner.optional().describe(field.description ?? '')];
  });
  return Object.fromEntries(bare) as { [K in keyof T]: z.ZodOptional<Bare<T[K]>> };
}
