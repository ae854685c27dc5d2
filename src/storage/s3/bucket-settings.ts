/** What the settings of a bucket do to backups. Pure: facts in, findings out. */
import type { S3StoreConfig } from '../../config/schema';
import { CANARY_FOLDER } from '../keys';
import type { StoreFinding } from '../object-store';

/** A setting that was asked for and not told, with the reason (`needs s3:GetBucketVersioning`). */
export interface NotTold {
  readonly notTold: string;
}

export interface LifecycleRule {
  /** As the provider names it; null when it has no name. */
  readonly id: string | null;
  readonly enabled: boolean;
  /** Only objects below this prefix; empty: all. */
  readonly prefix: string;
  /** Only objects that have tags, which ours have not. */
  readonly tagged: boolean;
  /** `after 30 days`, `on 2026-12-01`; null: does not delete current objects. */
  readonly expires: string | null;
  readonly transitions: readonly { readonly when: string; readonly storageClass: string }[];
  /** Deletes versions that are not current any more, which is what retention left. */
  readonly expiresOldVersions: boolean;
}

export interface BucketSettings {
  readonly versioning: 'enabled' | 'suspended' | 'off' | NotTold;
  /** null: the bucket has no Object Lock. `retention` null: new objects are not locked by themselves. */
  readonly objectLock: { readonly retention: string | null } | null | NotTold;
  readonly lifecycle: readonly LifecycleRule[] | NotTold;
}

/** Classes from which an object has to be restored before it can be read. */
const ARCHIVES = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/** `prefix` is the normalised prefix of the store: empty, or ends in `/`. */
export function judgeBucket(
  settings: BucketSettings,
  store: { readonly prefix: string; readonly objectLock: S3StoreConfig['objectLock'] },
): readonly StoreFinding[] {
  const rules = isNotTold(settings.lifecycle)
    ? []
    : settings.lifecycle.filter((rule) => touchesBackups(rule, store.prefix));
  return [
    judgeVersioning(settings, rules),
    judgeLock(settings.objectLock, store.objectLock !== undefined),
    ...judgeLifecycle(settings.lifecycle, rules),
  ];
}

function judgeVersioning({ versioning, objectLock }: BucketSettings, rules: readonly LifecycleRule[]): StoreFinding {
  const about = 'versioning';
  if (isNotTold(versioning)) return unknown(about, versioning);
  if (versioning === 'off') return ok(about, 'off');
  if (versioning === 'suspended') return ok(about, 'suspended: versions that were kept before are still there');
  const cleaned = rules.find((rule) => rule.expiresOldVersions);
  if (cleaned) return ok(about, `on; ${titleOf(cleaned)} deletes old versions`);
  // A bucket with Object Lock has versioning always: the same advice, since locked versions outlive their lock.
  const why = objectLock !== null && !isNotTold(objectLock) ? ', as Object Lock demands' : '';
  return warning(
    about,
    `on${why}: what retention deletes stays as an old version, and is paid for`,
    'add a lifecycle rule that expires noncurrent versions after some days, and nothing else',
  );
}

function judgeLock(lock: BucketSettings['objectLock'], wanted: boolean): StoreFinding {
  const about = 'object-lock';
  if (lock !== null && isNotTold(lock)) return unknown(about, lock);
  if (lock === null)
    return wanted
      ? warning(
          about,
          'objectLock is configured for this store, but the bucket has no Object Lock',
          'make a bucket with Object Lock, or remove objectLock from this store',
        )
      : ok(about, 'off');
  if (lock.retention === null) return ok(about, 'on, without a default retention');
  return warning(
    about,
    `every new object is locked (${lock.retention}): retention cannot free its space before`,
    'keep the default retention shorter than the retention of backups, or remove it and set objectLock of this store',
  );
}

function judgeLifecycle(all: BucketSettings['lifecycle'], rules: readonly LifecycleRule[]): readonly StoreFinding[] {
  const about = 'lifecycle';
  if (isNotTold(all)) return [unknown(about, all)];
  const findings = rules.flatMap((rule): StoreFinding[] => {
    const found: StoreFinding[] = [];
    if (rule.expires !== null)
      found.push(
        warning(
          about,
          `${titleOf(rule)} deletes objects of backups ${rule.expires}`,
          'remove the rule or limit it to another prefix: segments are shared by old and new backups',
        ),
      );
    for (const { when, storageClass } of rule.transitions)
      found.push(
        warning(
          about,
          ARCHIVES.has(storageClass)
            ? `${titleOf(rule)} moves objects of backups to ${storageClass} ${when}, where they cannot be read directly`
            : `${titleOf(rule)} moves objects of backups to ${storageClass} ${when}: each proof pays for reading them`,
          'limit the rule to another prefix, or set storageClass of this store instead',
        ),
      );
    return found;
  });
  if (findings.length > 0) return findings;
  return [ok(about, all.length === 0 ? 'no rules' : 'no rule deletes or moves objects of backups')];
}

/** Whether a rule can apply to objects below the prefix of the store, canaries aside. */
function touchesBackups(rule: LifecycleRule, prefix: string): boolean {
  if (!rule.enabled || rule.tagged) return false;
  if (rule.prefix.startsWith(`${prefix}${CANARY_FOLDER}`)) return false;
  return rule.prefix.startsWith(prefix) || prefix.startsWith(rule.prefix);
}

export function isNotTold(value: unknown): value is NotTold {
  return typeof value === 'object' && value !== null && 'notTold' in value;
}

function titleOf(rule: LifecycleRule): string {
  return rule.id === null ? 'a lifecycle rule without a name' : `the lifecycle rule "${rule.id}"`;
}
function ok(about: StoreFinding['about'], detail: string): StoreFinding {
  return { about, level: 'ok', detail, hint: '' };
}
function warning(about: StoreFinding['about'], detail: string, hint: string): StoreFinding {
  return { about, level: 'warning', detail, hint };
}
function unknown(about: StoreFinding['about'], { notTold }: NotTold): StoreFinding {
  return { about, level: 'unknown', detail: `unknown (${notTold})`, hint: '' };
}
