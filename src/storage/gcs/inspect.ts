/** Asks a bucket for the settings that matter to backups. Reads only. */
import type { StoreFinding } from '../object-store';
import { judgeGcsBucket, untold, type BucketResource } from './bucket-settings';
import { GcsRefusal, jsonOf, type GcsClient } from './client';
import type { GcsErrorContext } from './errors';

const FIELDS =
  'location,storageClass,versioning,softDeletePolicy,retentionPolicy,defaultEventBasedHold,lifecycle,autoclass,iamConfiguration';

/** One request. A bucket that does not describe itself to these credentials, or at all, is unknown, and no failure. */
export async function inspectGcsBucket(
  client: GcsClient,
  prefix: string,
  context: GcsErrorContext,
  signal: AbortSignal | undefined,
): Promise<readonly StoreFinding[]> {
  const { bucket, storageClass, region } = client.config;
  try {
    const answer = await client.ask({
      method: 'GET',
      at: `/storage/v1/b/${encodeURIComponent(bucket)}`,
      query: { fields: FIELDS },
      signal,
      context,
    });
    return judgeGcsBucket(jsonOf<BucketResource>(answer, context), { prefix, storageClass, region });
  } catch (error) {
    if (!(error instanceof GcsRefusal)) throw error;
    const { status } = error.fault;
    if (status === 403) return untold('needs storage.buckets.get');
    if (status === 404 || status === 405 || status === 501) return untold('the store does not tell');
    throw error.storeError;
  }
}
