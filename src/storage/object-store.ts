/**
 * The port that every store implements. Guarantees, not only signatures:
 *
 * - An object is visible whole or not at all. A `put` that rejected may still have stored the object (a lost answer):
 *   callers ask again by name.
 * - `put` with `createOnly` never replaces: of two concurrent ones, at most one reports `created: true`, the other
 *   `created: false`. Where the provider has no such primitive the adapter says so in `capabilities` and does not pretend.
 * - After `put` resolved, `get`, `head` and `list` see the object (all supported providers are read-after-write consistent).
 * - Bodies are whole Buffers: segments are small (4 MiB unless configured), so back-pressure is the number of puts in flight.
 * - Every call honours `signal` down to the socket or file handle.
 * - Errors are HoldfastErrors of `src/errors/storage.ts`, which decide retryability; a provider's error never leaves.
 * - Keys use [A-Za-z0-9._/=-] only and have no `.` or `..` part.
 */
export interface ObjectStore {
  /** The name in the config. */
  readonly name: string;
  readonly kind: 'filesystem' | 's3' | 'gcs' | 'supabase';
  readonly capabilities: StoreCapabilities;
  put(key: string, body: Buffer, options?: PutOptions): Promise<PutResult>;
  /** Throws STORE_OBJECT_MISSING when absent. `range` is in bytes, end exclusive. */
  get(key: string, options?: GetOptions): Promise<Buffer>;
  /** null when absent. */
  head(key: string, options?: CallOptions): Promise<ObjectInfo | null>;
  /** In key order (byte order). `prefix` is a plain string prefix. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /** Deletes exactly these keys; a key that is absent already is no error. Throws when any could not be deleted. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;
  /**
   * What the provider says of the settings of the place, judged for what they do to backups. Asks only, never writes;
   * what may not be asked is `unknown`. Absent where there is nothing to ask.
   */
  inspect?(options?: CallOptions): Promise<readonly StoreFinding[]>;
  /** Frees sockets and handles; the store is not used afterwards. */
  close(): Promise<void>;
}

/** One fact about a store that is no failure of a request. */
export interface StoreFinding {
  readonly about:
    | 'versioning'
    | 'soft-delete'
    | 'object-lock'
    | 'retention-policy'
    | 'lifecycle'
    | 'region'
    | 'access'
    | 'size-limit'
    | 'clock'
    | 'other-objects';
  /** `unknown`: the provider would not say. */
  readonly level: 'ok' | 'warning' | 'unknown';
  /** For people, without any secret. */
  readonly detail: string;
  /** What to do next; empty when nothing is to be done. */
  readonly hint: string;
}

export interface StoreCapabilities {
  /** Create-only writes are atomic at the provider. */
  readonly createOnly: boolean;
  /** The provider checks a checksum sent with the body. */
  readonly serverChecksum: boolean;
}

export interface CallOptions {
  /**
   * Ends the call at once, with all its retries and waits: also how a caller sets a bound of its own on the total time
   * (`withDeadline`), which is otherwise that of the retries, minutes.
   */
  readonly signal?: AbortSignal;
}

export interface PutOptions extends CallOptions {
  /** Refuse to replace; see the guarantees above. */
  readonly createOnly?: boolean;
  /** Hex SHA-256 of the body where the caller knows it already (segments do: it is their name). */
  readonly sha256?: string;
  /**
   * What stands under this name is not to be believed: send the body whatever is found there. Healing asks for it, since
   * damage keeps name and size. Not together with `createOnly`.
   */
  readonly replace?: boolean;
}

export interface PutResult {
  /** False only with `createOnly`, when the key existed. */
  readonly created: boolean;
}

export interface GetOptions extends CallOptions {
  readonly range?: { readonly start: number; readonly end: number };
}

export interface ListOptions extends CallOptions {
  /** Only keys that come after this one: a listing that broke off goes on where it was. */
  readonly after?: string;
}

export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}
