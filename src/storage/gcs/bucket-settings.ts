/** What the settings of a Google bucket do to backups. Pure: the bucket's own description in, findings out. */
import { CANARY_FOLDER } from '../keys';
import type { StoreFinding } from '../object-store';

/** Members of Google's bucket resource that are looked at. */
export interface BucketResource {
  readonly location?: string;
  readonly storageClass?: string;
  readonly versioning?: { readonly enabled?: boolean };
  /** Periods are seconds as text in its JSON. */
  readonly softDeletePolicy?: { readonly retentionDurationSeconds?: string };
  readonly retentionPolicy?: { readonly retentionPeriod?: string; readonly isLocked?: boolean };
  readonly defaultEventBasedHold?: boolean;
  readonly lifecycle?: { readonly rule?: readonly GcsLifecycleRule[] };
  readonly autoclass?: { readonly enabled?: boolean };
  readonly iamConfiguration?: { readonly uniformBucketLevelAccess?: { readonly enabled?: boolean } };
}

export interface GcsLifecycleRule {
  readonly action?: { readonly type?: string; readonly storageClass?: string };
  readonly condition?: {
    readonly age?: number;
    readonly createdBefore?: string;
    readonly isLive?: boolean;
    readonly numNewerVersions?: number;
    readonly daysSinceNoncurrentTime?: number;
    readonly noncurrentTimeBefore?: string;
    readonly customTimeBefore?: string;
    readonly daysSinceCustomTime?: number;
    readonly matchesPrefix?: readonly string[];
    readonly matchesSuffix?: readonly string[];
    readonly matchesStorageClass?: readonly string[];
  };
}

export interface GcsPlace {
  /** Normalised prefix of the store: empty, or ends in `/`. */
  readonly prefix: string;
  /** As configured; undefined: the bucket's. */
  readonly storageClass?: string;
  /** As configured, for the copy policy. */
  readonly region?: string;
}

export function judgeGcsBucket(bucket: BucketResource, place: GcsPlace): readonly StoreFinding[] {
  return [
    judgeVersioning(bucket),
    judgeSoftDelete(bucket),
    ...judgeRetention(bucket),
    ...judgeLifecycle(bucket, place),
    ...judgeRegion(bucket, place),
    judgeAccess(bucket),
  ];
}

/** Where the bucket does not describe itself to these credentials. */
export function untold(why: string): readonly StoreFinding[] {
  const abouts = ['versioning', 'soft-delete', 'retention-policy', 'lifecycle'] as const;
  const hint = 'grant storage.buckets.get, as roles/storage.legacyBucketReader does, to whoever reads there';
  return abouts.map((about) => ({ about, level: 'unknown', detail: `unknown (${why})`, hint }));
}

function judgeVersioning({ versioning, lifecycle }: BucketResource): StoreFinding {
  const about = 'versioning';
  if (versioning?.enabled !== true) return ok(about, 'off');
  const cleaned = (lifecycle?.rule ?? []).some(({ action, condition }) => {
    return action?.type === 'Delete' && condition !== undefined && isOfOldVersions(condition);
  });
  if (cleaned) return ok(about, 'on; a lifecycle rule deletes old versions');
  return warning(
    about,
    'on: what retention deletes stays as an old version, and is paid for',
    'add a lifecycle rule that deletes noncurrent versions after some days, and nothing else',
  );
}

function judgeSoftDelete({ softDeletePolicy }: BucketResource): StoreFinding {
  const about = 'soft-delete';
  const seconds = Number(softDeletePolicy?.retentionDurationSeconds ?? 0);
  if (!(seconds > 0)) return ok(about, 'off');
  // Expected: it is Google's default, and the last help after a deletion by mistake.
  return ok(about, `on: what retention deletes can be taken back for ${days(seconds)}, and is paid for until then`);
}

function judgeRetention({ retentionPolicy, defaultEventBasedHold }: BucketResource): readonly StoreFinding[] {
  const about = 'retention-policy';
  const seconds = Number(retentionPolicy?.retentionPeriod ?? 0);
  const findings: StoreFinding[] = [];
  if (seconds > 0)
    findings.push(
      warning(
        about,
        `every object is kept for ${days(seconds)}${retentionPolicy?.isLocked === true ? ', locked for good' : ''}: retention cannot free its space before, nothing can be healed in place before`,
        'keep it shorter than the retention of backups; it is what protects copies from a stolen key',
      ),
    );
  if (defaultEventBasedHold === true)
    findings.push(
      warning(
        about,
        'every new object gets an event-based hold: retention can delete none of them',
        'switch the default event-based hold of the bucket off; Holdfast releases no holds',
      ),
    );
  return findings.length > 0 ? findings : [ok(about, 'none')];
}

