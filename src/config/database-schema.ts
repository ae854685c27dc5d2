/** The section `databases` of holdfast.yaml. */
import { z } from 'zod';
import { connectionSchema, duration, name, timeZone } from './fields';
import { databaseLoadSchema } from './load-schema';
import { databasePolicySchema } from './policy-schema';
import { intactSchema, rotationSchema } from './rotation-schema';
import { oneOfTimes, scheduleManners, scheduleTimes } from './schedule-fields';
import { parseDuration } from './units';

export const scheduleSchema = z
  .strictObject({
    name: name.describe('part of the schedule id, `<database>/<name>`'),
    type: z
      .enum(['full', 'differential', 'incremental'])
      .default('incremental')
      .describe('what may be reused: nothing, segments of the last proved full, or those of the last backup'),
    ...scheduleTimes,
    overlap: z
      .enum(['skip', 'wait', 'cancel'])
      .default('skip')
      .describe('when a run is under way: skip this one, wait for it, or cancel it and go'),
    ...scheduleManners,
  })
  .refine(...oneOfTimes);

export const retentionSchema = z.strictObject({
  last: z.int().min(0).default(7).describe('keep the last N backups'),
  hourly: z.int().min(0).default(0).describe('of the last N hours that have backups, the newest of each'),
  daily: z.int().min(0).default(7).describe('of the last N days that have backups, the newest of each'),
  weekly: z.int().min(0).default(4).describe('of the last N ISO weeks that have backups, the newest of each'),
  monthly: z.int().min(0).default(6).describe('of the last N months that have backups, the newest of each'),
  yearly: z.int().min(0).default(0).describe('of the last N years that have backups, the newest of each'),
  within: duration.optional().describe('keep everything that is no older than this, measured from the newest backup'),
  minProved: z.int().min(1).default(1).describe('proved backups that always remain; never below 1'),
  tombstoneGrace: duration.default(parseDuration('24h')!).describe('how long a deletion can be undone'),
  sweepGrace: duration.default(parseDuration('24h')!).describe('age below which unnamed objects are left alone'),
  timezone: timeZone.default('UTC').describe('in which hours, days, weeks, months and years are counted'),
  enforce: z.boolean().default(true).describe('apply after each backup; false = only by hand'),
});

export const verificationSchema = z.strictObject({
  grade: z
    .enum(['stored', 'intact', 'restored', 'exact'])
    .default('exact')
    .describe('how far a copy is proved; each grade includes the one before'),
  stores: z.enum(['one', 'all']).default('one').describe('prove one copy after each backup, or all of them'),
  timeout: duration.default(parseDuration('24h')!).describe('of one proof'),
  assertions: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('shown in the proof'),
        sql: z.string().min(1).describe('a query that gives one row of one column, run in the restored database'),
        expect: z
          .union([z.string(), z.number(), z.boolean()])
          .transform(String)
          .describe('what it must give, compared as text'),
      }),
    )
    .default([])
    .describe('queries that must hold in the restored database'),
  rotation: rotationSchema.optional().describe('prove the copies of all stores in turn, by a schedule of its own'),
  intact: intactSchema.optional().describe('read every object at every store again, a share at a time'),
});

export const databaseSchema = z.strictObject({
  name: name.describe('names the database in commands, workflow ids and keys in the stores; do not change it later'),
  connection: connectionSchema.describe('how the source is reached: `url`, or its parts'),
  engine: z.enum(['logical']).default('logical').describe('logical: pg_dump and COPY in one snapshot'),
  include: z
    .strictObject({
      schemas: z.array(z.string()).default([]).describe('schemas to back up; patterns as for pg_dump -n'),
      tables: z
        .array(z.string())
        .default([])
        .describe('tables to back up, as schema.table; patterns as for pg_dump -t'),
    })
    .prefault({})
    .describe('only these; empty = all'),
  exclude: z
    .strictObject({
      schemas: z.array(z.string()).default([]).describe('schemas to leave out; patterns as for pg_dump -N'),
      tables: z
        .array(z.string())
        .default([])
        .describe('tables to leave out, as schema.table; patterns as for pg_dump -T'),
    })
    .prefault({})
    .describe('all but these'),
  stores: z.array(name).default([]).describe('names of the stores that hold its backups; empty = all'),
  policy: databasePolicySchema
    .optional()
    .describe("instead of the root's policy, whole: copies, media, offsite; `none` = no policy"),
  readers: z.int().min(1).max(64).default(2).describe('parallel connections that read rows'),
  lockTimeout: duration.default(parseDuration('30s')!).describe('how long a dump waits for a table that is locked'),
  pauseBudget: duration
    .default(parseDuration('10m')!)
    .describe('how long a pause may hold the snapshot; after it the dump starts again, uploading nothing twice'),
  load: databaseLoadSchema.optional().describe("instead of the root's `load`, field by field; limits signal by signal"),
  timeout: duration.default(parseDuration('24h')!).describe('of one dump attempt'),
  schedules: z.array(scheduleSchema).default([]).describe('when backups are taken; made true by `holdfast apply`'),
  retention: retentionSchema.prefault({}).describe('which backups stay; a backup stays when any rule keeps it'),
  verification: verificationSchema.prefault({}).describe('how backups are proved'),
});
