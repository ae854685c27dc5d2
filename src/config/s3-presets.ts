/** What is known of the stores that speak S3: the defaults that suit each, and what each cannot do. One row a provider. */

export const S3_PRESET_NAMES = ['aws', 'r2', 'b2', 'minio', 'wasabi', 'hetzner', 'supabase', 'versitygw'] as const;
export type S3PresetName = (typeof S3_PRESET_NAMES)[number];

/** Defaults of the fields that a preset decides; what the file states wins. */
export interface S3Defaults {
  readonly region: string;
  readonly pathStyle: boolean;
  readonly checksum: 'sha256' | 'crc32' | 'none';
  readonly createOnly: 'if-none-match' | 'none';
}

export interface S3Preset {
  /** As people know it. */
  readonly title: string;
  /** `region` null: there is no usual one, it is to be stated. */
  readonly defaults: Omit<S3Defaults, 'region'> & { readonly region: string | null };
  /** With `{region}` or `{accountId}` in it; null: the SDK knows it; `stated`: a server of one's own. */
  readonly endpoint: string | null;
  /** Regions that the provider takes; null: any. */
  readonly regions: readonly string[] | null;
  /** Storage classes that may be asked for; null: any name. */
  readonly storageClasses: readonly string[] | null;
  readonly objectLock: boolean;
  /** Settings of the bucket can be asked for without doing harm. */
  readonly bucketSettings: boolean;
  /** Values that the provider is known not to honour, and why. */
  readonly unsupported: readonly UnsupportedValue[];
  readonly bucketNames: BucketNames;
  /** The vendor's documentation that the row rests on. */
  readonly sources: readonly string[];
}

export interface UnsupportedValue {
  readonly field: 'checksum' | 'createOnly' | 'pathStyle';
  readonly values: readonly (string | boolean)[];
  readonly why: string;
}

export interface BucketNames {
  readonly min: number;
  readonly max: number;
  readonly pattern: RegExp;
  /** The rule in words. */
  readonly rule: string;
}

/** Without a preset: what AWS has, which most others have too. */
export const S3_FALLBACK: S3Defaults = {
  region: 'us-east-1',
  pathStyle: false,
  checksum: 'sha256',
  createOnly: 'if-none-match',
};

const DNS_NAMES: BucketNames = {
  min: 3,
  max: 63,
  pattern: /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]*[a-z0-9]$/,
  rule: '3 to 63 of a-z, 0-9, dot and hyphen, begins and ends with a letter or digit, no two dots, no IP address',
};

