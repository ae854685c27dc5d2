/**
 * The whole of holdfast.yaml. Strict objects: an unknown field is a fault, with its path. Descriptions become the
 * JSON Schema's, so editors show them. Durations are `90s`, `15m`, `6h`, `7d`; sizes `16MiB`, `20MB`, `512KiB`.
 */
import { z } from 'zod';
import { accessSchema } from './access-schema';
import { crossChecks } from './cross-checks';
import { databaseSchema } from './database-schema';
import { connectionSchema, duration, name, secretRef, size } from './fields';
import { healthSchema } from './health-schema';
import { loadChecks } from './load-checks';
import { loadSchema } from './load-schema';
import { policySchema } from './policy-schema';
import {
  storeSchema,
  type filesystemStoreSchema,
  type gcsStoreSchema,
  type s3StoreSchema,
  type supabaseStoreSchema,
} from './store-schema';
import { parseDuration, parseSize } from './units';

export { databaseSchema, retentionSchema, scheduleSchema, verificationSchema } from './database-schema';
export { connectionSchema } from './fields';
export { filesystemStoreSchema, gcsStoreSchema, s3StoreSchema, storeSchema, supabaseStoreSchema } from './store-schema';
export { healthSchema } from './health-schema';
export { formatDuration, formatSize, parseDuration, parseSize } from './units';

export const temporalSchema = z.strictObject({
  address: z.string().default('127.0.0.1:7233').describe('host:port of the frontend'),
  namespace: z.string().default('default').describe('where the workflows live'),
  apiKey: secretRef.optional().describe('for Temporal Cloud'),
  tls: z
    .union([
      z.boolean(),
      z.strictObject({
        serverName: z.string().optional().describe('name that the certificate must have'),
        ca: secretRef.optional().describe('certificates to trust, PEM'),
        cert: secretRef.optional().describe('client certificate, PEM'),
        key: secretRef.optional().describe('its key, PEM'),
      }),
    ])
    .default(false)
    .describe('true, or its certificates'),
  webUi: z.url().optional().describe('shown in links; the dev server has it on 8233'),
});

export const configSchema = z
  .strictObject({
    version: z.literal(1).describe('of this format'),
    databases: z.array(databaseSchema).min(1).describe('what is backed up'),
    stores: z.array(storeSchema).min(1).describe('where copies are kept'),
    policy: policySchema
      .optional()
      .describe('what the copies of each backup are held to; absent = no policy, `{}` = the 3-2-1 rule'),
    health: healthSchema.prefault({}).describe('how stores are watched, and when one is left alone'),
    load: loadSchema.prefault({}).describe("how the databases' users are kept from noticing a backup"),
    access: accessSchema
      .optional()
      .describe('who may do what; absent: whoever can read this file and reach the services may do everything'),
    keys: z
      .strictObject({
        repository: z.string().min(1).describe('the folder made by `holdfast keys init`, or its repository.json'),
        idKey: secretRef.describe('names segments; every process needs it'),
        signingKey: secretRef.optional().describe('absent on processes that only read'),
        identities: z.array(secretRef).default([]).describe('absent on workers that only back up'),
      })
      .describe('encryption and signing; made by `holdfast keys init`'),
    catalog: z
      .strictObject({
        connection: connectionSchema.describe('a database of its own, not one that is backed up here'),
        schema: name.default('holdfast').describe('made by `holdfast migrate`'),
      })
      .describe('the index of all backups, on PostgreSQL'),
    temporal: temporalSchema.prefault({}).describe('the Temporal service'),
    taskQueues: z
      .strictObject({
        prefix: z
          .string()
          .regex(/^[A-Za-z0-9_-]+$/)
          .default('holdfast')
          .describe('start of the names of all task queues'),
      })
      .prefault({})
      .describe('where workers look for work'),
    tools: z
      .strictObject({
        postgresBin: z
          .array(z.string())
          .default([])
          .describe('folders that are searched first for pg_dump and friends'),
      })
      .prefault({})
      .describe('programs that Holdfast runs'),
    scratch: z
      .strictObject({
        dir: z.string().default('/tmp/holdfast-scratch').describe('parent folder of the private clusters'),
        minFree: size.default(parseSize('1GiB')!).describe('that must be left on its disk'),
        user: z.string().optional().describe('OS user that the server runs as when Holdfast runs as root'),
        jobs: z.int().min(1).max(64).default(2).describe('parallel restore jobs'),
      })
      .prefault({})
      .describe('private clusters in which copies are restored to prove them'),
    worker: z
      .strictObject({
        dumps: z.int().min(1).default(1).describe('dumps at once in one worker'),
        transfers: z.int().min(1).default(4).describe('replications at once in one worker'),
        verifications: z.int().min(1).default(1).describe('proofs at once in one worker'),
        segmentsInFlight: z
          .int()
          .min(1)
          .max(64)
          .default(4)
          .describe('segments of one dump that are sealed or uploaded at once; bounds memory'),
        niceness: z
          .int()
          .min(0)
          .max(19)
          .default(0)
          .describe(
            'how far the worker gives way to other programs of its machine: 0 = not at all, 19 = it takes what nobody else wants. Beside a database: 10',
          ),
        shutdownGrace: duration
          .default(parseDuration('30s')!)
          .describe('how long running work may finish after SIGTERM before it is handed over'),
        metrics: z.string().optional().describe('address:port for Prometheus, e.g. 127.0.0.1:9464'),
      })
      .prefault({})
      .describe('what one worker takes on'),
    usage: z
      .strictObject({
        measureEvery: duration
          .refine((ms) => ms >= 60_000, { error: 'at least 1m: a listing of a whole store is not free' })
          .default(parseDuration('1d')!)
          .describe('how often each store is listed to know what it truly holds; made true by `holdfast apply`'),
      })
      .prefault({})
      .describe('how the figures of quota and cost are kept'),
    repository: z
      .strictObject({
        segmentSize: size
          .default(parseSize('4MiB')!)
          .describe('files are cut here; a change makes the next backups reuse nothing older'),
        zstdLevel: z.int().min(1).max(19).default(1).describe('1 is fastest; higher is hardly smaller on dumps'),
      })
      .prefault({})
      .describe('how backups are stored'),
  })
  .check((ctx) => {
    for (const { path, message } of [...crossChecks(ctx.value), ...loadChecks(ctx.value.load, ctx.value.databases)]) {
      ctx.issues.push({ code: 'custom', path: [...path], message, input: ctx.value });
    }
  });

/** As loaded: defaults filled in, durations in ms, sizes in bytes; secrets still references. */
export type HoldfastConfig = z.output<typeof configSchema>;
/** As written in the file. */
export type HoldfastConfigInput = z.input<typeof configSchema>;
export type DatabaseConfig = HoldfastConfig['databases'][number];
export type StoreConfig = HoldfastConfig['stores'][number];
export type SupabaseStoreConfig = z.output<typeof supabaseStoreSchema>;
export type FilesystemStoreConfig = z.output<typeof filesystemStoreSchema>;
export type GcsStoreConfig = z.output<typeof gcsStoreSchema>;
export type S3StoreConfig = z.output<typeof s3StoreSchema>;
export type { AccessConfig, AccessToken } from './access-schema';
export type HealthConfig = HoldfastConfig['health'];
export type ScheduleConfig = DatabaseConfig['schedules'][number];
export type RetentionConfig = DatabaseConfig['retention'];
export type ConnectionConfig = DatabaseConfig['connection'];
