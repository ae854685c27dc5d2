import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import type { SupabaseAccess } from './access';
import { grantHint, PERMISSIONS } from './errors';
import { findObject } from './find';

/** What the server deletes in one step of its own. */
const BATCH = 500;
const LOOKS_AT_ONCE = 4;

/**
 * Deletes in batches. The store reports a success whatever it did; the names in its answer are those of objects that are
 * gone, and each of the others is looked for: absent already is well, still there is a failure.
 */
export async function deleteObjects(
  access: SupabaseAccess,
  objectKeys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const kept: string[] = [];
  for (let at = 0; at < objectKeys.length; at += BATCH) {
    const batch = objectKeys.slice(at, at + BATCH);
    const gone = await remove(access, batch, signal);
    const unnamed = batch.filter((key) => !gone.has(key));
    for (let index = 0; index < unnamed.length; index += LOOKS_AT_ONCE)
      await Promise.all(
        unnamed.slice(index, index + LOOKS_AT_ONCE).map(async (key) => {
          if ((await findObject(access, key, signal)) !== null) kept.push(key);
        }),
      );
  }
  if (kept.length > 0)
    throw storageError('STORE_ACCESS_DENIED', 'the store reported a deletion and kept the object', {
      context: {
        ...access.context('delete', kept[0]),
        permission: PERMISSIONS.delete,
        kept: kept.length,
        asked: objectKeys.length,
      },
      hint: grantHint('delete'),
    });
}

async function remove(
  access: SupabaseAccess,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  try {
    const { data } = await access.objects(access.context('delete'), { signal }, (api) => api.remove([...keys]));
    return new Set(Array.isArray(data) ? data.map(({ name }) => name) : []);
  } catch (error) {
    if (isHoldfastError(error, 'STORE_OBJECT_MISSING')) return new Set();
    throw error;
  }
}
