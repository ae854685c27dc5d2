import { randomBytes } from 'node:crypto';
import { isStorageError, StorageClient, type StorageApiError, type StorageError } from '@supabase/storage-js';
import type { SupabaseStoreConfig } from '../../config/schema';
import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import type { SecretResolver } from '../secrets';
import { abortReason, throwIfAborted, type Timing } from '../timing';
import { networkError, refusalError, type SupabaseErrorContext } from './errors';
import type { HttpAnswer, HttpCall, Transport } from './transport';

/** How long a bucket that was seen is taken to be visible to the key that saw it, ms. */
const BUCKET_SEEN_MS = 5_000;
/** Roles that everybody has. Row level security shows them what its policies let through, and nothing of the rest. */
const PUBLIC_ROLES = new Set(['anon', 'authenticated']);

/** A store as one of its keys sees it. */
export type SupabaseSettings = Omit<SupabaseStoreConfig, 'key' | 'credentials'> & { readonly key: string };

/** Settings of a bucket, as far as they matter here. */
export interface SupabaseBucket {
  readonly public?: boolean;
  /** Bytes; null: the limit of the project. */
  readonly file_size_limit?: number | null;
  readonly allowed_mime_types?: readonly string[] | null;
}

/** Api of the bucket's objects, as storage-js has it. */
export type FileApi = ReturnType<StorageClient['from']>;

export interface RestAnswer<T> {
  readonly data: T;
  /** The last HTTP answer of the call, for what storage-js does not hand on: headers, and the body without a copy. */
  readonly http: HttpAnswer;
}

export interface RestOptions {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly sink?: HttpCall['sink'];
}

/** What storage-js answers. */
type Outcome<T> = { data: T; error: null } | { data: null; error: StorageError };

/** The way into one bucket: the key, asked for anew with each request, and storage-js over our own transport. */
export class SupabaseAccess {
  private seen: { readonly key: string; readonly at: number } | null = null;

  constructor(
    readonly config: SupabaseSettings,
    private readonly secrets: SecretResolver,
    private readonly transport: Transport,
    private readonly timing: Timing,
  ) {}

  /** Base URL without a slash at its end. */
  get url(): string {
    return this.config.url;
  }

  /** One HTTP request with the key of now; a failure without an answer is an error of the store. */
  async send(call: HttpCall, context: SupabaseErrorContext): Promise<HttpAnswer> {
    try {
      return await this.exchange(call);
    } catch (error) {
      if (call.signal?.aborted) throw abortReason(call.signal);
      throw networkError(error, context);
    }
  }

  /** A call of storage-js on the bucket's objects. */
  objects<T>(
    context: SupabaseErrorContext,
    options: RestOptions,
    call: (api: FileApi) => PromiseLike<Outcome<T>>,
  ): Promise<RestAnswer<T>> {
    return this.rest(context, options, (client) => call(client.from(this.config.bucket)));
  }

  /**
   * Absent is believed only where the bucket answers to this key: a wrong key is told that object and bucket do not exist,
   * one under row level security that the object does not, and a missing bucket has an empty list. None of these may look
   * like a lost copy.
   */
  async assertBucketVisible(signal: AbortSignal | undefined): Promise<void> {
    const key = await this.key();
    const now = this.timing.now();
    if (this.seen !== null && this.seen.key === key && now - this.seen.at < BUCKET_SEEN_MS) return;
    const context = this.context('bucket');
    const role = roleOf(key);
    if (role !== null && PUBLIC_ROLES.has(role))
      throw storageError('STORE_ACCESS_DENIED', 'the key does not see every object', {
        context: { ...context, role },
        hint: 'let `key` of this store refer to the service key (service_role or sb_secret_…), which row level security does not bind',
      });
    const { data: buckets } = await this.rest(context, { signal }, (client) => client.listBuckets());
    if (!Array.isArray(buckets) || !buckets.some(({ id, name }) => (id ?? name) === this.config.bucket))
      throw storageError('STORE_BUCKET_MISSING', 'the key is good, but sees no such bucket', {
        context: { ...context },
        hint: 'create the bucket in the project, or correct `bucket`, `url` and `key` of this store',
      });
    this.seen = { key, at: now };
  }

  /** The bucket as it describes itself to the key. */
  async bucket(signal: AbortSignal | undefined): Promise<SupabaseBucket> {
    const { data } = await this.rest(this.context('bucket'), { signal }, (client) =>
      client.getBucket(this.config.bucket),
    );
    return data;
  }

