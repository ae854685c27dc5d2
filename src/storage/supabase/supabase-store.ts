import { createHash } from 'node:crypto';
import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import type { BackoffPolicy } from '../backoff';
import { assertPrefix } from '../keys';
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
import { assertRange, rangeHeader } from '../range';
import { RemoteStore } from '../remote-store';
import type { SecretResolver } from '../secrets';
import type { Timing } from '../timing';
import { SupabaseAccess, type SupabaseSettings } from './access';
import { deleteObjects } from './delete';
import { isTaken } from './errors';
import { assertAbsenceIsMeant, findObject } from './find';
import { inspectSupabaseBucket } from './inspect';
import { listObjects } from './list';
import { Transport } from './transport';
import { putResumable } from './tus-upload';
import { verifyStored } from './verify';

export const SUPABASE_CAPABILITIES: StoreCapabilities = { createOnly: true, serverChecksum: false };

export interface SupabaseStoreDependencies {
  readonly timing: Timing;
  /** For the chunks of large objects and for reading back; whole calls are tried again by the decorator. */
  readonly backoff: BackoffPolicy;
}

/** Objects in a bucket of Supabase Storage, hosted or one's own. Contacts it at the first call. */
export function createSupabaseStore(
  config: SupabaseSettings,
  secrets: SecretResolver,
  deps: SupabaseStoreDependencies,
): ObjectStore {
  return new SupabaseStore(config, secrets, deps);
}

class SupabaseStore extends RemoteStore implements ObjectStore {
  readonly kind = 'supabase';
  readonly capabilities = SUPABASE_CAPABILITIES;
  private readonly transport: Transport;
  private readonly access: SupabaseAccess;

  constructor(
    private readonly config: SupabaseSettings,
    secrets: SecretResolver,
    private readonly deps: SupabaseStoreDependencies,
  ) {
    super(config, deps.timing);
    const { timeout: idleTimeoutMs, maxRequests: maxSockets } = config.limits;
    this.transport = new Transport({ store: config.name, idleTimeoutMs, maxSockets });
    this.access = new SupabaseAccess(config, secrets, this.transport, deps.timing);
  }

  async put(key: string, body: Buffer, options: PutOptions = {}): Promise<PutResult> {
    this.begin(key, options);
    const { signal } = options;
    const objectKey = this.prefix + key;
    const sha256 = options.sha256 ?? createHash('sha256').update(body).digest('hex');
    const createOnly = options.createOnly ?? false;
    const send = body.length > this.config.tusThreshold ? this.putLarge : this.putWhole;
    if (!(await send.call(this, objectKey, body, sha256, createOnly, signal))) return { created: false };
    if (this.config.verifyUploads)
      await verifyStored({ access: this.access, objectKey, body, sha256, signal, ...this.deps });
    return { created: true };
  }

  async get(key: string, options: GetOptions = {}): Promise<Buffer> {
    assertRange(options.range);
    this.begin(key, options);
    const { range, signal } = options;
    const objectKey = this.prefix + key;
    if (range && range.start === range.end) return this.emptyRange(key, options);
    const headers = range ? { range: rangeHeader(range) } : undefined;
    const context = this.access.context('get', objectKey);
    try {
      const { http } = await this.access.objects(context, { signal, headers }, (api) =>
        api.download(objectKey).asStream(),
      );
      if (!range) return http.body;
      // A server that ignores the range sends the whole object.
      if (http.status !== 206) return http.body.subarray(range.start, range.end);
      if (Number(/^bytes (\d+)-/.exec(http.headers['content-range'] ?? '')?.[1] ?? range.start) !== range.start)
        throw storageError('STORE_TRANSFER_DAMAGED', 'the store answered with another range', {
          context: { ...context },
        });
      return http.body;
    } catch (error) {
      if (range && isHoldfastError(error) && error.context.status === 416) return Buffer.alloc(0);
      await assertAbsenceIsMeant(this.access, error, signal);
      throw error;
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectInfo | null> {
    this.begin(key, options);
    const found = await findObject(this.access, this.prefix + key, options.signal);
    return found && { key, bytes: found.bytes, modifiedAt: found.modifiedAt };
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    assertPrefix(prefix, this.name);
    this.assertOpen();
    const after = options.after === undefined ? undefined : this.prefix + options.after;
    for await (const found of listObjects(this.access, this.prefix + prefix, { ...options, after })) {
      yield { ...found, key: found.key.slice(this.prefix.length) };
      this.assertOpen();
    }
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) this.begin(key, options);
    const objectKeys = keys.map((key) => this.prefix + key);
    await deleteObjects(this.access, objectKeys, options.signal);
  }

  async inspect(options: CallOptions = {}): Promise<readonly StoreFinding[]> {
    this.assertOpen();
    return inspectSupabaseBucket(this.access, options.signal);
  }

  async close(): Promise<void> {
    await this.end();
    this.transport.close();
  }

  private async putWhole(
    objectKey: string,
    body: Buffer,
    sha256: string,
    createOnly: boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const context = this.access.context('put', objectKey);
    const settings = {
      upsert: !createOnly,
      contentType: 'application/octet-stream',
      cacheControl: '0',
      metadata: { sha256 },
    };
    const stored = await this.access
      .objects(context, { signal }, (api) => api.upload(objectKey, body, settings))
      .catch((error: unknown) => {
        if (createOnly && isTaken(error)) return null;
        throw error;
      });
    if (stored === null) return false;
    // storage-js reports a success for a key that was cut on its way, under the name that was left of it.
    const { fullPath } = stored.data;
    if (fullPath !== `${this.config.bucket}/${objectKey}`)
      throw storageError('STORE_CONTENT_MISMATCH', 'the object was stored under another name', {
        context: { ...context, stored: fullPath },
      });
    return true;
  }

  private async putLarge(
    objectKey: string,
    body: Buffer,
    sha256: string,
    createOnly: boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const upload = putResumable({
      access: this.access,
      context: this.access.context('upload', objectKey),
      objectKey,
      body,
      sha256,
      upsert: !createOnly,
      signal,
      ...this.deps,
    });
    return this.uploading(upload);
  }
}
