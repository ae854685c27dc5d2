/** Which segments need not be stored again, and where they are. What a store lists counts, not what somebody noted. */
import { createHash } from 'node:crypto';
import type { ObjectStore } from '../storage/object-store';
import { askEach } from './grace';
import { objectOfKey, segmentKey, segmentsPrefix } from './layout';
import type { SegmentIndex, SegmentRef, WriterOptions } from './types';

/** Below this many objects, asking for each costs less than listing everything. */
const FEW = 64;

export interface ReuseIndex extends SegmentIndex {
  readonly size: number;
  /** Names of stores that hold the object of this id. */
  holders(id: string): ReadonlySet<string>;
}

const NOWHERE: ReadonlySet<string> = new Set();

/**
 * Candidates are the base's segments, when it is sealed to all of today's recipients, and the journal's. Each store is
 * then asked what it really has. One that does not answer is taken to have nothing: were its word, or anybody's word on
 * it, believed, a run could build on what only a dead store holds, and every further attempt would fail the same way.
 */
export async function createReuseIndex(
  options: Pick<WriterOptions, 'base' | 'journal' | 'database' | 'stores' | 'keys' | 'answerGraceMs' | 'signal'>,
): Promise<ReuseIndex> {
  const refs = new Map<string, SegmentRef>();
  const claim = ({ id, object, plainBytes, sealedBytes }: SegmentRef) => {
    if (!refs.has(id)) refs.set(id, { id, object, plainBytes, sealedBytes });
  };
  // The journal first: it is this very backup.
  const suffix = journalSuffix(options.keys.recipients);
  for (const entry of (await options.journal?.load()) ?? []) {
    if (entry.id.endsWith(suffix)) claim({ ...entry, id: entry.id.slice(0, -suffix.length) });
  }
  const { base } = options;
  if (base && options.keys.recipients.every((recipient) => base.inventory.recipients.includes(recipient))) {
    for (const segment of base.inventory.segments) claim(segment);
  }
  if (refs.size === 0) return { size: 0, lookup: () => undefined, holders: () => NOWHERE };

  const present = new Map<string, Set<string>>();
  const answers = await askEach(
    options.stores,
    { graceMs: options.answerGraceMs, signal: options.signal },
    (store, signal) => objectsPresent(store, options.database, [...refs.values()], signal),
  );
  for (const answer of answers) {
    if (!answer.ok) continue;
    for (const ref of refs.values()) {
      if (answer.result.get(ref.object) === ref.sealedBytes) addTo(present, ref.id, answer.store.name);
    }
  }
  return {
    size: refs.size,
    lookup: (id) => refs.get(id),
    holders: (id) => present.get(id) ?? NOWHERE,
  };
}

/**
 * In the journal an id also says to whom the segment was sealed: should the recipients change between two attempts, the
 * second one must not name what a new recipient cannot open.
 */
export function journalSuffix(recipients: readonly string[]): string {
  const text = [...recipients].sort().join('\n');
  return `.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set) set.add(value);
  else map.set(key, new Set([value]));
}

/** Sizes of those of `refs` that the store has, by object name: one listing, or a few questions. */
export async function objectsPresent(
  store: ObjectStore,
  database: string,
  refs: readonly Pick<SegmentRef, 'object'>[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  if (refs.length <= FEW) {
    const ask = async ({ object }: Pick<SegmentRef, 'object'>) => {
      const info = await store.head(segmentKey(database, object), { signal });
      if (info) sizes.set(object, info.bytes);
    };
    await forEachLimited(refs, 8, ask);
    return sizes;
  }
  const wanted = new Set(refs.map((ref) => ref.object));
  for await (const info of store.list(segmentsPrefix(database), { signal })) {
    const object = objectOfKey(database, info.key);
    if (object && wanted.has(object)) sizes.set(object, info.bytes);
  }
  return sizes;
}

/** Runs `work` over `items`, at most `limit` at once; the first failure stops the rest from starting. */
export async function forEachLimited<Item>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed = false;
  const worker = async () => {
    for (let next = iterator.next(); !failed && !next.done; next = iterator.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
