import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import type { SupabaseAccess } from './access';

export interface FoundObject {
  readonly bytes: number;
  readonly modifiedAt: Date;
  /** Hex SHA-256 that its writer stated; null for an object of somebody else. */
  readonly sha256: string | null;
  /** Id of the TUS upload that made it; null for any other. */
  readonly upload: string | null;
}

/** What the store knows of an object; null only when it is certain that there is none. */
export async function findObject(
  access: SupabaseAccess,
  objectKey: string,
  signal: AbortSignal | undefined,
): Promise<FoundObject | null> {
  const context = access.context('head', objectKey);
  try {
    const { data } = await access.objects(context, { signal }, (api) => api.info(objectKey));
    const { size, updatedAt, lastModified, createdAt, metadata } = data;
    if (typeof size !== 'number')
      throw storageError('STORE_SERVER_ERROR', 'the store does not know the size of the object', {
        context: { ...context },
      });
    return {
      bytes: size,
      modifiedAt: new Date(lastModified ?? updatedAt ?? createdAt),
      sha256: text(metadata?.['sha256']),
      upload: text(metadata?.['upload']),
    };
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    await assertAbsenceIsMeant(access, error, signal);
    if (error.code === 'STORE_OBJECT_MISSING') return null;
    throw error;
  }
}

/** Throws what is really wrong when an answer said that object or bucket is missing, and the key is the reason. */
export async function assertAbsenceIsMeant(
  access: SupabaseAccess,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (isHoldfastError(error, 'STORE_OBJECT_MISSING') || isHoldfastError(error, 'STORE_BUCKET_MISSING'))
    await access.assertBucketVisible(signal);
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
