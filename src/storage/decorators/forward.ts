import type {
  CallOptions,
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreCapabilities,
  StoreFinding,
} from '../object-store';

/** A store that passes every call on; decorators override what they change. */
export class ForwardingStore implements ObjectStore {
  constructor(protected readonly inner: ObjectStore) {}

  get name(): string {
    return this.inner.name;
  }
  get kind(): ObjectStore['kind'] {
    return this.inner.kind;
  }
  get capabilities(): StoreCapabilities {
    return this.inner.capabilities;
  }
  put(key: string, body: Buffer, options?: PutOptions): Promise<PutResult> {
    return this.inner.put(key, body, options);
  }
  get(key: string, options?: GetOptions): Promise<Buffer> {
    return this.inner.get(key, options);
  }
  head(key: string, options?: CallOptions): Promise<ObjectInfo | null> {
    return this.inner.head(key, options);
  }
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    return this.inner.list(prefix, options);
  }
  delete(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.inner.delete(keys, options);
  }
  inspect(options?: CallOptions): Promise<readonly StoreFinding[]> {
    return this.inner.inspect?.(options) ?? Promise.resolve([]);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}
