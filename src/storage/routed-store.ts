/** One store opened with several credentials: each call goes to the one that is allowed to make it. */
import { storageError } from '../errors/storage';
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
} from './object-store';

/** What a credential is for. */
export type CredentialRole = 'write' | 'read' | 'delete';

/** Opens the store with one credential; each is opened when first needed. */
export type OpenWith = () => ObjectStore;

export interface RoutedStoreOptions {
  readonly name: string;
  readonly kind: ObjectStore['kind'];
  readonly capabilities: StoreCapabilities;
  /** null: this process has no such credential, and calls that need it are refused. */
  readonly routes: Readonly<Record<CredentialRole, OpenWith | null>>;
}

/**
 * `put` uses the credential for writing, `get`, `head` and `list` that for reading, `delete` that for deleting. A call
 * without its credential throws STORE_CREDENTIAL_MISSING, which names it. Routes that are the same function share one
 * opened store.
 */
export function createRoutedStore(options: RoutedStoreOptions): ObjectStore {
  return new RoutedStore(options);
}

class RoutedStore implements ObjectStore {
  readonly name: string;
  readonly kind: ObjectStore['kind'];
  readonly capabilities: StoreCapabilities;
  private readonly opened = new Map<OpenWith, ObjectStore>();
  private closed = false;

  constructor(private readonly options: RoutedStoreOptions) {
    this.name = options.name;
    this.kind = options.kind;
    this.capabilities = options.capabilities;
  }

  async put(key: string, body: Buffer, options?: PutOptions): Promise<PutResult> {
    return this.via('write').put(key, body, options);
  }
  async get(key: string, options?: GetOptions): Promise<Buffer> {
    return this.via('read').get(key, options);
  }
  async head(key: string, options?: CallOptions): Promise<ObjectInfo | null> {
    return this.via('read').head(key, options);
  }
  async *list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    yield* this.via('read').list(prefix, options);
  }
  async delete(keys: readonly string[], options?: CallOptions): Promise<void> {
    // Nothing to delete needs no credential.
    if (keys.length === 0) return;
    return this.via('delete').delete(keys, options);
  }
  async inspect(options?: CallOptions): Promise<readonly StoreFinding[]> {
    return (await this.via('read').inspect?.(options)) ?? [];
  }
  async close(): Promise<void> {
    this.closed = true;
    const results = await Promise.allSettled([...this.opened.values()].map((store) => store.close()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  private via(role: CredentialRole): ObjectStore {
    if (this.closed) throw storageError('STORE_CLOSED', '', { context: { store: this.name } });
    const open = this.options.routes[role];
    if (open === null)
      throw storageError('STORE_CREDENTIAL_MISSING', `this process has no credential to ${role} at the store`, {
        context: { store: this.name, credential: role },
        hint: `state credentials.${role} for this store here, or leave this work to a process that has it`,
      });
    let store = this.opened.get(open);
    if (store === undefined) {
      store = open();
      this.opened.set(open, store);
    }
    return store;
  }
}

/**
 * Which credential serves which kind of call: the one that is stated for it; else the default one; else, for reading,
 * the one for writing, since writers have to look at what they wrote. Pure; `null` in the result: none does.
 */
export function routesOf<Credential>(
  stated: Readonly<Partial<Record<CredentialRole, Credential>>>,
  byDefault: Credential | null,
): Readonly<Record<CredentialRole, Credential | null>> {
  return {
    write: stated.write ?? byDefault,
    read: stated.read ?? byDefault ?? stated.write ?? null,
    delete: stated.delete ?? byDefault,
  };
}
