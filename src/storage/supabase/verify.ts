import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import { retrying, type BackoffPolicy } from '../backoff';
import type { Timing } from '../timing';
import type { SupabaseAccess } from './access';
import { deleteObjects } from './delete';
import { PERMISSIONS } from './errors';
import { findObject } from './find';

export interface VerifyOptions {
  readonly access: SupabaseAccess;
  readonly objectKey: string;
  readonly body: Buffer;
  readonly sha256: string;
  readonly signal?: AbortSignal;
  readonly backoff: BackoffPolicy;
  readonly timing: Timing;
}

/**
 * Reads an object back after its upload and compares every byte: the store checks no checksum, so what a damaged request
 * left would be found only when it is needed. A damaged object is removed again, lest its name and size speak for it.
 */
export async function verifyStored(options: VerifyOptions): Promise<void> {
  const { access, objectKey, sha256, signal } = options;
  const equal = await retrying(options.backoff, options.timing, signal, () => isEqual(options));
  if (equal) return;
  const context = access.context('put', objectKey);
  const found = await findObject(access, objectKey, signal);
  if (found === null)
    throw storageError('STORE_UPLOAD_INCOMPLETE', 'the object is not there after its upload', {
      context: { ...context, permission: PERMISSIONS.get },
      hint: 'a key that writes reads back what it wrote: its role needs select on storage.objects too',
    });
  // Another writer has replaced it since: then theirs is the object.
  if (found.sha256 !== sha256) return;
  try {
    await deleteObjects(access, [objectKey], signal);
  } catch (error) {
    throw storageError('STORE_CONTENT_MISMATCH', 'the store holds a damaged object, which could not be removed', {
      context: { ...context },
      cause: error,
    });
  }
  throw storageError('STORE_TRANSFER_DAMAGED', 'the object that was read back is not the one that was sent', {
    context: { ...context, bytes: options.body.length },
  });
}

async function isEqual({ access, objectKey, body, signal }: VerifyOptions): Promise<boolean> {
  let at = 0;
  let equal = true;
  const sink = (chunk: Buffer) => {
    equal &&= chunk.length <= body.length - at && chunk.equals(body.subarray(at, at + chunk.length));
    at += chunk.length;
  };
  try {
    await access.objects(access.context('get', objectKey), { signal, sink }, (api) =>
      api.download(objectKey).asStream(),
    );
  } catch (error) {
    if (isHoldfastError(error, 'STORE_OBJECT_MISSING')) return false;
    throw error;
  }
  return equal && at === body.length;
}
