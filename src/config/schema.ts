/**
 * The whole of holdfast.yaml. Strict objects: an unknown field is a fault, with its path. Descriptions become the
 * JSON Schema's, so editors show them. Durations are `90s`, `15m`, `6h`, `7d`; sizes `16MiB`, `20MB`, `512KiB`.
 */
import { z } from 'zod';
import { isName } from '../domain/names';
import { crossChecks } from './cross-checks';

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const UNITS_BYTES = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

/** `90s`, `15m`, `6h`, `7d`, `2w`, `500ms` → milliseconds; null when it is none. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/.exec(text.trim());
  return match ? Math.round(Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS]) : null;
}

/** `16MiB`, `20MB`, `1024B` → bytes; null when it is none. A trailing `/s` is accepted for rates. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)(?:\/s)?$/.exec(text.trim());
  return match ? Math.round(Number(match[1]) * UNITS_BYTES[match[2] as keyof typeof UNITS_BYTES]) : null;
}

export const duration = z
  .string()
  .refine((text) => parseDuration(text) !== null, { error: 'a duration such as 90s, 15m, 6h or 7d' })
  .transform((text) => parseDuration(text)!);
export const size = z
  .string()
  .refine((text) => parseSize(text) !== null, { error: 'a size such as 16MiB, 20MB or 512KiB' })
  .transform((text) => parseSize(text)!);
export const name = z
  .string()
  .refine(isName, { error: 'a name of [a-z0-9_-], at most 63 characters, that starts with a letter or digit' });
/** A secret, by reference: `env:NAME` or `file:PATH`. A literal secret is refused. */
export const secretRef = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, { error: 'a reference to a secret: env:NAME or file:PATH' });
const timeZone = z.string().refine(
  (zone) => {
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone });
      return true;
    } catch {
      return false;
    }
  },
  { error: 'an IANA time zone such as UTC or Europe/Berlin' },
);

export const connectionSchema = z.union([
  z.strictObject({ url: secretRef.describe('reference to a postgresql:// URL') }),
  z.strictObject({
    host: z.string().min(1).describe('host name, address, or folder of a Unix socket'),
    port: z.int().min(1).max(65535).default(5432),
    database: z.string().min(1),
    user: z.string().min(1),
    password: secretRef.optional(),
    sslmode: z.enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']).default('prefer'),
    sslrootcert: z.string().optional(),
    sslcert: z.string().optional(),
    sslkey: z.string().optional(),
  }),
]);

export const scheduleSchema = z
  .strictObject({
    name: name.describe('part of the schedule id: <database>/<name>'),
    type: z.enum(['full', 'differential', 'incremental']).default('incremental'),
    every: z.enum(['hourly', 'daily', 'weekly', 'monthly']).optional(),
    at: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
      .optional()
      .describe('time of day for daily, weekly and monthly; minute alone counts for hourly'),
    dayOfWeek: z.enum(['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']).optional(),
    dayOfMonth: z.int().min(1).max(28).optional(),
    interval: duration.optional().describe('instead of `every`: a fixed interval'),
    cron: z.string().optional().describe('instead of `every`: a cron expression'),
    timezone: timeZone.default('UTC'),
    overlap: z
      .enum(['skip', 'wait', 'cancel'])
      .default('skip')
      .describe('when a run is under way: skip this one, wait for it, or cancel it and go'),
    catchupWindow: duration.default(parseDuration('1h')!),
    jitter: duration.default(0),
    note: z.string().max(200).default(''),
    paused: z.boolean().default(false),
  })
  .refine((s) => [s.every, s.interval, s.cron].filter((v) => v !== undefined).length === 1, {
    error: 'state exactly one of every, interval, cron',
    path: ['every'],
  });

export const retentionSchema = z.strictObject({
  last: z.int().min(0).default(7).describe('keep the last N backups'),
  hourly: z.int().min(0).default(0),
  daily: z.int().min(0).default(7),
  weekly: z.int().min(0).default(4),
  monthly: z.int().min(0).default(6),
  yearly: z.int().min(0).default(0),
  within: duration.optional().describe('keep everything younger than this'),
  minProved: z.int().min(1).default(1).describe('proved backups that always remain; never below 1'),
  tombstoneGrace: duration.default(parseDuration('24h')!).describe('how long a deletion can be undone'),
  sweepGrace: duration.default(parseDuration('24h')!).describe('age below which unnamed objects are left alone'),
  timezone: timeZone.default('UTC'),
  enforce: z.boolean().default(true).describe('apply after each backup; false = only by hand'),
});

export const verificationSchema = z.strictObject({
  grade: z.enum(['stored', 'intact', 'restored', 'exact']).default('exact'),
  stores: z.enum(['one', 'all']).default('one').describe('prove one copy after each backup, or all of them'),
  timeout: duration.default(parseDuration('24h')!),
  assertions: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        sql: z.string().min(1),
        expect: z.union([z.string(), z.number(), z.boolean()]).transform(String),
      }),
    )
    .default([]),
});

export const databaseSchema = z.strictObject({
  name,
  connection: connectionSchema,
  engine: z.enum(['logical']).default('logical'),
  include: z
    .strictObject({ schemas: z.array(z.string()).default([]), tables: z.array(z.string()).default([]) })
    .prefault({}),
  exclude: z
    .strictObject({ schemas: z.array(z.string()).default([]), tables: z.array(z.string()).default([]) })
    .prefault({}),
  stores: z.array(name).default([]).describe('store names; empty = all'),
  readers: z.int().min(1).max(64).default(2),
  lockTimeout: duration.default(parseDuration('30s')!),
  pauseBudget: duration.default(parseDuration('10m')!).describe('how long a pause may hold the snapshot'),
  timeout: duration.default(parseDuration('24h')!).describe('of one dump attempt'),
  schedules: z.array(scheduleSchema).default([]),
  retention: retentionSchema.prefault({}),
  verification: verificationSchema.prefault({}),
});

