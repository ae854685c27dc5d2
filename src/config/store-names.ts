/** Names that a provider cannot hold, and settings that it is known not to honour. Pure; reads the file as parsed. */
import { type ConfigPath, type Finding } from './fault';
import { isS3PresetName, isSupabaseEndpoint, S3_PRESETS, type BucketNames, type S3Preset } from './s3-presets';

/** The longest name below a prefix: `<database>/proofs/<backup>/<store>`, or a segment's. */
const LONGEST_KEY = 300;
/** S3, Google Cloud Storage and Supabase take 1,024 bytes. */
const MAX_KEY = 1024;
const MAX_PART = 255;
const RESERVED = ['.holdfast-tmp', '.holdfast-canary'];

/** Google: 3 to 63 of a-z 0-9 - _ and dots; with dots up to 222. https://cloud.google.com/storage/docs/buckets#naming */
const GCS_BUCKETS: BucketNames = {
  min: 3,
  max: 222,
  pattern: /^(?!goog)(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)(?=[a-z0-9_-]{3,63}$|.*\.)[a-z0-9][a-z0-9._-]*[a-z0-9]$/,
  rule: '3 to 63 of a-z, 0-9, hyphen and underscore (222 with dots), begins and ends with a letter or digit, not with goog',
};

/** Faults of bucket and prefix, as far as the provider is known. */
export function storeNameFaults(stores: readonly unknown[]): readonly Finding[] {
  return stores.flatMap((store, index) => {
    const path: ConfigPath = ['stores', index];
    return [...bucketFaults(store, path, 'fault'), ...prefixFaults(store, path), ...accountFaults(store, path)];
  });
}

/** What works, but is likely not meant so. */
export function storeWarnings(root: unknown): readonly Finding[] {
  const stores = field(root, 'stores');
  if (!Array.isArray(stores)) return [];
  return stores.flatMap((store: unknown, index) => {
    const path: ConfigPath = ['stores', index];
    return [...bucketFaults(store, path, 'warning'), ...presetWarnings(store, path)];
  });
}

function bucketFaults(store: unknown, path: ConfigPath, wanted: 'fault' | 'warning'): Finding[] {
  const bucket = field(store, 'bucket');
  if (typeof bucket !== 'string' || bucket === '') return [];
  const known = bucketRules(store);
  if (known === null || known.kind !== wanted) return [];
  const { min, max, pattern, rule } = known.names;
  if (bucket.length >= min && bucket.length <= max && pattern.test(bucket)) return [];
  return [
    { path: [...path, 'bucket'], at: 'value', message: `${known.who} has no bucket of this name: ${rule}`, hint: null },
  ];
}

function bucketRules(store: unknown): { who: string; names: BucketNames; kind: 'fault' | 'warning' } | null {
  const adapter = field(store, 'adapter');
  if (adapter === 'gcs') return { who: 'Google Cloud Storage', names: GCS_BUCKETS, kind: 'fault' };
  if (adapter === 'supabase') return { who: 'Supabase Storage', names: S3_PRESETS.supabase.bucketNames, kind: 'fault' };
  if (adapter !== 's3') return null;
  const preset = field(store, 'preset');
  if (isS3PresetName(preset)) {
    const { title, bucketNames } = S3_PRESETS[preset];
    return { who: title, names: bucketNames, kind: 'fault' };
  }
  // Buckets of the first years at AWS have names that are not allowed any more.
  if (field(store, 'endpoint') === undefined)
    return { who: 'Amazon S3', names: S3_PRESETS.aws.bucketNames, kind: 'warning' };
  return null;
}

function prefixFaults(store: unknown, path: ConfigPath): Finding[] {
  const prefix = field(store, 'prefix');
  if (typeof prefix !== 'string') return [];
  const fault = (message: string): Finding => ({ path: [...path, 'prefix'], at: 'value', message, hint: null });
  const parts = prefix.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..')) return [fault('has a part . or ..')];
  if (parts.some((part) => part.length > MAX_PART)) return [fault(`has a part of more than ${MAX_PART} characters`)];
  if (RESERVED.includes(parts[0] ?? '')) return [fault(`${parts[0]} is a name that Holdfast needs itself`)];
  if (prefix.length > MAX_KEY - LONGEST_KEY)
    return [fault(`is longer than ${MAX_KEY - LONGEST_KEY} characters: the keys below it would be too long`)];
  return [];
}

function accountFaults(store: unknown, path: ConfigPath): Finding[] {
  if (field(store, 'adapter') !== 's3' || field(store, 'accountId') === undefined) return [];
  const preset = field(store, 'preset');
  if (isS3PresetName(preset) && S3_PRESETS[preset].endpoint?.includes('{accountId}')) return [];
  return [{ path: [...path, 'accountId'], at: 'key', message: 'counts with preset: r2 or supabase only', hint: null }];
}

function presetWarnings(store: unknown, path: ConfigPath): Finding[] {
  if (field(store, 'adapter') !== 's3') return [];
  const name = field(store, 'preset');
  const endpoint = field(store, 'endpoint');
  if (!isS3PresetName(name)) {
    if (typeof endpoint !== 'string' || !isSupabaseEndpoint(endpoint)) return [];
    return [
      {
        path: [...path, 'endpoint'],
        at: 'value',
        message: 'is the S3 endpoint of Supabase Storage, which ignores conditional writes and checks nothing',
        hint: 'State preset: supabase, or use adapter: supabase',
      },
    ];
  }
  const preset = S3_PRESETS[name];
  const warn = (at: string, message: string, hint: string | null = null): Finding => ({
    path: [...path, at],
    at: 'value',
    message: `${preset.title}: ${message}`,
    hint,
  });
  return [
    ...preset.unsupported
      .filter((rule) => rule.values.includes(field(store, rule.field) as string | boolean))
      .map((rule) => warn(rule.field, rule.why, 'Leave the field out: the preset sets what the provider can do')),
    ...valueWarnings(preset, store, warn),
  ];
}

function valueWarnings(
  preset: S3Preset,
  store: unknown,
  warn: (at: string, message: string, hint?: string | null) => Finding,
): Finding[] {
  const found: Finding[] = [];
  const region = field(store, 'region');
  if (preset.regions !== null && typeof region === 'string' && !preset.regions.includes(region))
    found.push(warn('region', `no region of this name is known; known are ${preset.regions.join(', ')}`));
  const storageClass = field(store, 'storageClass');
  if (preset.storageClasses !== null && typeof storageClass === 'string')
    if (/^(GLACIER|DEEP_ARCHIVE)$/.test(storageClass))
      found.push(warn('storageClass', 'objects of this class cannot be read directly, so no copy in it can be proved'));
    else if (!preset.storageClasses.includes(storageClass))
      found.push(warn('storageClass', `no class of this name is known; known are ${preset.storageClasses.join(', ')}`));
  if (!preset.objectLock && field(store, 'objectLock') !== undefined)
    found.push(warn('objectLock', 'objects cannot be locked through its S3 API', 'Leave the field out'));
  return found;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
