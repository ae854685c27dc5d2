/** Asks a bucket for the settings that matter to backups. Reads only. */
import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  type GetObjectLockConfigurationCommandOutput,
  type LifecycleRule as SdkRule,
} from '@aws-sdk/client-s3';
import type { S3StoreConfig } from '../../config/schema';
import { isSupabaseEndpoint, S3_PRESETS } from '../../config/s3-presets';
import type { StoreFinding } from '../object-store';
import { abortReason, throwIfAborted } from '../timing';
import { judgeBucket, type BucketSettings, type LifecycleRule, type NotTold } from './bucket-settings';
import { codeOf, s3Error, statusOf, type S3ErrorContext } from './errors';
import type { S3Access } from './requests';

/** Answers that mean: this store has no such setting, or does not tell. */
const NOT_SUPPORTED = new Set(['NotImplemented', 'MethodNotAllowed', 'InvalidRequest', 'XNotImplemented']);

/**
 * Versioning, Object Lock and lifecycle of the bucket, judged. Nothing is asked of a store that takes requests for
 * subresources for something else: at Supabase they replace objects.
 */
export async function inspectBucket(
  { client, config }: S3Access,
  prefix: string,
  context: S3ErrorContext,
  signal: AbortSignal | undefined,
): Promise<readonly StoreFinding[]> {
  if (!mayAskForSettings(config)) return [];
  const Bucket = config.bucket;
  const options = { abortSignal: signal };
  const ask = async <Value>(
    permission: string,
    absent: { readonly code: string; readonly means: Value } | null,
    request: () => Promise<Value>,
  ): Promise<Value | NotTold> => {
    throwIfAborted(signal);
    try {
      return await request();
    } catch (error) {
      if (signal?.aborted) throw abortReason(signal);
      if (absent !== null && codeOf(error) === absent.code) return absent.means;
      if (statusOf(error) === 403) return { notTold: `needs ${permission}` };
      if (statusOf(error) === 501 || statusOf(error) === 405 || NOT_SUPPORTED.has(codeOf(error)))
        return { notTold: 'the store does not tell' };
      throw s3Error(error, context);
    }
  };
  const settings: BucketSettings = {
    versioning: await ask('s3:GetBucketVersioning', null, async () => {
      const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket }), options);
      return Status === 'Enabled' ? 'enabled' : Status === 'Suspended' ? 'suspended' : 'off';
    }),
    objectLock: await ask<{ retention: string | null } | null>(
      's3:GetBucketObjectLockConfiguration',
      { code: 'ObjectLockConfigurationNotFoundError', means: null },
      async () => lockOf(await client.send(new GetObjectLockConfigurationCommand({ Bucket }), options)),
    ),
    lifecycle: await ask<readonly LifecycleRule[]>(
      's3:GetLifecycleConfiguration',
      { code: 'NoSuchLifecycleConfiguration', means: [] },
      async () => {
        const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }), options);
        return (Rules ?? []).map(ruleOf);
      },
    ),
  };
  return judgeBucket(settings, { prefix, objectLock: config.objectLock });
}

/** False for Supabase, by preset or by address: one without a gateway in front ends in `/s3` alone. */
export function mayAskForSettings(config: Pick<S3StoreConfig, 'preset' | 'endpoint'>): boolean {
  if (isSupabaseEndpoint(config.endpoint)) return false;
  if (config.preset !== undefined) return S3_PRESETS[config.preset].bucketSettings;
  return config.endpoint === undefined || !/\/s3\/?$/.test(new URL(config.endpoint).pathname);
}

function lockOf({ ObjectLockConfiguration: lock }: GetObjectLockConfigurationCommandOutput) {
  if (lock?.ObjectLockEnabled !== 'Enabled') return null;
  const { Mode, Days, Years } = lock.Rule?.DefaultRetention ?? {};
  const time = Days ? `${Days} days` : Years ? `${Years} years` : null;
  return { retention: time === null ? null : `${Mode ?? 'unknown mode'}, ${time}` };
}

function ruleOf(rule: SdkRule): LifecycleRule {
  const { Filter: filter, Expiration: expiration } = rule;
  const when = (days: number | undefined, date: Date | undefined) =>
    date ? `on ${date.toISOString().slice(0, 10)}` : `after ${days ?? 0} days`;
  return {
    id: rule.ID || null,
    enabled: rule.Status === 'Enabled',
    // Rules of the older form have the prefix outside of a filter.
    prefix: filter?.And?.Prefix ?? filter?.Prefix ?? (rule as { Prefix?: string }).Prefix ?? '',
    tagged: filter?.Tag !== undefined || (filter?.And?.Tags ?? []).length > 0,
    expires: expiration?.Days || expiration?.Date ? when(expiration.Days, expiration.Date) : null,
    transitions: (rule.Transitions ?? []).map(({ Days, Date: date, StorageClass }) => ({
      when: when(Days, date),
      storageClass: StorageClass ?? 'another class',
    })),
    expiresOldVersions: Boolean(rule.NoncurrentVersionExpiration?.NoncurrentDays),
  };
}