const storeLimits = z.strictObject({
  maxBytesPerSecond: size.optional(),
  maxRequests: z.int().min(1).max(256).default(8).describe('requests at once'),
  timeout: duration.default(parseDuration('60s')!).describe('of one request'),
  retries: z.int().min(0).max(20).default(5),
});
const storeCommon = {
  name,
  role: z.enum(['primary', 'secondary', 'offsite']).default('secondary'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._/=-]*$/)
    .default(''),
  limits: storeLimits.prefault({}),
};
export const filesystemStoreSchema = z.strictObject({
  ...storeCommon,
  adapter: z.literal('filesystem'),
  path: z.string().min(1),
  minFree: size.default(parseSize('256MiB')!).describe('writes that would leave less free space are refused'),
});
export const s3StoreSchema = z.strictObject({
  ...storeCommon,
  adapter: z.literal('s3'),
  bucket: z.string().min(1),
  region: z.string().default('us-east-1'),
  endpoint: z.url().optional(),
  pathStyle: z.boolean().default(false),
  accessKeyId: secretRef.optional().describe('absent: the default AWS credential chain'),
  secretAccessKey: secretRef.optional(),
  sessionToken: secretRef.optional(),
  checksum: z
    .enum(['sha256', 'crc32', 'none'])
    .default('sha256')
    .describe('checksum that the server is asked to check'),
  createOnly: z
    .enum(['if-none-match', 'none'])
    .default('if-none-match')
    .describe('none: for stores that ignore conditional writes'),
  multipartThreshold: size.default(parseSize('64MiB')!),
  partSize: size.default(parseSize('16MiB')!),
  storageClass: z.string().optional(),
  objectLock: z.strictObject({ mode: z.enum(['GOVERNANCE', 'COMPLIANCE']), retain: duration }).optional(),
});
export const storeSchema = z.discriminatedUnion('adapter', [filesystemStoreSchema, s3StoreSchema]);

export const temporalSchema = z.strictObject({
  address: z.string().default('127.0.0.1:7233'),
  namespace: z.string().default('default'),
  apiKey: secretRef.optional(),
  tls: z
    .union([
      z.boolean(),
      z.strictObject({
        serverName: z.string().optional(),
        ca: secretRef.optional(),
        cert: secretRef.optional(),
        key: secretRef.optional(),
      }),
    ])
    .default(false),
  webUi: z.url().optional().describe('shown in links; the dev server has it on 8233'),
});

export const configSchema = z
  .strictObject({
    version: z.literal(1),
    databases: z.array(databaseSchema).min(1),
    stores: z.array(storeSchema).min(1),
    keys: z.strictObject({
      repository: z.string().min(1).describe('the folder made by `holdfast keys init`, or its repository.json'),
      idKey: secretRef,
      signingKey: secretRef.optional().describe('absent on processes that only read'),
      identities: z.array(secretRef).default([]).describe('absent on workers that only back up'),
    }),
    catalog: z.strictObject({ connection: connectionSchema, schema: name.default('holdfast') }),
    temporal: temporalSchema.prefault({}),
    taskQueues: z
      .strictObject({
        prefix: z
          .string()
          .regex(/^[A-Za-z0-9_-]+$/)
          .default('holdfast'),
      })
      .prefault({}),
    tools: z.strictObject({ postgresBin: z.array(z.string()).default([]) }).prefault({}),
    scratch: z
      .strictObject({
        dir: z.string().default('/tmp/holdfast-scratch'),
        minFree: size.default(parseSize('1GiB')!),
        user: z.string().optional(),
        jobs: z.int().min(1).max(64).default(2),
      })
      .prefault({}),
    worker: z
      .strictObject({
        dumps: z.int().min(1).default(1).describe('dumps at once in one worker'),
        transfers: z.int().min(1).default(4),
        verifications: z.int().min(1).default(1),
        segmentsInFlight: z.int().min(1).max(64).default(6),
        shutdownGrace: duration.default(parseDuration('30s')!),
        metrics: z.string().optional().describe('address:port for Prometheus, e.g. 127.0.0.1:9464'),
      })
      .prefault({}),
    repository: z
      .strictObject({ segmentSize: size.default(parseSize('16MiB')!), zstdLevel: z.int().min(1).max(19).default(1) })
      .prefault({}),
  })
  .check((ctx) => {
    for (const { path, message } of crossChecks(ctx.value)) {
      ctx.issues.push({ code: 'custom', path: [...path], message, input: ctx.value });
    }
  });

/** As loaded: defaults filled in, durations in ms, sizes in bytes; secrets still references. */
export type HoldfastConfig = z.output<typeof configSchema>;
/** As written in the file. */
export type HoldfastConfigInput = z.input<typeof configSchema>;
export type DatabaseConfig = HoldfastConfig['databases'][number];
export type StoreConfig = HoldfastConfig['stores'][number];
export type FilesystemStoreConfig = z.output<typeof filesystemStoreSchema>;
export type S3StoreConfig = z.output<typeof s3StoreSchema>;
export type ScheduleConfig = DatabaseConfig['schedules'][number];
export type RetentionConfig = DatabaseConfig['retention'];
export type ConnectionConfig = DatabaseConfig['connection'];
