/** The section `stores` of holdfast.yaml: one schema for each adapter. */
import { z } from 'zod';
import { priceSchema, quotaSchema } from './cost-schema';
import { duration, name, secretRef, size } from './fields';
import { applyPreset, missingForEndpoint, S3_PRESET_NAMES } from './s3-presets';
import { parseDuration, parseSize } from './units';

const CHUNK_UNIT = 256 * 1024;

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
  provider: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/)
    .optional()
    .describe('kind of media or provider, for the copy policy; absent: `disk`, or who runs the endpoint'),
  account: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('who pays or holds it, for the copy policy: stores of one account are warned of'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._/=-]*$/)
    .default('')
    .describe('put before every key, e.g. `backups/`'),
  limits: storeLimits.prefault({}).describe('what Holdfast may ask of the store'),
  quota: quotaSchema.optional().describe('when the store counts as full; absent = when its disk is, where it has one'),
  price: priceSchema.optional().describe('what it costs; absent = not reckoned'),
};
export const filesystemStoreSchema = z.strictObject({
  ...storeCommon,
  adapter: z.literal('filesystem').describe('a folder'),
  path: z.string().min(1).describe('the folder; relative to the config file'),
  region: z.string().min(1).optional().describe('where the disk stands, for the copy policy'),
  minFree: size.default(parseSize('256MiB')!).describe('writes that would leave less free space are refused'),
});
const s3Credential = z.strictObject({
  accessKeyId: secretRef.describe('of this key'),
  secretAccessKey: secretRef.describe('of this key'),
  sessionToken: secretRef.optional().describe('for temporary credentials'),
});
const s3Fields = z.strictObject({
  ...storeCommon,
  adapter: z.literal('s3').describe('any store that speaks S3'),
  preset: z
    .enum(S3_PRESET_NAMES)
    .optional()
    .describe('whose store it is: sets endpoint, region, pathStyle, checksum and createOnly where they are not stated'),
  accountId: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, { error: 'letters, digits and hyphens' })
    .optional()
    .describe('account id (r2) or project (supabase), from which the preset makes the endpoint'),
  bucket: z.string().min(1).describe('must exist'),
  region: z.string().min(1).optional().describe('the region of the bucket; absent: as the preset says, or us-east-1'),
  endpoint: z.url().optional().describe('of a store other than AWS; absent: as the preset says'),
  pathStyle: z
    .boolean()
    .optional()
    .describe(
      'bucket in the path, not in the host name; most own servers want it; absent: as the preset says, or false',
    ),
  accessKeyId: secretRef.optional().describe('absent: the default AWS credential chain'),
  secretAccessKey: secretRef.optional().describe('stated together with accessKeyId'),
  sessionToken: secretRef.optional().describe('for temporary credentials'),
  credentials: z
    .strictObject({
      write: s3Credential.optional().describe('puts objects, and looks at what is there before'),
      read: s3Credential.optional().describe('gets and lists objects; absent: as for writing'),
      delete: s3Credential.optional().describe('deletes objects; absent: retention is refused in this process'),
    })
    .optional()
    .describe('keys of their own for writing, reading and deleting; accessKeyId, if stated, serves what is not named'),
  checksum: z
    .enum(['sha256', 'crc32', 'none'])
    .optional()
    .describe('checksum that the server is asked to check; absent: as the preset says, or sha256'),
  createOnly: z
    .enum(['if-none-match', 'none'])
    .optional()
    .describe('none: for stores that ignore conditional writes; absent: as the preset says, or if-none-match'),
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
export const s3StoreSchema = s3Fields.transform((stated, ctx) => {
  for (const field of missingForEndpoint(stated))
    ctx.issues.push({
      code: 'custom',
      path: [field],
      message: `the preset ${stated.preset} needs ${field === 'endpoint' ? field : `${field}, or the whole endpoint`}`,
      input: stated,
    });
  return applyPreset(stated);
});
/** One reference for each kind of call, for stores whose credential is one secret. */
const roleCredentials = z.strictObject({
  write: secretRef.optional().describe('puts objects, and looks at what is there before'),
  read: secretRef.optional().describe('gets and lists objects; absent: as for writing'),
  delete: secretRef.optional().describe('deletes objects; absent: retention is refused in this process'),
});
/** Google takes chunks of a multiple of 256 KiB only; emulators take anything. */
const chunkSize = size.refine((bytes) => bytes > 0 && bytes % CHUNK_UNIT === 0, {
  error: 'a multiple of 256KiB, such as 8MiB',
});
export const gcsStoreSchema = z.strictObject({
  ...storeCommon,
  adapter: z.literal('gcs').describe('Google Cloud Storage'),
  bucket: z.string().min(1).describe('must exist; without gs://'),
  region: z.string().min(1).optional().describe('location of the bucket, for the copy policy, e.g. europe-west3'),
  credentials: z
    .union([secretRef, roleCredentials], { error: 'a reference to a secret, or one each for write, read and delete' })
    .optional()
    .describe(
      'the JSON key of a service account, or keys of their own for write, read and delete; absent: the default credentials, such as workload identity',
    ),
  anonymous: z.boolean().default(false).describe('send no credentials; for emulators'),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('of an emulator or a private endpoint'),
  resumableThreshold: size
    .default(parseSize('16MiB')!)
    .describe('larger objects are sent in chunks and can be resumed'),
  chunkSize: chunkSize.default(parseSize('16MiB')!).describe('of one chunk; a multiple of 256KiB'),
  storageClass: z
    .enum(['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'])
    .optional()
    .describe("absent: the bucket's; all but STANDARD bill a minimum time of storage and each read"),
});
export const supabaseStoreSchema = z.strictObject({
  ...storeCommon,
  adapter: z.literal('supabase').describe('Supabase Storage by its own API'),
  url: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/^https:\/\/[^/]+\.supabase\.(co|in|red)\/*$/.test(url), {
      error: 'the base URL of the storage API; for a hosted project https://REF.supabase.co/storage/v1',
    })
    .transform((url) => url.replace(/\/+$/, ''))
    .describe(
      'base URL of the storage API, e.g. https://REF.supabase.co/storage/v1; without a gateway the bare address',
    ),
  bucket: z
    .string()
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._=-]{1,100}$/, {
      error: 'a bucket name of [A-Za-z0-9._=-], at most 100 characters',
    })
    .describe('must exist; a private one'),
  key: secretRef
    .optional()
    .describe(
      'the service key (service_role or sb_secret_…), read anew for each request; required unless `credentials` is stated',
    ),
  credentials: roleCredentials
    .optional()
    .describe('keys of their own for writing, reading and deleting; `key`, if stated, serves what is not named'),
  region: z.string().min(1).optional().describe('where the project runs, for the copy policy'),
  tusThreshold: size
    .default(parseSize('6MiB')!)
    .describe('larger objects are sent by TUS, in chunks of 6 MiB that are resumed'),
  verifyUploads: z
    .boolean()
    .default(true)
    .describe('read each object back after its upload: this store checks no checksum; counts as egress'),
});
export const storeSchema = z.discriminatedUnion('adapter', [
  filesystemStoreSchema,
  s3StoreSchema,
  gcsStoreSchema,
  supabaseStoreSchema,
]);