/** Every body is sent with its SHA-256 inside the signature, so that `checksum: none` still leaves one check. */
export const S3_PRESETS: Readonly<Record<S3PresetName, S3Preset>> = {
  /**
   * Conditional writes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
   * Checksums: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
   * Storage classes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
   * Bucket names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
   */
  aws: {
    title: 'Amazon S3',
    defaults: { ...S3_FALLBACK, region: 'us-east-1' },
    endpoint: null,
    regions: null,
    storageClasses: [
      'STANDARD',
      'STANDARD_IA',
      'ONEZONE_IA',
      'INTELLIGENT_TIERING',
      'GLACIER_IR',
      'REDUCED_REDUNDANCY',
      'EXPRESS_ONEZONE',
    ],
    objectLock: true,
    bucketSettings: true,
    unsupported: [],
    bucketNames: DNS_NAMES,
    sources: [
      'https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html',
      'https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html',
    ],
  },
  /**
   * Region `auto`, SHA-256 as a composite checksum, no Object Lock headers: https://developers.cloudflare.com/r2/api/s3/api/
   * `If-None-Match: *` on PutObject and CompleteMultipartUpload:
   * https://developers.cloudflare.com/r2/api/s3/conditional-operations/
   * All parts but the last of one size: https://developers.cloudflare.com/r2/objects/multipart-objects/
   */
  r2: {
    title: 'Cloudflare R2',
    defaults: { region: 'auto', pathStyle: true, checksum: 'sha256', createOnly: 'if-none-match' },
    endpoint: 'https://{accountId}.r2.cloudflarestorage.com',
    regions: ['auto', 'us-east-1'],
    storageClasses: ['STANDARD', 'STANDARD_IA'],
    objectLock: false,
    bucketSettings: true,
    unsupported: [],
    bucketNames: {
      min: 3,
      max: 63,
      pattern: /^[a-z0-9][a-z0-9-]*[a-z0-9]$/,
      rule: '3 to 63 of a-z, 0-9 and hyphen, begins and ends with a letter or digit',
    },
    sources: [
      'https://developers.cloudflare.com/r2/api/s3/api/',
      'https://developers.cloudflare.com/r2/api/s3/conditional-operations/',
    ],
  },
  /**
   * Endpoint, v4 signatures, Object Lock, headers that are refused:
   * https://www.backblaze.com/docs/cloud-storage-s3-compatible-api and
   * https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api
   * x-amz-checksum-sha256 is answered by 400 (iterate-ch/cyberduck#16107), a conditional PutObject by NotImplemented
   * (sathinduga/obsidian-s3-sync-and-backup#78).
   */
  b2: {
    title: 'Backblaze B2',
    defaults: { region: null, pathStyle: false, checksum: 'none', createOnly: 'none' },
    endpoint: 'https://s3.{region}.backblazeb2.com',
    regions: null,
    storageClasses: ['STANDARD'],
    objectLock: true,
    bucketSettings: true,
    unsupported: [
      { field: 'createOnly', values: ['if-none-match'], why: 'conditional writes are answered by NotImplemented' },
      { field: 'checksum', values: ['sha256'], why: 'the header x-amz-checksum-sha256 is refused' },
    ],
    bucketNames: {
      min: 6,
      max: 63,
      pattern: /^(?!b2-)[A-Za-z0-9][A-Za-z0-9-]*$/i,
      rule: '6 to 63 letters, digits and hyphens, not beginning with b2-',
    },
    sources: ['https://www.backblaze.com/docs/cloud-storage-s3-compatible-api'],
  },
  /**
   * https://docs.min.io/community/minio-object-store/reference/s3-api-compatibility.html ; conditional writes, checksums,
   * Object Lock and versioning are used by this project's own tests against a MinIO server.
   */
  minio: {
    title: 'MinIO',
    defaults: { region: 'us-east-1', pathStyle: true, checksum: 'sha256', createOnly: 'if-none-match' },
    endpoint: 'stated',
    regions: null,
    storageClasses: ['STANDARD', 'REDUCED_REDUNDANCY'],
    objectLock: true,
    bucketSettings: true,
    unsupported: [],
    bucketNames: DNS_NAMES,
    sources: ['https://docs.min.io/community/minio-object-store/reference/s3-api-compatibility.html'],
  },
  /**
   * Endpoints: https://docs.wasabi.com/docs/service-urls-for-wasabis-storage-regions ; API and its differences:
   * https://docs.wasabi.com/apidocs/wasabi-api and https://docs.wasabi.com/docs/operations-on-objects. Neither conditional
   * writes nor x-amz-checksum headers are documented, so neither is relied on; `holdfast store check` shows whether a
   * region honours `createOnly: if-none-match`.
   */
  wasabi: {
    title: 'Wasabi',
    defaults: { region: null, pathStyle: false, checksum: 'none', createOnly: 'none' },
    endpoint: 'https://s3.{region}.wasabisys.com',
    regions: null,
    storageClasses: ['STANDARD'],
    objectLock: true,
    bucketSettings: true,
    unsupported: [],
    bucketNames: DNS_NAMES,
    sources: [
      'https://docs.wasabi.com/docs/service-urls-for-wasabis-storage-regions',
      'https://docs.wasabi.com/docs/operations-on-objects',
    ],
  },
  /**
   * Supported actions: https://docs.hetzner.com/storage/object-storage/supported-actions/ (Ceph RGW). A conditional
   * PutObject is honoured and a checksum that comes as a trailer is refused (opentofu/opentofu#2605); checksums as headers
   * are not documented, so none is sent.
   */
  hetzner: {
    title: 'Hetzner Object Storage',
    defaults: { region: null, pathStyle: false, checksum: 'none', createOnly: 'if-none-match' },
    endpoint: 'https://{region}.your-objectstorage.com',
    regions: ['fsn1', 'nbg1', 'hel1'],
    storageClasses: ['STANDARD'],
    objectLock: true,
    bucketSettings: true,
    unsupported: [],
    bucketNames: DNS_NAMES,
    sources: ['https://docs.hetzner.com/storage/object-storage/supported-actions/'],
  },
  /**
   * https://supabase.com/docs/guides/storage/s3/compatibility: no versioning, lock or lifecycle. Measured on Storage 1.11.2:
   * conditional writes are ignored, no checksum is looked at, storage class and lock headers are ignored, path style only,
   * and requests for subresources that it does not know replace or empty the object: none is ever sent.
   */
  supabase: {
    title: 'Supabase Storage (S3 endpoint)',
    defaults: { region: 'us-east-1', pathStyle: true, checksum: 'none', createOnly: 'none' },
    endpoint: 'https://{accountId}.storage.supabase.co/storage/v1/s3',
    regions: null,
    storageClasses: ['STANDARD'],
    objectLock: false,
    bucketSettings: false,
    unsupported: [
      { field: 'createOnly', values: ['if-none-match'], why: 'conditional writes are ignored and overwrite' },
      { field: 'checksum', values: ['sha256', 'crc32'], why: 'checksums are taken and not looked at' },
      { field: 'pathStyle', values: [false], why: 'the bucket has to be in the path' },
    ],
    bucketNames: {
      min: 1,
      max: 100,
      pattern: /^[A-Za-z0-9_!.*'() &$=@;:+,?-]+$/,
      rule: 'at most 100 of the characters that Supabase allows',
    },
    sources: ['https://supabase.com/docs/guides/storage/s3/compatibility'],
  },
  /** https://github.com/versity/versitygw/wiki ; this project's contract suite runs against it. */
  versitygw: {
    title: 'Versity S3 Gateway',
    defaults: { region: 'us-east-1', pathStyle: true, checksum: 'sha256', createOnly: 'if-none-match' },
    endpoint: 'stated',
    regions: null,
    storageClasses: ['STANDARD'],
    objectLock: true,
    bucketSettings: true,
    unsupported: [],
    bucketNames: DNS_NAMES,
    sources: ['https://github.com/versity/versitygw/wiki'],
  },
};

/** What the file may leave to a preset. */
export interface S3Stated {
  readonly preset?: S3PresetName;
  readonly accountId?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly pathStyle?: boolean;
  readonly checksum?: S3Defaults['checksum'];
  readonly createOnly?: S3Defaults['createOnly'];
}

/** The stated values with what the preset, or else AWS, has for those that are not stated. Pure. */
export function applyPreset<Stated extends S3Stated>(stated: Stated): Stated & S3Defaults {
  const preset = stated.preset === undefined ? null : S3_PRESETS[stated.preset];
  const { region: usual, ...defaults } = preset?.defaults ?? S3_FALLBACK;
  const endpoint = stated.endpoint ?? (preset === null ? undefined : endpointOf(preset, stated));
  return {
    ...stated,
    region: stated.region ?? usual ?? S3_FALLBACK.region,
    ...(endpoint === undefined ? {} : { endpoint }),
    pathStyle: stated.pathStyle ?? defaults.pathStyle,
    checksum: stated.checksum ?? defaults.checksum,
    createOnly: stated.createOnly ?? defaults.createOnly,
  };
}

/** What has to be stated before the address of the store is known; empty when it is. */
export function missingForEndpoint(stated: S3Stated): readonly ('region' | 'accountId' | 'endpoint')[] {
  if (stated.preset === undefined || stated.endpoint !== undefined) return [];
  const { endpoint, defaults } = S3_PRESETS[stated.preset];
  if (endpoint === null) return [];
  if (endpoint === 'stated') return ['endpoint'];
  const region = endpoint.includes('{region}') && (stated.region ?? defaults.region ?? undefined) === undefined;
  const accountId = endpoint.includes('{accountId}') && stated.accountId === undefined;
  return [...(region ? (['region'] as const) : []), ...(accountId ? (['accountId'] as const) : [])];
}

function endpointOf(preset: S3Preset, stated: S3Stated): string | undefined {
  if (preset.endpoint === null || missingForEndpoint(stated).length > 0) return undefined;
  const region = stated.region ?? preset.defaults.region ?? '';
  return preset.endpoint.replace('{region}', region).replace('{accountId}', stated.accountId ?? '');
}

export function isS3PresetName(text: unknown): text is S3PresetName {
  return (S3_PRESET_NAMES as readonly unknown[]).includes(text);
}

/** Supabase's S3 endpoint, whether or not the preset is stated: its traps are there all the same. */
export function isSupabaseEndpoint(endpoint: string | undefined): boolean {
  return endpoint !== undefined && /\/storage\/v1\/s3\/?$/.test(endpoint);
}
