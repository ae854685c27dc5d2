import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { S3StoreConfig } from '../../config/schema';
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
import { abortReason, throwIfAborted, type Timing } from '../timing';
import { readBody } from './body';
import { checksumOf, sha256Hex } from './checksum';
import { openS3 } from './client';
import { Deleter } from './delete';
import { drain, putHeaders, type DirectRequests } from './direct';
import { s3Error, statusOf, type S3ErrorContext, type S3Operation } from './errors';
import { inspectBucket } from './inspect';
import { putMultipart } from './multipart';
import { lockDigest, objectSettings, send, withPayloadHash, writePermissions } from './requests';

export interface S3StoreDependencies {
  readonly timing: Timing;
  /** For the parts of large objects; whole calls are tried again by the decorator. */
  readonly backoff: BackoffPolicy;
}

/** Objects in a bucket of any S3-compatible store. Contacts it at the first call. */
export function createS3Store(config: S3StoreConfig, secrets: SecretResolver, deps: S3StoreDependencies): ObjectStore {
  return new S3Store(config, openS3(config, secrets, deps.timing), deps);
}

interface GetAnswer {
  readonly body: Readable;
  /** As announced; undefined where the store does not say. */
  readonly bytes: number | undefined;
  /** The store sent no more than the range that was asked for. */
  readonly partial: boolean;
}

class S3Store extends RemoteStore implements ObjectStore {
  readonly kind = 's3';
  readonly capabilities: StoreCapabilities;
  private readonly client: S3Client;
  private readonly direct: DirectRequests;
  private readonly deleter: Deleter;

  constructor(
    private readonly config: S3StoreConfig,
    access: { readonly client: S3Client; readonly direct: DirectRequests },
    private readonly deps: S3StoreDependencies,
  ) {
    super(config, deps.timing);
    const { client } = access;
    this.client = client;
    this.direct = access.direct;
    this.capabilities = {
      createOnly: config.createOnly === 'if-none-match',
      serverChecksum: config.checksum !== 'none',
    };
    this.deleter = new Deleter({ client, config }, this.name);
  }