  context(operation: SupabaseErrorContext['operation'], key?: string): SupabaseErrorContext {
    return { store: this.config.name, bucket: this.config.bucket, operation, key };
  }

  private async rest<T>(
    context: SupabaseErrorContext,
    options: RestOptions,
    call: (client: StorageClient) => PromiseLike<Outcome<T>>,
  ): Promise<RestAnswer<T>> {
    const { signal } = options;
    throwIfAborted(signal);
    let http: HttpAnswer | null = null;
    const client = new StorageClient(this.url, {}, async (input, init) => {
      const sent = new Headers(init?.headers);
      for (const [name, value] of Object.entries(options.headers ?? {})) sent.set(name, value);
      http = await this.exchange({
        method: init?.method ?? 'GET',
        url: uncached(String(input), init?.method ?? 'GET'),
        headers: Object.fromEntries(sent),
        body: bodyOf(init?.body),
        sink: options.sink,
        signal,
      });
      // A success of a download is taken from `http`: a Response would copy it.
      const body = http.status >= 200 && http.status < 300 && isDownload(http) ? null : new Uint8Array(http.body);
      return new Response(http.status === 204 || http.status === 304 ? null : body, { status: http.status });
    });
    let outcome: Outcome<T>;
    try {
      outcome = await call(client);
    } catch (error) {
      outcome = { data: null, error: error as StorageError };
    }
    if (outcome.error === null) return { data: outcome.data as T, http: http! };
    if (signal?.aborted) throw abortReason(signal);
    throw restError(outcome.error, http, context);
  }

  /**
   * A refusal is believed when the key is still the one that was sent. The store says nearly everything as a refusal, that
   * an object is absent too, and one that was replaced while the request was under way must not look like a lost copy, nor
   * end a long upload.
   */
  private async exchange(call: HttpCall): Promise<HttpAnswer> {
    const key = await this.key();
    const answer = await this.transport.send(authorised(call, key));
    if (answer.status < 400 || call.signal?.aborted) return answer;
    const now = await this.key();
    return now === key ? answer : this.transport.send(authorised(call, now));
  }

  private async key(): Promise<string> {
    const key = (await this.secrets(this.config.key)).trim();
    // An empty Authorization header is refused in words that do not tell why; a line break would be another header.
    if (!/^[\x21-\x7e]+$/.test(key))
      throw storageError('STORE_CREDENTIALS_INVALID', 'the key is empty or has characters that no key has', {
        context: { store: this.config.name },
        hint: 'put the service key, and nothing else, behind the reference `key` of this store',
      });
    return key;
  }
}

function authorised(call: HttpCall, key: string): HttpCall {
  return { ...call, headers: { ...call.headers, authorization: `Bearer ${key}`, apikey: key } };
}

/** What storage-js makes of a failure, as an error of the store. */
function restError(error: StorageError, http: HttpAnswer | null, context: SupabaseErrorContext): Error {
  if (isHoldfastError(error)) return error;
  if (!isStorageError(error)) return networkError(error, context);
  const { status, statusCode, code, message } = error as StorageApiError;
  // A success that cannot be read has an answer but no status of its own.
  if (status === undefined && http !== null)
    return refusalError({ httpStatus: http.status, message: 'the answer cannot be read' }, context, error);
  if (status === undefined) return networkError((error as { originalError?: unknown }).originalError ?? error, context);
  return refusalError({ httpStatus: status, statusCode, code, message }, context, error);
}

/** storage-js hands on Buffers as they are and plain objects as JSON text. */
function bodyOf(body: unknown): Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  return Buffer.isBuffer(body) ? body : Buffer.from(String(body));
}

function isDownload({ headers }: HttpAnswer): boolean {
  return !String(headers['content-type'] ?? '').includes('json');
}

/** Hosted projects have a CDN in front. What is read must come from the store, or a damaged object would look good. */
function uncached(url: string, method: string): string {
  if (method !== 'GET' || !url.includes('/object/')) return url;
  const fresh = new URL(url);
  fresh.searchParams.set('cacheNonce', randomBytes(8).toString('hex'));
  return fresh.href;
}

/** The role that a key claims, unverified; null for a key that is no JWT and does not tell. */
function roleOf(key: string): string | null {
  if (key.startsWith('sb_publishable_')) return 'anon';
  const claims = key.split('.')[1];
  if (claims === undefined) return null;
  try {
    const { role } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { role?: unknown };
    return typeof role === 'string' ? role : null;
  } catch {
    return null;
  }
}
