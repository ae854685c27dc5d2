/** Two listings side by side, in the order of their keys. Holds one entry of each at a time. */
import { repositoryError } from '../errors/repository';
import type { ObjectInfo } from '../storage/object-store';

/** One key, and what stands under it on either side; never null on both. */
export interface MergedEntry {
  readonly key: string;
  readonly a: ObjectInfo | null;
  readonly b: ObjectInfo | null;
}

/**
 * Merges two listings that are in byte order of their keys, as stores give them. One that is not would make differences
 * out of nothing, so it is refused.
 */
export async function* mergeListings(
  a: AsyncIterable<ObjectInfo>,
  b: AsyncIterable<ObjectInfo>,
): AsyncGenerator<MergedEntry, void, undefined> {
  const left = inOrder(a);
  const right = inOrder(b);
  try {
    let [one, two] = await Promise.all([left.next(), right.next()]);
    for (;;) {
      const here = one.done ? null : one.value;
      const there = two.done ? null : two.value;
      if (here === null && there === null) return;
      const takesLeft = here !== null && (there === null || here.key <= there.key);
      const takesRight = there !== null && (here === null || there.key <= here.key);
      const key = (takesLeft ? here : there)!.key;
      yield { key, a: takesLeft ? here : null, b: takesRight ? there : null };
      [one, two] = await Promise.all([takesLeft ? left.next() : one, takesRight ? right.next() : two]);
    }
  } finally {
    await Promise.allSettled([left.return(undefined), right.return(undefined)]);
  }
}

async function* inOrder(listing: AsyncIterable<ObjectInfo>): AsyncGenerator<ObjectInfo, void, undefined> {
  let last: string | null = null;
  for await (const info of listing) {
    if (last !== null && info.key <= last)
      throw repositoryError('REPO_LISTING_DISORDERED', '', { context: { key: info.key, after: last } });
    last = info.key;
    yield info;
  }
}
