/**
 * A stand-in for Supabase Storage, which cannot be had as a package. It behaves as the real server was seen to behave,
 * its traps included: the true status in the body of a 400, a wrong key told that nothing exists, successes that prove
 * nothing, a connection that hangs after a refused upload, no checksum ever checked.
 */
import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { FileStore } from '@tus/file-store';
import { Server as TusServer, type Upload } from '@tus/server';
import { supabaseStoreSchema, type SupabaseStoreConfig } from '../../src/config/schema';
import type { SecretResolver } from '../../src/storage/create-store';
import { tempFolder } from './temp';

/** A refused upload of this size leaves its connection hanging. */
const HANGS_FROM = 200_000;
const KEY = /^[A-Za-z0-9_/!.*'() &$@=;:+,?-]+$/;
const ROLES = new Set(['service_role', 'authenticated', 'anon']);

export type Permission = 'select' | 'insert' | 'update' | 'delete';

export interface SupabaseServerOptions {
  /** Path before all of the API, as behind a gateway. @default '' */
  readonly basePath?: string;
  /** Bound of every object, bytes. @default 50 MiB */
  readonly fileSizeLimit?: number;
  /** As in production: every Location begins with https://. */
  readonly httpsLocation?: boolean;
  /** Chunks that were not whole when the server died are lost, as with its S3 backend. @default true */
  readonly losesChunks?: boolean;
  /** Roles of one's own, and what row level security permits them on objects; they see the buckets. */
  readonly roles?: Readonly<Record<string, readonly Permission[]>>;
  /** Row level security lets everybody see the buckets, though not the objects. */
  readonly publicSeesBuckets?: boolean;
}

export interface BucketOptions {
  readonly fileSizeLimit?: number;
  readonly allowedMimeTypes?: readonly string[];
  readonly public?: boolean;
}

/** One request as it came in. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: number;
}

export interface SupabaseTestServer {
  readonly url: string;
  readonly port: number;
  /** A valid service key. */
  readonly serviceKey: string;
  /** A key of any role; `secret` other than the server's makes one that is signed wrongly. */
  key(role: string, options?: { expiresIn?: number; secret?: string }): string;
  /** From now on this key is one that the server never signed. */
  revoke(key: string): void;
  createBucket(name: string, options?: BucketOptions): void;
  /** Settings of a store at this server, as loaded from a config file; behind a proxy with another `url`. */
  storeConfig(bucket: string, overrides?: Record<string, unknown>): SupabaseStoreConfig;
  /** Resolves the reference that `storeConfig` puts into the settings. */
  readonly secrets: SecretResolver;
  /** The file that holds the bytes of an object: for tests that damage them. */
  objectPath(bucket: string, key: string): string;
  /** The user metadata of an object; undefined when there is none of this name. */
  metadata(bucket: string, key: string): Readonly<Record<string, unknown>> | undefined;
  /** TUS uploads that are not finished. */
  unfinishedUploads(): Promise<number>;
  /** Forgets every unfinished upload, as after their time has run out. */
  expireUploads(): Promise<void>;
  /** Flips a bit in each of the next `count` objects that come in. */
  damageNext(count: number): void;
  /** Cuts the connection of the next `count` PATCHes in their middle. */
  cutNextPatch(count: number): void;
  /** Runs before each request is served; a promise holds it up. */
  onRequest(hook: (request: SeenRequest) => void | Promise<void>): void;
  /** Runs when a TUS upload has all its bytes, before it becomes an object. */
  onFinish(hook: (key: string) => void | Promise<void>): void;
  readonly requests: SeenRequest[];
  /** Sockets that are open at this moment. */
  openSockets(): number;
  /** Dies without a word, and is back on the same port when `start` has resolved. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface StoredObject {
  readonly id: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly cacheControl: string;
  readonly version: string;
  readonly updatedAt: string;
  readonly userMetadata: Record<string, unknown>;
}

/** The stand-in on a free loopback port, with its objects in a temporary folder. */
export async function startSupabaseServer(options: SupabaseServerOptions = {}): Promise<SupabaseTestServer> {
  const temp = await tempFolder('supabase');
  const server = new StandIn(temp.path, options);
  await mkdir(path.join(temp.path, 'objects'));
  await mkdir(path.join(temp.path, 'uploads'));
  await server.start();
  const serviceKey = server.sign('service_role');
  const url = `http://127.0.0.1:${server.port}${options.basePath ?? ''}`;
  return {
    url,
    port: server.port,
    serviceKey,
    key: (role, { expiresIn, secret } = {}) => server.sign(role, expiresIn, secret),
    revoke: (key) => void server.revoked.add(key),
    createBucket: (name, bucket = {}) => void server.buckets.set(name, { ...bucket, objects: new Map() }),
    storeConfig: (bucket, overrides = {}) =>
      supabaseStoreSchema.parse({
        name: 'supabase',
        adapter: 'supabase',
        url,
        bucket,
        key: 'env:TEST_KEY',
        ...overrides,
      }),
    secrets: () => serviceKey,
    objectPath: (bucket, key) => server.file(bucket, key),
    metadata: (bucket, key) => server.buckets.get(bucket)?.objects.get(key)?.userMetadata,
    unfinishedUploads: () => server.unfinished(),
    expireUploads: () => server.forgetUploads(),
    damageNext: (count) => void (server.damage = count),
    cutNextPatch: (count) => void (server.cuts = count),
    onRequest: (hook) => void (server.hook = hook),
    onFinish: (hook) => void (server.finishing = hook),
    requests: server.requests,
    openSockets: () => server.sockets.size,
    kill: () => server.kill(),
    start: () => server.start(),
    async stop() {
      await server.kill();
      await temp.remove();
    },
  };
}

/** A refusal; REST sends it as 400 with the status in the body, TUS as it is. */
class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly error = code,
  ) {
    super(message);
  }
  /** What @tus/server makes of an error. */
  get status_code(): number {
    return this.status;
  }
  get body(): string {
    return this.message;
  }
}

