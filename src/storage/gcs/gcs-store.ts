import { hash } from 'node:crypto';
import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import type { BackoffPolicy } from '../backoff';
import { assertPrefix, compareKeys } from '../keys';
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
import { throwIfAborted, type Timing } from '../timing';
import { GcsClient, GcsRefusal, jsonOf } from './client';
import { crc32cBase64 } from './crc32c';
import { createGcsCredentials, type GcsSettings } from './credentials';
import { deleteObjects } from './delete';
import { namesMissingObject, type GcsErrorContext, type GcsOperation } from './errors';
import { inspectGcsBucket } from './inspect';
import { objectPath, objectsPath, putWhole, type NewObject, type ObjectResource } from './requests';
import { putResumable } from './resumable';
import { createHttpTransport, type HttpAnswer } from './transport';

const PAGE = 1000;

export const GCS_CAPABILITIES: StoreCapabilities = { createOnly: true, serverChecksum: true };

export interface GcsStoreDependencies {
  readonly timing: Timing;
  /** For the chunks of large objects; whole calls are tried again by the decorator. */
  readonly backoff: BackoffPolicy;
}

/** Objects in a bucket of Google Cloud Storage. Contacts it at the first call. */
export function createGcsStore(config: GcsSettings, secrets: SecretResolver, deps: GcsStoreDependencies): ObjectStore {
  const transport = createHttpTransport({
    maxSockets: config.limits.maxRequests,
    idleTimeoutMs: config.limits.timeout,
  });
  return new GcsStore(config, new GcsClient(config, createGcsCredentials(config, secrets), transport), deps);
}

class GcsStore extends RemoteStore implements ObjectStore {
  readonly kind = 'gcs';
  readonly capabilities = GCS_CAPABILITIES;

  constructor(
    private readonly config: GcsSettings,
    private readonly client: GcsClient,
    private readonly deps: GcsStoreDependencies,
  ) {
    super(config, deps.timing);
  }

