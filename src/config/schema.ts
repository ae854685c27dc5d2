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

const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*$/;
const SIZE = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)(?:\/s)?\s*$/;

/** `90s`, `15m`, `6h`, `7d`, `2w`, `500ms` → milliseconds; null when it is none. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text);
  return match ? Math.round(Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS]) : null;
}

/** `16MiB`, `20MB`, `1024B` → bytes; null when it is none. A trailing `/s` is accepted for rates. */
export function parseSize(text: string): number | null {
  const match = SIZE.exec(text);
  return match ? Math.round(Number(match[1]) * UNITS_BYTES[match[2] as keyof typeof UNITS_BYTES]) : null;
}

/** The shortest way to write a duration: 3600000 → `1h`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const [unit, value] = Object.entries(UNITS_MS)
    .reverse()
    .find(([, factor]) => ms % factor === 0) ?? ['ms', 1];
  // 7d reads better than 1w.
  return unit === 'w' ? `${ms / UNITS_MS.d}d` : `${ms / value}${unit}`;
}

/** The shortest way to write a size: 16777216 → `16MiB`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0B';
  const [unit, value] = Object.entries(UNITS_BYTES)
    .sort(([, a], [, b]) => b - a)
    .find(([, factor]) => bytes % factor === 0) ?? ['B', 1];
  return `${bytes / value}${unit}`;
}

export const duration = z
  .string()
  .regex(DURATION, { error: 'a duration such as 90s, 15m, 6h or 7d' })
  .transform((text) => parseDuration(text)!);
export const size = z
  .string()
  .regex(SIZE, { error: 'a size such as 16MiB, 20MB or 512KiB' })
  .transform((text) => parseSize(text)!);
export const name = z
  .string()
  .refine(isName, { error: 'a name of [a-z0-9_-], at most 63 characters, that starts with a letter or digit' })
  .meta({ pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' });
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
  z.strictObject({ url: secretRef.describe('reference to a postgresql:// URL, as libpq reads it') }),
  z.strictObject({
    host: z.string().min(1).describe('host name, address, or folder of a Unix socket'),
    port: z.int().min(1).max(65535).default(5432).describe('TCP port, or the number in the name of the Unix socket'),
    database: z.string().min(1).describe('name of the database on the server'),
    user: z.string().min(1).describe('role that connects'),
    password: secretRef.optional().describe('reference to its password'),
    sslmode: z
      .enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'])
      .default('prefer')
      .describe('as in libpq; verify-full is recommended'),
    sslrootcert: z.string().optional().describe('file of the certificates to trust, or `system`'),
    sslcert: z.string().optional().describe('file of the client certificate'),
    sslkey: z.string().optional().describe("file of the client certificate's key"),
  }),
]);

export const scheduleSchema = z
  .strictObject({
    name: name.describe('part of the schedule id, `<database>/<name>`'),
    type: z
      .enum(['full', 'differential', 'incremental'])
      .default('incremental')
      .describe('what may be reused: nothing, segments of the last proved full, or those of the last backup'),
    every: z
      .enum(['hourly', 'daily', 'weekly', 'monthly'])
      .optional()
      .describe('exactly one of every, interval and cron is stated'),
    at: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
      .optional()
      .describe('HH:MM, with `every`; for hourly the minute alone counts'),
    dayOfWeek: z
      .enum(['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'])
      .optional()
      .describe('for every: weekly'),
    dayOfMonth: z.int().min(1).max(28).optional().describe('for every: monthly'),
    interval: duration.optional().describe('instead of `every`: a fixed interval'),
    cron: z.string().optional().describe('instead of `every`: a cron expression'),
    timezone: timeZone
      .default('UTC')
      .describe('of `at` and `cron`; outside UTC a time may fall out, or come twice, when clocks change'),
    overlap: z
      .enum(['skip', 'wait', 'cancel'])
      .default('skip')
      .describe('when a run is under way: skip this one, wait for it, or cancel it and go'),
    catchupWindow: duration
      .default(parseDuration('1h')!)
      .describe('how late a run that was missed while Temporal was away still starts'),
    jitter: duration.default(0).describe('a random delay up to this, so that databases do not all start at once'),
    note: z.string().max(200).default('').describe("shown with the schedule in Temporal's Web UI"),
    paused: z.boolean().default(false).describe('true: the schedule exists and starts nothing'),
  })
  .refine((s) => [s.every, s.interval, s.cron].filter((v) => v !== undefined).length === 1, {
    error: 'state exactly one of every, interval, cron',
    path: ['every'],
  });

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
  readers: z.int().min(1).max(64).default(2).describe('parallel connections that read rows'),
  lockTimeout: duration.default(parseDuration('30s')!).describe('how long a dump waits for a table that is locked'),
  pauseBudget: duration
    .default(parseDuration('10m')!)
    .describe('how long a pause may hold the snapshot; after it the dump starts again, uploading nothing twice'),
  timeout: duration.default(parseDuration('24h')!).describe('of one dump attempt'),
  schedules: z.array(scheduleSchema).default([]).describe('when backups are taken; made true by `holdfast apply`'),
  retention: retentionSchema.prefault({}).describe('which backups stay; a backup stays when any rule keeps it'),
  verification: verificationSchema.prefault({}).describe('how backups are proved'),
});

const storeLimits = z.strictObject({
  maxBytesPerSecond: size.optional().describe('upload rate, e.g. 20MB/s; absent = no limit'),
  maxRequests: z.int().min(1).max(256).default(8).describe('requests at once'),
  timeout: duration.default(parseDuration('60s')!).describe('of one request'),
  retries: z.int().min(0).max(20).default(5).describe('of one request, with growing pauses'),
});
const storeCommon = {
  name: name.describe('names the store in commands and proofs; do not change it later'),
  role: z
    .enum(['primary', 'secondary', 'offsite'])
    .default('secondary')
    .describe('what the copy is for; at most one store is primary'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._/=-]*$/)
    .default('')
    .describe('put before every key, e.g. `backups/`'),
  limits: storeLimits.prefault({}).describe('what Holdfast may ask of the store'),
};
export const filesystemStoreSchema = z.strictObject({
  ...storeCommon,
  adapter: z.literal('filesystem').describe('a folder'),
  path: z.string().min(1).describe('the folder; relative to the config file'),
  minFree: size.default(parseSize('256MiB')!).describe('writes that would leave less free space are refused'),
});
export const s3StoreSchema = z.strictObject({
  ...storeCommon,
  adapter: z.literal('s3').describe('any store that speaks S3'),
  bucket: z.string().min(1).describe('must exist'),
  region: z.string().default('us-east-1').describe('the region of the bucket'),
  endpoint: z.url().optional().describe('of a store other than AWS'),
  pathStyle: z.boolean().default(false).describe('bucket in the path, not in the host name; most other stores want it'),
  accessKeyId: secretRef.optional().describe('absent: the default AWS credential chain'),
  secretAccessKey: secretRef.optional().describe('stated together with accessKeyId'),
  sessionToken: secretRef.optional().describe('for temporary credentials'),
  checksum: z
    .enum(['sha256', 'crc32', 'none'])
    .default('sha256')
    .describe('checksum that the server is asked to check'),
  createOnly: z
    .enum(['if-none-match', 'none'])
    .default('if-none-match')
    .describe('none: for stores that ignore conditional writes'),
  multipartThreshold: size.default(parseSize('64MiB')!).describe('larger objects are sent in parts'),
  partSize: size.default(parseSize('16MiB')!).describe('of one part'),
  storageClass: z.string().optional().describe("the provider's name, e.g. STANDARD_IA"),
  objectLock: z
    .strictObject({
      mode: z.enum(['GOVERNANCE', 'COMPLIANCE']).describe('COMPLIANCE: nobody can delete before the time is over'),
      retain: duration.describe('how long each object is locked'),
    })
    .optional()
    .describe('lock new objects; the bucket must have Object Lock'),
});
export const storeSchema = z.discriminatedUnion('adapter', [filesystemStoreSchema, s3StoreSchema]);

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
        shutdownGrace: duration
          .default(parseDuration('30s')!)
          .describe('how long running work may finish after SIGTERM before it is handed over'),
        metrics: z.string().optional().describe('address:port for Prometheus, e.g. 127.0.0.1:9464'),
      })
      .prefault({})
      .describe('what one worker takes on'),
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
