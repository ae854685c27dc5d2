/** An ObjectStore in memory, for tests of pure repository logic alone; it keeps the port's guarantees. */
import { storageError } from '../../src/errors/storage';
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store';

export interface MemoryStore extends ObjectStore {
  readonly objects: Map<string, { body: Buffer; modifiedAt: Date }>;
  /** Called before each operation; may wait, or throw to make it fail. */
  before: (
    operation: 'put' | 'get' | 'head' | 'list' | 'delete',
    key: string,
    signal?: AbortSignal,
  ) => Promise<unknown>;
  readonly calls: { readonly operation: string; readonly key: string }[];
}

export function createMemoryStore(
  name: string,
  capabilities = { createOnly: true, serverChecksum: false },
): MemoryStore {
  const objects: MemoryStore['objects'] = new Map();
  const calls: { operation: string; key: string }[] = [];
  const store: MemoryStore = {
    name,
    kind: 'filesystem',
    capabilities,
    objects,
    calls,
    before: async () => {},
    async put(key, body, options = {}) {
      calls.push({ operation: 'put', key });
      await store.before('put', key, options.signal);
      options.signal?.throwIfAborted();
      if (options.createOnly && objects.has(key)) return { created: false };
      objects.set(key, { body: Buffer.from(body), modifiedAt: new Date() });
      return { created: true };
    },
    async get(key, options = {}) {
      calls.push({ operation: 'get', key });
      await store.before('get', key, options.signal);
      options.signal?.throwIfAborted();
      const found = objects.get(key);
      if (!found) throw storageError('STORE_OBJECT_MISSING', '', { context: { store: name, key } });
      const { start, end } = options.range ?? { start: 0, end: found.body.length };
      return Buffer.from(found.body.subarray(start, end));
    },
    async head(key, options = {}) {
      calls.push({ operation: 'head', key });
      await store.before('head', key, options.signal);
      const found = objects.get(key);
      return found ? { key, bytes: found.body.length, modifiedAt: found.modifiedAt } : null;
    },
    async *list(prefix, options = {}): AsyncIterable<ObjectInfo> {
      calls.push({ operation: 'list', key: prefix });
      await store.before('list', prefix, options.signal);
      for (const key of [...objects.keys()]
        .filter((each) => each.startsWith(prefix) && each > (options.after ?? ''))
        .sort()) {
        const found = objects.get(key)!;
        yield { key, bytes: found.body.length, modifiedAt: found.modifiedAt };
      }
    },
    async delete(keys, options = {}) {
      for (const key of keys) {
        calls.push({ operation: 'delete', key });
        await store.before('delete', key, options.signal);
        objects.delete(key);
      }
    },
    async close() {},
  };
  return store;
}