  async put(key: string, body: Buffer, options: PutOptions = {}): Promise<PutResult> {
    this.begin(key, options);
    const createOnly = options.createOnly ?? false;
    const large = body.length > this.config.multipartThreshold;
    // Without conditional writes this look is all there is; for a large object it spares the upload.
    if (createOnly && (large || !this.capabilities.createOnly) && (await this.head(key, options)) !== null)
      return { created: false };
    const conditional = createOnly && this.capabilities.createOnly;
    try {
      if (large) await this.putLarge(key, body, conditional, options);
      else await this.putWholeOnceMore(key, body, conditional, options);
      return { created: true };
    } catch (error) {
      const refused = isHoldfastError(error) && (error.context.status === 412 || error.context.status === 304);
      if (conditional && refused) return { created: false };
      throw error;
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<Buffer> {
    assertRange(options.range);
    this.begin(key, options);
    const { range, signal } = options;
    if (range && range.start === range.end) return this.emptyRange(key, options);
    const context = this.context('get', key);
    try {
      const answer = await send(context, signal, (to) => this.request(key, range, to.abortSignal));
      const body = await readBody(answer.body, answer.bytes, context, signal);
      // A store that ignores the range sends the whole object.
      return range && !answer.partial ? body.subarray(range.start, range.end) : body;
    } catch (error) {
      if (range && isHoldfastError(error) && error.context.status === 416) return Buffer.alloc(0);
      if (isHoldfastError(error, 'STORE_OBJECT_MISSING')) await this.assertBucket(signal);
      throw error;
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectInfo | null> {
    this.begin(key, options);
    const { signal } = options;
    try {
      const found = await this.client.send(
        new HeadObjectCommand({ Bucket: this.config.bucket, Key: this.prefix + key }),
        { abortSignal: signal },
      );
      return { key, bytes: found.ContentLength ?? 0, modifiedAt: found.LastModified ?? new Date(0) };
    } catch (error) {
      if (signal?.aborted) throw abortReason(signal);
      if (statusOf(error) === 404) {
        // The answer has no body and does not tell a missing object from a missing bucket.
        await this.assertBucket(signal);
        return null;
      }
      throw await this.explain(key, error, signal);
    }
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    assertPrefix(prefix, this.name);
    const context = this.context('list', prefix);
    let token: string | undefined;
    do {
      this.assertOpen();
      const page = await send(context, options.signal, (to) =>
        this.client.send(
          new ListObjectsV2Command({
            Bucket: this.config.bucket,
            Prefix: this.prefix + prefix,
            ContinuationToken: token,
            StartAfter: token === undefined && options.after !== undefined ? this.prefix + options.after : undefined,
          }),
          to,
        ),
      );
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        const key = Key!.slice(this.prefix.length);
        // Markers of folders that some consoles make are no objects of ours.
        if (key === '' || key.endsWith('/')) continue;
        if (options.after !== undefined && compareKeys(key, options.after) <= 0) continue;
        throwIfAborted(options.signal);
        yield { key, bytes: Size ?? 0, modifiedAt: LastModified ?? new Date(0) };
      }
      const next = page.IsTruncated ? page.NextContinuationToken : undefined;
      if (page.IsTruncated && (next === undefined || next === token))
        throw storageError('STORE_SERVER_ERROR', 'the store cut a listing short and does not say how it goes on', {
          context: { store: this.name, prefix },
        });
      token = next;
    } while (token !== undefined);
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) this.begin(key, options);
    await this.deleter.delete(
      keys.map((key) => this.prefix + key),
      options.signal,
    );
  }

  async inspect(options: CallOptions = {}): Promise<readonly StoreFinding[]> {
    this.assertOpen();
    const { client, config, prefix } = this;
    return inspectBucket({ client, config }, prefix, this.context('bucket'), options.signal);
  }

  async close(): Promise<void> {
    await this.end();
    this.client.destroy();
  }

  /**
   * MinIO takes folders away with their last object. A put into one that goes at that moment is refused as AccessDenied, and
   * the next one is taken. A right that is really missing is refused twice, which costs one request.
   */
  private async putWholeOnceMore(...put: Parameters<S3Store['putWhole']>): Promise<void> {
    try {
      await this.putWhole(...put);
    } catch (error) {
      if (!isHoldfastError(error, 'STORE_ACCESS_DENIED')) throw error;
      await this.putWhole(...put);
    }
  }

  private async putWhole(key: string, body: Buffer, conditional: boolean, options: PutOptions): Promise<void> {
    const sha256 = options.sha256 ?? sha256Hex(body);
    const input: Omit<PutObjectCommandInput, 'Bucket' | 'Key'> = {
      IfNoneMatch: conditional ? '*' : undefined,
      ...objectSettings(this.config, key),
      ...checksumOf(this.config.checksum, body, sha256),
      ...lockDigest(this.config, body),
    };
    const objectKey = this.prefix + key;
    await send(this.context('put', key), options.signal, async (to) => {
      if (await this.direct.serves()) {
        const request = {
          method: 'PUT',
          key: objectKey,
          headers: putHeaders(input, body.length),
          body,
          sha256,
        } as const;
        return drain(await this.direct.send(request, to.abortSignal));
      }
      const object = { Bucket: this.config.bucket, Key: objectKey, Body: body, ContentLength: body.length };
      await this.client.send(withPayloadHash(new PutObjectCommand({ ...input, ...object }), sha256), to);
    });
  }

  /** Asks for an object or a range of it. */
  private async request(key: string, range: GetOptions['range'], signal: AbortSignal | undefined): Promise<GetAnswer> {
    if (await this.direct.serves()) {
      const headers: Record<string, string> = range ? { range: rangeHeader(range) } : {};
      const answer = await this.direct.send({ method: 'GET', key: this.prefix + key, headers }, signal);
      const length = answer.headers['content-length'];
      const bytes = length === undefined ? undefined : Number(length);
      return { body: answer.body, bytes, partial: answer.headers['content-range'] !== undefined };
    }
    const answer = await this.client.send(this.getCommand(key, range), { abortSignal: signal });
    const partial = answer.ContentRange !== undefined;
    return { body: answer.Body as Readable, bytes: answer.ContentLength, partial };
  }

  private async putLarge(key: string, body: Buffer, conditional: boolean, options: PutOptions): Promise<void> {
    const upload = putMultipart({
      client: this.client,
      config: this.config,
      objectKey: this.prefix + key,
      body,
      createOnly: conditional,
      signal: options.signal,
      context: this.context('upload', key),
      ...this.deps,
    });
    await this.uploading(upload);
  }

  private getCommand(key: string, range: GetOptions['range']): GetObjectCommand {
    return new GetObjectCommand({
      Bucket: this.config.bucket,
      Key: this.prefix + key,
      Range: range ? rangeHeader(range) : undefined,
    });
  }

  /** An answer to HEAD has no body, so no reason; the same question as GET has one. */
  private async explain(key: string, error: unknown, signal: AbortSignal | undefined): Promise<Error> {
    const status = statusOf(error);
    if (status === undefined || ![301, 307, 400, 401, 403].includes(status))
      return s3Error(error, this.context('head', key));
    try {
      const answer = await this.client.send(this.getCommand(key, { start: 0, end: 1 }), { abortSignal: signal });
      (answer.Body as Readable | undefined)?.destroy();
      return s3Error(error, this.context('head', key));
    } catch (reason) {
      if (signal?.aborted) return abortReason(signal);
      return s3Error(reason, this.context('head', key));
    }
  }

  private assertBucket(signal: AbortSignal | undefined): Promise<void> {
    return this.seeBucket(() =>
      send(this.context('bucket'), signal, (to) =>
        this.client.send(new ListObjectsV2Command({ Bucket: this.config.bucket, Prefix: this.prefix, MaxKeys: 1 }), to),
      ),
    );
  }

  private context(operation: S3Operation, key?: string): S3ErrorContext {
    const writes = operation === 'put' || operation === 'upload';
    return {
      store: this.name,
      bucket: this.config.bucket,
      operation,
      key,
      permissions: writes ? writePermissions(this.config) : undefined,
    };
  }
}
