/** Asks Supabase Storage for the settings of the bucket that matter to backups. Reads only. */
import { isHoldfastError } from '../../errors/holdfast-error';
import type { StoreFinding } from '../object-store';
import type { SupabaseAccess, SupabaseBucket } from './access';

const CONTENT_TYPE = 'application/octet-stream';
/** The product has none of these, at the API of its own and at its S3 endpoint. */
const NONE = 'none at this provider: nobody can take back what is deleted';

/** One request. A key that may not see the bucket's settings is told so, and it is no failure. */
export async function inspectSupabaseBucket(
  access: SupabaseAccess,
  signal: AbortSignal | undefined,
): Promise<readonly StoreFinding[]> {
  let bucket: SupabaseBucket;
  try {
    bucket = await access.bucket(signal);
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_BUCKET_MISSING') && !isHoldfastError(error, 'STORE_ACCESS_DENIED')) throw error;
    const detail = 'unknown (needs select on storage.buckets)';
    return [
      ...(['access', 'size-limit'] as const).map((about) => ({ about, level: 'unknown' as const, detail, hint: '' })),
    ];
  }
  return judgeSupabaseBucket(bucket, access.config.tusThreshold);
}

/** Pure. Below `wholeBytes` objects are sent in one request. */
export function judgeSupabaseBucket(bucket: SupabaseBucket, wholeBytes: number): readonly StoreFinding[] {
  const { file_size_limit: limit, allowed_mime_types: types } = bucket;
  return [
    { about: 'versioning', level: 'ok', detail: NONE, hint: '' },
    { about: 'lifecycle', level: 'ok', detail: 'no rules at this provider', hint: '' },
    bucket.public === true
      ? {
          about: 'access',
          level: 'warning',
          detail: 'the bucket is public: whoever knows or guesses a name reads the object without a key',
          hint: 'make the bucket private; what is stored is sealed, names and sizes are not',
        }
      : { about: 'access', level: 'ok', detail: 'private', hint: '' },
    sizeLimit(limit ?? null, wholeBytes),
    ...(types && types.length > 0 && !types.some(takesOurs)
      ? [
          {
            about: 'access' as const,
            level: 'warning' as const,
            detail: `the bucket takes ${types.join(', ').slice(0, 100)} only, and backups are ${CONTENT_TYPE}`,
            hint: `add ${CONTENT_TYPE} to allowed_mime_types of the bucket, or clear that list`,
          },
        ]
      : []),
  ];
}

function sizeLimit(limit: number | null, wholeBytes: number): StoreFinding {
  const about = 'size-limit';
  if (limit === null)
    return { about, level: 'ok', detail: 'that of the project, which the bucket does not tell', hint: '' };
  const detail = `objects of at most ${limit} bytes`;
  if (limit >= wholeBytes) return { about, level: 'ok', detail, hint: '' };
  const hint = 'raise file_size_limit of the bucket, or keep repository.segmentSize well below it';
  return { about, level: 'warning', detail: `${detail}: segments that are larger are refused`, hint };
}

/** `application/octet-stream`, or a pattern such as `application/*`. */
function takesOurs(type: string): boolean {
  return type === CONTENT_TYPE || type === '*/*' || type === 'application/*';
}