const noBucket = () => new Refused(404, 'NoSuchBucket', 'Bucket not found', 'Bucket not found');
const noKey = () => new Refused(404, 'NoSuchKey', 'Object not found', 'not_found');
const taken = () => new Refused(409, 'KeyAlreadyExists', 'The resource already exists', 'Duplicate');
const tooLarge = () =>
  new Refused(413, 'EntityTooLarge', 'The object exceeded the maximum allowed size', 'Payload too large');
const rls = () => new Refused(403, 'AccessDenied', 'new row violates row-level security policy', 'Unauthorized');

class StandIn {
  readonly buckets = new Map<string, BucketOptions & { readonly objects: Map<string, StoredObject> }>();
  readonly sockets = new Map<Socket, number>();
  readonly requests: SeenRequest[] = [];
  readonly revoked = new Set<string>();
  damage = 0;
  cuts = 0;
  port = 0;
  hook: (request: SeenRequest) => void | Promise<void> = () => undefined;
  finishing: (key: string) => void | Promise<void> = () => undefined;
  private readonly secret = randomBytes(32).toString('hex');
  private readonly hung = new WeakSet<Socket>();
  private server: http.Server | null = null;
  private tus!: TusServer;
  private store!: FileStore;
  private connections = 0;

  constructor(
    private readonly folder: string,
    private readonly options: SupabaseServerOptions,
  ) {}

  get base(): string {
    return this.options.basePath ?? '';
  }