  async put(key: string, body: Buffer, options: PutOptions = {}): Promise<PutResult> {
    this.begin(key, options);
    const createOnly = options.createOnly ?? false;
    this.assertSha256(key, body, options.sha256);
    const large = body.length > this.config.resumableThreshold;
    // For a large object the look spares the upload; the condition that is sent with it decides.
    if (createOnly && large && (await this.head(key, options)) !== null) return { created: false };
    const object = { name: this.prefix + key, body, crc32c: crc32cBase64(body), createOnly };
    try {
      if (large) await this.putLarge(key, object, options);
      else await putWhole(this.client, object, options.signal, this.context(createOnly ? 'put' : 'replace', key));
      return { created: true };
    } catch (error) {
      if (!(error instanceof GcsRefusal)) throw error;
      // An upload meets its condition before the lock of an object that stands there.
      if (createOnly && error.fault.status === 412) return { created: false };
      throw await this.explain(error, key, options.signal);
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<Buffer> {
    assertRange(options.range);
    this.begin(key, options);
    const { range, signal } = options;
    if (range && range.start === range.end) return this.emptyRange(key, options);
    try {
      const answer = await this.client.ask({
        method: 'GET',
        at: objectPath(this.config, this.prefix + key),
        query: { alt: 'media' },
        headers: range ? { range: rangeHeader(range) } : {},
        signal,
        context: this.context('get', key),
      });
      // A proxy that ignores the range sends the whole object.
      if (answer.status === 206) return answer.body;
      this.assertReadWhole(key, answer);
      return range ? answer.body.subarray(range.start, range.end) : answer.body;
    } catch (error) {
      if (!(error instanceof GcsRefusal)) throw error;
      if (range && error.fault.status === 416) return Buffer.alloc(0);
      throw await this.explain(error, key, signal);
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectInfo | null> {
    this.begin(key, options);
    const { signal } = options;
    const context = this.context('head', key);
    try {
      const answer = await this.client.ask({
        method: 'GET',
        at: objectPath(this.config, this.prefix + key),
        query: { fields: 'name,size,timeCreated,updated' },
        signal,
        context,
      });
      return infoOf(key, jsonOf<ObjectResource>(answer, context), context);
    } catch (error) {
      if (!(error instanceof GcsRefusal)) throw error;
      const reason = await this.explain(error, key, signal);
      if (isHoldfastError(reason, 'STORE_OBJECT_MISSING')) return null;
      throw reason;
    }
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    assertPrefix(prefix, this.name);
    const context = this.context('list', prefix);
    const { after, signal } = options;
    let token: string | undefined;
    do {
      this.assertOpen();
      throwIfAborted(signal);
      const page = await this.page(prefix, after, token, context, signal);
      for (const item of page.items ?? []) {
        const key = (item.name ?? '').slice(this.prefix.length);
        // Markers of folders that some consoles make are no objects of ours.
        if (key === '' || key.endsWith('/')) continue;
        // Google's offset is inclusive.
        if (after !== undefined && compareKeys(key, after) <= 0) continue;
        throwIfAborted(signal);
        yield infoOf(key, item, context);
      }
      if (page.nextPageToken !== undefined && page.nextPageToken === token)
        throw storageError('STORE_SERVER_ERROR', 'the store cut a listing short and does not say how it goes on', {
          context: { store: this.name, prefix },
        });
      token = page.nextPageToken;
    } while (token !== undefined);
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) this.begin(key, options);
    await deleteObjects({
      client: this.client,
      names: keys.map((key) => this.prefix + key),
      signal: options.signal,
      context: this.context('delete'),
      assertBucket: () => this.assertBucket(options.signal),
    });
  }

  async inspect(options: CallOptions = {}): Promise<readonly StoreFinding[]> {
    this.assertOpen();
    return inspectGcsBucket(this.client, this.prefix, this.context('bucket'), options.signal);
  }

  async close(): Promise<void> {
    await this.end();
    this.client.close();
  }

  private async putLarge(key: string, object: NewObject, options: PutOptions): Promise<void> {
    const upload = putResumable({
      client: this.client,
      object,
      signal: options.signal,
      context: this.context('upload', key),
      ...this.deps,
    });
    await this.uploading(upload);
  }

  private async page(
    prefix: string,
    after: string | undefined,
    token: string | undefined,
    context: GcsErrorContext,
    signal: AbortSignal | undefined,
  ): Promise<Partial<ObjectPage>> {
    const answer = await this.client.send({
      method: 'GET',
      at: objectsPath(this.config),
      query: {
        prefix: this.prefix + prefix,
        startOffset: after === undefined ? undefined : this.prefix + after,
        pageToken: token,
        maxResults: String(PAGE),
        fields: 'items(name,size,timeCreated,updated),nextPageToken',
      },
      signal,
      context,
    });
    return jsonOf<ObjectPage>(answer, context);
  }

  /** Google checks CRC32C; that the body is the one whose SHA-256 is known is looked at here, before it is sent. */
  private assertSha256(key: string, body: Buffer, sha256: string | undefined): void {
    if (sha256 !== undefined && hash('sha256', body) !== sha256)
      throw storageError('STORE_TRANSFER_DAMAGED', 'the body is not the one whose SHA-256 was given', {
        context: { store: this.name, key, bytes: body.length },
      });
  }

  /** Google sends its checksum with what is read; an object that a proxy damaged on its way is asked for again. */
  private assertReadWhole(key: string, answer: HttpAnswer): void {
    const hashes = [answer.headers['x-goog-hash'] ?? []].flat().join(',');
    const expected = /(?:^|,)\s*crc32c=([^,]+)/.exec(hashes)?.[1];
    if (expected !== undefined && crc32cBase64(answer.body) !== expected)
      throw storageError('STORE_TRANSFER_DAMAGED', 'the bytes read do not have the checksum that the store gives', {
        context: { store: this.name, key, bytes: answer.body.length },
      });
  }

  /**
   * Absent is believed only where the answer names the object, or the bucket answers to these credentials: a missing bucket
   * or a gateway must never look like a missing object, or copies would be taken for lost.
   */
  private async explain(refusal: GcsRefusal, key: string, signal: AbortSignal | undefined): Promise<Error> {
    const { fault, storeError } = refusal;
    if (fault.status !== 404 || isHoldfastError(storeError, 'STORE_BUCKET_MISSING') || namesMissingObject(fault))
      return storeError;
    await this.assertBucket(signal);
    return storageError('STORE_OBJECT_MISSING', '', { context: { store: this.name, bucket: this.config.bucket, key } });
  }

  private assertBucket(signal: AbortSignal | undefined): Promise<void> {
    const context = this.context('bucket');
    const query = { prefix: this.prefix, maxResults: '1', fields: 'nextPageToken' };
    return this.seeBucket(async () =>
      jsonOf(await this.client.send({ method: 'GET', at: objectsPath(this.config), query, signal, context }), context),
    );
  }

  private context(operation: GcsOperation, key?: string): GcsErrorContext {
    return { store: this.name, bucket: this.config.bucket, operation, key };
  }
}

interface ObjectPage {
  readonly items: readonly Partial<ObjectResource>[];
  readonly nextPageToken: string;
}

function infoOf(key: string, found: Partial<ObjectResource>, context: GcsErrorContext): ObjectInfo {
  const bytes = Number(found.size);
  const modifiedAt = new Date(found.timeCreated ?? found.updated ?? NaN);
  if (!Number.isSafeInteger(bytes) || Number.isNaN(modifiedAt.getTime()))
    throw storageError('STORE_SERVER_ERROR', 'the store describes an object without size or time', {
      context: { ...context, key },
    });
  return { key, bytes, modifiedAt };
}