function judgeLifecycle(bucket: BucketResource, place: GcsPlace): readonly StoreFinding[] {
  const about = 'lifecycle';
  const all = bucket.lifecycle?.rule ?? [];
  const writes = place.storageClass ?? bucket.storageClass;
  const findings = all.flatMap((rule): StoreFinding[] => {
    if (!touchesBackups(rule, place.prefix, bucket.autoclass?.enabled === true ? undefined : writes)) return [];
    const when = whenOf(rule);
    if (rule.action?.type === 'Delete')
      return [
        warning(
          about,
          `a lifecycle rule deletes objects of backups ${when}`,
          'remove the rule or limit it to another prefix: segments are shared by old and new backups',
        ),
      ];
    if (rule.action?.type !== 'SetStorageClass') return [];
    return [
      warning(
        about,
        `a lifecycle rule moves objects of backups to ${rule.action.storageClass ?? 'another class'} ${when}: each proof pays for reading them`,
        'limit the rule to another prefix, or set storageClass of this store instead',
      ),
    ];
  });
  if (bucket.autoclass?.enabled === true)
    findings.push(
      ok(about, 'Autoclass moves objects that are not read to colder classes; reading them costs nothing extra'),
    );
  if (findings.length > 0) return findings;
  return [ok(about, all.length === 0 ? 'no rules' : 'no rule deletes or moves objects of backups')];
}

function judgeRegion({ location }: BucketResource, { region }: GcsPlace): readonly StoreFinding[] {
  if (location === undefined) return [];
  const found = location.toLowerCase();
  if (region === undefined || region.toLowerCase() === found) return [ok('region', found)];
  return [
    warning(
      'region',
      `the bucket stands in ${found}, and region of this store says ${region}`,
      `set region: ${found} for this store; the copy policy judges by it`,
    ),
  ];
}

function judgeAccess({ iamConfiguration }: BucketResource): StoreFinding {
  const about = 'access';
  if (iamConfiguration?.uniformBucketLevelAccess?.enabled === true) return ok(about, 'uniform: by IAM alone');
  return warning(
    about,
    'access is not uniform: lists of single objects can open them beside IAM',
    'switch uniform bucket-level access on',
  );
}

/** Whether a rule can apply to current objects below the prefix of the store, canaries aside. */
function touchesBackups({ condition = {} }: GcsLifecycleRule, prefix: string, storageClass?: string): boolean {
  if (isOfOldVersions(condition)) return false;
  // Ours have no custom time, so such a condition never holds.
  if (condition.customTimeBefore !== undefined || condition.daysSinceCustomTime !== undefined) return false;
  const { matchesPrefix = [], matchesSuffix = [], matchesStorageClass = [] } = condition;
  const meets = (start: string) =>
    !start.startsWith(`${prefix}${CANARY_FOLDER}`) && (start.startsWith(prefix) || prefix.startsWith(start));
  if (matchesPrefix.length > 0 && !matchesPrefix.some(meets)) return false;
  // Names of ours have no ending, but for holdfast.json.
  const ends = (suffix: string) => !suffix.includes('.') || 'holdfast.json'.endsWith(suffix);
  if (matchesSuffix.length > 0 && !matchesSuffix.some(ends)) return false;
  const others = matchesStorageClass.length > 0 && storageClass !== undefined;
  return !others || matchesStorageClass.includes(storageClass);
}

function isOfOldVersions(condition: NonNullable<GcsLifecycleRule['condition']>): boolean {
  const { isLive, numNewerVersions, daysSinceNoncurrentTime, noncurrentTimeBefore } = condition;
  return (
    isLive === false ||
    (numNewerVersions ?? 0) > 0 ||
    daysSinceNoncurrentTime !== undefined ||
    noncurrentTimeBefore !== undefined
  );
}

function whenOf({ condition }: GcsLifecycleRule): string {
  if (condition?.age !== undefined) return `after ${condition.age} days`;
  return condition?.createdBefore === undefined ? 'at once' : `created before ${condition.createdBefore}`;
}

function days(seconds: number): string {
  const count = Math.round((seconds / 86_400) * 10) / 10;
  return count >= 1 ? `${count} days` : `${seconds} seconds`;
}

function ok(about: StoreFinding['about'], detail: string): StoreFinding {
  return { about, level: 'ok', detail, hint: '' };
}
function warning(about: StoreFinding['about'], detail: string, hint: string): StoreFinding {
  return { about, level: 'warning', detail, hint };
}