  async start(): Promise<void> {
    this.store = new FileStore({ directory: this.uploads });
    this.tus = this.createTus();
    const server = http.createServer((request, response) => void this.serve(request, response));
    server.on('connection', (socket) => {
      this.sockets.set(socket, this.connections++);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  async kill(): Promise<void> {
    const { server } = this;
    if (server === null) return;
    this.server = null;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.sockets.keys()) socket.resetAndDestroy();
    await closed;
    if (this.options.losesChunks === false) return;
    for (const { id } of await this.openUploads()) {
      const held = this.heldOffsets.get(id) ?? 0;
      await truncate(path.join(this.uploads, id), held).catch(() => undefined);
    }
  }

  sign(role: string, expiresIn = 3600, secret = this.secret): string {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ role, iat: now, exp: now + expiresIn })}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  }

  file(bucket: string, key: string): string {
    return path.join(this.folder, 'objects', createHash('sha256').update(`${bucket}/${key}`).digest('hex'));
  }

  async unfinished(): Promise<number> {
    return (await this.openUploads()).length;
  }

  async forgetUploads(): Promise<void> {
    for (const { id } of await this.openUploads()) await this.store.remove(id);
  }

  /** Offsets that the last whole chunk of each upload reached. */
  private readonly heldOffsets = new Map<string, number>();

  private get uploads(): string {
    return path.join(this.folder, 'uploads');
  }

  private async openUploads(): Promise<Upload[]> {
    const names = (await readdir(this.uploads)).filter((name) => !name.endsWith('.json'));
    const found = await Promise.all(names.map((id) => this.store.getUpload(id).catch(() => null)));
    return found.filter((upload) => upload !== null && upload.offset !== upload.size) as Upload[];
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    // What is left of a refused body stands before this request: it is never answered.
    if (this.hung.has(socket)) return;
    const url = new URL(request.url!, 'http://localhost');
    const seen = {
      method: request.method!,
      path: url.pathname,
      headers: request.headers,
      socket: this.sockets.get(socket) ?? -1,
    };
    this.requests.push(seen);
    await this.hook(seen);
    const at = url.pathname.slice(this.base.length);
    try {
      if (!url.pathname.startsWith(`${this.base}/`)) return this.noRoute(request, response);
      if (at.startsWith('/upload/resumable')) await this.serveTus(request, response);
      else await this.rest(at, request, response);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const large = Number(request.headers['content-length'] ?? 0) >= HANGS_FROM;
      if (large && request.headers.connection !== 'close') this.hung.add(socket);
      const { status, code, message } = error;
      const sent = status === 500 ? 500 : 400;
      json(response, sent, { statusCode: String(status), error: error.error, message, code });
    }
  }

  private noRoute({ method, url }: IncomingMessage, response: ServerResponse): void {
    json(response, 404, { message: `Route ${method}:${url} not found`, error: 'Not Found', statusCode: 404 });
  }

  /** The role of a good key; null for none that is good where `lenient`. */
  private role(request: IncomingMessage, lenient = false): string | null {
    const { authorization } = request.headers;
    if (authorization === undefined && !lenient)
      throw new Refused(400, 'InvalidRequest', "headers must have required property 'authorization'", 'Error');
    const role = this.verify((authorization ?? '').replace(/^Bearer\s*/i, ''));
    if (typeof role === 'string') {
      if (!ROLES.has(role) && !Object.hasOwn(this.options.roles ?? {}, role))
        throw new Refused(500, 'DatabaseError', `role "${role}" does not exist`);
      return role;
    }
    if (lenient) return null;
    throw new Refused(role.empty ? 400 : 403, 'AccessDenied', role.message, 'Unauthorized');
  }

  private verify(token: string): string | { message: string; empty?: boolean } {
    const [head, claims, signature] = token.split('.');
    if (token === '') return { message: 'Invalid Compact JWS', empty: true };
    if (!head || !claims || !signature) return { message: 'Invalid Compact JWS' };
    const wanted = createHmac('sha256', this.secret).update(`${head}.${claims}`).digest();
    const given = Buffer.from(signature, 'base64url');
    if (this.revoked.has(token) || given.length !== wanted.length || !timingSafeEqual(given, wanted))
      return { message: 'signature verification failed' };
    const { exp, role } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number; role: string };
    return exp * 1000 < Date.now() ? { message: '"exp" claim timestamp check failed' } : role;
  }

  private async rest(at: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method } = request;
    if (method === 'GET' && at === '/bucket') {
      const visible = this.seesBuckets(this.role(request));
      return json(
        response,
        200,
        visible ? [...this.buckets.keys()].map((id) => ({ id, name: id, public: false })) : [],
      );
    }
    const one = /^\/bucket\/([^/]+)$/.exec(at);
    if (method === 'GET' && one) return this.bucket(decodeURIComponent(one[1]!), request, response);
    const match = /^\/object\/(info\/|list-v2\/|list\/)?([^/]+)(?:\/(.*))?$/.exec(at);
    if (!match) return this.noRoute(request, response);
    const [, verb, bucketName, rawKey] = match;
    const bucket = decodeURIComponent(bucketName!);
    const key = decodeURIComponent(rawKey ?? '');
    if (method === 'POST' && verb === 'list-v2/') return this.listV2(bucket, request, response);
    if (method === 'DELETE' && !verb && rawKey === undefined) return this.remove(bucket, request, response);
    if (method === 'GET' && verb === 'info/') return this.info(bucket, key, request, response);
    if (method === 'GET' && !verb) return this.download(bucket, key, request, response);
    if (method === 'POST' && !verb) return this.upload(bucket, key, request, response);
    return this.noRoute(request, response);
  }

  private seesBuckets(role: string | null): boolean {
    return role === 'service_role' || this.options.publicSeesBuckets === true || role! in (this.options.roles ?? {});
  }

  private may(role: string | null, permission: Permission): boolean {
    return role === 'service_role' || (role !== null && (this.options.roles?.[role]?.includes(permission) ?? false));
  }

  private bucket(name: string, request: IncomingMessage, response: ServerResponse): void {
    const found = this.seesBuckets(this.role(request)) ? this.buckets.get(name) : undefined;
    if (!found) throw noBucket();
    json(response, 200, {
      ...{ id: name, name, public: found.public ?? false },
      ...{ file_size_limit: found.fileSizeLimit ?? null, allowed_mime_types: found.allowedMimeTypes ?? null },
    });
  }

  private async upload(bucket: string, key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const role = this.role(request);
    const contentType = String(request.headers['content-type'] ?? '');
    const upsert = request.headers['x-upsert'] === 'true';
    // Refused before the body is read: this is what leaves a connection hanging.
    this.assertWritable({
      bucket,
      key,
      role,
      contentType,
      upsert,
      bytes: Number(request.headers['content-length'] ?? 0),
    });
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return;
    }
    const metadata = request.headers['x-metadata'];
    const userMetadata = metadata ? (JSON.parse(Buffer.from(String(metadata), 'base64').toString()) as object) : {};
    const body = this.damaged(Buffer.concat(chunks));
    if (!upsert && this.buckets.get(bucket)!.objects.has(key)) throw taken();
    const stored = this.index({ bucket, key, bytes: body.length, contentType, userMetadata, request });
    await writeFile(this.file(bucket, key), body);
    json(response, 200, { Key: `${bucket}/${key}`, Id: stored.id });
  }

  private async download(
    bucket: string,
    key: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const role = this.role(request, true);
    // Who is not known is told that there is nothing, not that the key is wrong.
    if (role === null || !this.buckets.has(bucket)) throw noBucket();
    const found = this.may(role, 'select') ? this.buckets.get(bucket)!.objects.get(key) : undefined;
    if (!found) throw noKey();
    const body = await readFile(this.file(bucket, key));
    const headers = { 'content-type': found.contentType, 'cache-control': found.cacheControl };
    const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
    if (!range) return void response.writeHead(200, { ...headers, 'content-length': body.length }).end(body);
    const start = range[1] === '' ? Math.max(0, body.length - Number(range[2])) : Number(range[1]);
    const end = range[1] === '' || range[2] === '' ? body.length : Math.min(body.length, Number(range[2]) + 1);
    if (start >= body.length) throw new Refused(416, 'InvalidRange', 'The requested range is not satisfiable');
    const part = body.subarray(start, end);
    const contentRange = `bytes ${start}-${end - 1}/${body.length}`;
    response.writeHead(206, { ...headers, 'content-range': contentRange, 'content-length': part.length }).end(part);
  }

  private info(bucket: string, key: string, request: IncomingMessage, response: ServerResponse): void {
    const role = this.role(request);
    const found = this.may(role, 'select') ? this.buckets.get(bucket)?.objects.get(key) : undefined;
    if (this.seesBuckets(role) && this.may(role, 'select') && !this.buckets.has(bucket)) throw noBucket();
    if (!found) throw noKey();
    json(response, 200, {
      id: found.id,
      name: key,
      version: found.version,
      bucket_id: bucket,
      size: found.bytes,
      content_type: found.contentType,
      cache_control: found.cacheControl,
      etag: `"${found.version}"`,
      metadata: found.userMetadata,
      last_modified: found.updatedAt,
      created_at: found.updatedAt,
    });
  }

  private async remove(bucket: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const role = this.role(request);
    const { prefixes } = (await readJson(request)) as { prefixes: string[] };
    // What a role may not see it cannot delete either.
    const may = this.may(role, 'delete') && this.may(role, 'select');
    const objects = may ? this.buckets.get(bucket)?.objects : undefined;
    const gone = prefixes.filter((key) => objects?.delete(key));
    for (const key of gone) await rm(this.file(bucket, key), { force: true });
    // A success, whatever was there.
    json(
      response,
      200,
      gone.map((name) => ({ name, bucket_id: bucket })),
    );
  }

  private async listV2(bucket: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const role = this.role(request);
    const query = (await readJson(request)) as { prefix?: string; limit?: number; cursor?: string };
    const objects = this.may(role, 'select') ? this.buckets.get(bucket)?.objects : undefined;
    const limit = Math.min(query.limit ?? 1000, 1000);
    const after = query.cursor === undefined ? '' : Buffer.from(query.cursor, 'base64').toString();
    if (after !== '' && !after.startsWith('l:'))
      throw new Refused(400, 'InvalidParameter', 'Invalid Parameter continuation token');
    const names = [...(objects?.keys() ?? [])]
      .filter((name) => name.startsWith(query.prefix ?? '') && name > after.slice(2))
      .sort();
    const page = names.slice(0, limit);
    const hasNext = names.length > limit;
    json(response, 200, {
      hasNext,
      folders: [],
      objects: page.map((name) => {
        const { id, bytes, contentType, updatedAt } = objects!.get(name)!;
        return {
          id,
          name,
          metadata: { size: bytes, mimetype: contentType },
          updated_at: updatedAt,
          created_at: updatedAt,
        };
      }),
      ...(hasNext && { nextCursor: Buffer.from(`l:${page.at(-1)}`).toString('base64') }),
    });
  }

  private assertWritable(to: {
    bucket: string;
    key: string;
    role: string | null;
    contentType: string;
    upsert: boolean;
    bytes: number;
  }): void {
    const bucket = this.buckets.get(to.bucket);
    if (!bucket) throw noBucket();
    if (!KEY.test(to.key)) throw new Refused(400, 'InvalidKey', `Invalid key: ${to.key}`);
    const needed: readonly Permission[] = to.upsert ? ['insert', 'select', 'update'] : ['insert'];
    if (!needed.every((permission) => this.may(to.role, permission))) throw rls();
    if (bucket.allowedMimeTypes && !bucket.allowedMimeTypes.includes(to.contentType))
      throw new Refused(415, 'InvalidMimeType', `mime type ${to.contentType} is not supported`, 'invalid_mime_type');
    if (to.bytes > this.limit(to.bucket)) throw tooLarge();
    if (!to.upsert && bucket.objects.has(to.key)) throw taken();
  }

  private limit(bucket: string): number {
    const whole = this.options.fileSizeLimit ?? 50 * 1024 * 1024;
    return Math.min(whole, this.buckets.get(bucket)?.fileSizeLimit ?? whole);
  }

  private damaged(body: Buffer): Buffer {
    if (this.damage === 0 || body.length === 0) return body;
    this.damage--;
    const copy = Buffer.from(body);
    copy[copy.length >> 1]! ^= 1;
    return copy;
  }

  private index(of: {
    bucket: string;
    key: string;
    bytes: number;
    contentType: string;
    userMetadata: object;
    request?: IncomingMessage;
  }): StoredObject {
    const stored: StoredObject = {
      id: randomUUID(),
      bytes: of.bytes,
      contentType: of.contentType,
      cacheControl: String(of.request?.headers['cache-control'] ?? 'no-cache'),
      version: randomUUID(),
      updatedAt: new Date().toISOString(),
      userMetadata: { ...of.userMetadata },
    };
    this.buckets.get(of.bucket)!.objects.set(of.key, stored);
    return stored;
  }

  private async serveTus(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'HEAD' && request.method !== 'OPTIONS') this.role(request);
    if (request.method === 'PATCH' && this.cuts > 0) {
      this.cuts--;
      let taken = 0;
      request.on('data', (chunk: Buffer) => {
        taken += chunk.length;
        if (taken > 1024 * 1024) request.socket.resetAndDestroy();
      });
    }
    await this.tus.handle(request, response);
    const id = request.url!.split('/').at(-1)!;
    const offset = Number(response.getHeader('upload-offset'));
    if (request.method === 'PATCH' && response.statusCode === 204) this.heldOffsets.set(id, offset);
  }

  private createTus(): TusServer {
    const nodeRequest = (request: object) =>
      (request as { runtime: { node: { req: IncomingMessage } } }).runtime.node.req;
    const upsertOf = (request: object) => nodeRequest(request).headers['x-upsert'] === 'true';
    return new TusServer({
      path: `${this.base}/upload/resumable`,
      datastore: this.store,
      disableTerminationForFinishedUploads: true,
      namingFunction: () => randomUUID(),
      generateUrl: (_, { proto, host, path: at, id }) =>
        `${this.options.httpsLocation ? 'https' : proto}://${host}${at}/${id}`,
      maxSize: async (_, id) => {
        const upload = id === null ? null : await this.store.getUpload(id).catch(() => null);
        return this.limit(upload?.metadata?.['bucketName'] ?? '');
      },
      onIncomingRequest: async (request, id) => {
        const node = nodeRequest(request);
        if (node.method !== 'PATCH') return;
        const { metadata } = await this.store.getUpload(id);
        const [bucket, key] = [metadata?.['bucketName'] ?? '', metadata?.['objectName'] ?? ''];
        if (!upsertOf(request) && this.buckets.get(bucket)?.objects.has(key)) throw taken();
      },
      onUploadCreate: async (request, { metadata, size }) => {
        this.assertWritable({
          bucket: metadata?.['bucketName'] ?? '',
          key: metadata?.['objectName'] ?? '',
          role: this.role(nodeRequest(request)),
          contentType: metadata?.['contentType'] ?? '',
          upsert: upsertOf(request),
          bytes: size ?? 0,
        });
        return {};
      },
      onUploadFinish: async (request, { id, metadata, size }) => {
        const [bucket, key] = [metadata!['bucketName']!, metadata!['objectName']!];
        await this.finishing(key);
        if (!upsertOf(request) && this.buckets.get(bucket)!.objects.has(key)) throw taken();
        const userMetadata = JSON.parse(metadata!['metadata'] ?? '{}') as object;
        this.index({ bucket, key, bytes: size!, contentType: metadata!['contentType'] ?? '', userMetadata });
        const from = path.join(this.uploads, id);
        const to = this.file(bucket, key);
        if (this.damage > 0) await writeFile(to, this.damaged(await readFile(from)));
        else await copyFile(from, to);
        return {};
      },
    });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}
