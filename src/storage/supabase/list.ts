import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import { compareKeys } from '../keys';
import type { ListOptions, ObjectInfo } from '../object-store';
import { throwIfAborted } from '../timing';
import type { SupabaseAccess } from './access';

/** The most that the server gives at once. */
const PAGE = 1000;

interface ListedObject {
  readonly name: string;
  readonly metadata?: { readonly size?: number | null; readonly contentLength?: number | null } | null;
  readonly updated_at?: string | null;
}
interface ListPage {
  readonly hasNext?: boolean;
  readonly nextCursor?: string;
  readonly objects?: readonly ListedObject[];
}

/**
 * Objects whose name begins with `prefix`, in byte order. The list of version 2, which is flat and has a cursor: the older
 * one is read folder by folder, takes upper and lower case for the same, and loses entries to a deletion between two pages.
 */
export async function* listObjects(
  access: SupabaseAccess,
  prefix: string,
  options: ListOptions,
): AsyncGenerator<ObjectInfo> {
  const { after, signal } = options;
  const context = access.context('list', prefix);
  const ask = async (cursor: string | undefined) => {
    const query = { prefix, limit: PAGE, cursor, with_delimiter: false };
    const { data } = await access.objects(context, { signal }, (api) => api.listV2(query));
    return data as unknown as ListPage;
  };
  let last = '';
  let cursor = after === undefined ? undefined : cursorAfter(after);
  for (;;) {
    let page: ListPage;
    try {
      page = await ask(cursor);
    } catch (error) {
      // A server with other cursors than ours is read from the beginning.
      if (last !== '' || cursor === undefined || !isHoldfastError(error, 'STORE_REFUSED')) throw error;
      page = await ask(undefined);
    }
    if (!Array.isArray(page.objects)) throw unreadable(access, prefix, 'it is not a list');
    for (const { name, metadata, updated_at } of page.objects as readonly ListedObject[]) {
      if (compareKeys(name, last) <= 0) throw unreadable(access, prefix, 'it is not in order');
      last = name;
      // Older servers take `_` in a prefix for any character.
      if (!name.startsWith(prefix) || name.endsWith('/')) continue;
      if (after !== undefined && compareKeys(name, after) <= 0) continue;
      throwIfAborted(signal);
      yield {
        key: name,
        bytes: Number(metadata?.size ?? metadata?.contentLength ?? 0),
        modifiedAt: new Date(updated_at ?? 0),
      };
    }
    if (page.hasNext !== true) break;
    if (!page.nextCursor || page.nextCursor === cursor || page.objects.length === 0)
      throw unreadable(access, prefix, 'it was cut short and does not say how it goes on');
    cursor = page.nextCursor;
  }
  // A missing bucket, and one that the key does not see, have an empty list.
  if (last === '') await access.assertBucketVisible(signal);
}

/** The cursor that the server itself gives after this key. */
function cursorAfter(key: string): string {
  return Buffer.from(`l:${key}`).toString('base64');
}

function unreadable(access: SupabaseAccess, prefix: string, why: string): Error {
  return storageError('STORE_SERVER_ERROR', `the listing cannot be used: ${why}`, {
    context: { ...access.context('list'), prefix },
  });
}
