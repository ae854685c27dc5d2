/**
 * Requests for one object, without the layers of the SDK between its parts: in a process that sends some hundred objects they
 * take more processor time than sealing does. Address, keys, clock, signature, sockets and time limits are the SDK's own, so a
 * request is what the SDK would send, but for the headers in which it tells about itself.
 */
import type { Readable } from 'node:stream';
import { PutObjectCommand, type PutObjectCommandInput, type S3Client } from '@aws-sdk/client-s3';
import { getEndpointFromInstructions } from '@smithy/core/endpoints';
import { escapeUri, HttpRequest } from '@smithy/core/protocols';
import type { AuthScheme, RequestSigner } from '@smithy/types';
import { storageError } from '../../errors/storage';
import { freshCredentials, type CredentialSource } from './credentials';
import type { Timing } from '../timing';

/** Hex SHA-256 of a body of no bytes. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
/** A refusal is a few hundred bytes; of what is longer, the rest is not kept. */
const MAX_REFUSAL_BYTES = 64 * 1024;

export interface DirectRequest {
  readonly method: 'GET' | 'PUT';
  /** With the prefix of the store. */
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Hex SHA-256 of the body. */
  readonly sha256?: string;
}

export interface DirectAnswer {
  readonly headers: Readonly<Record<string, string>>;
  /** To be read to its end or destroyed: its socket serves nobody else before. */
  readonly body: Readable;
}

/** A refusal, in the parts of an SDK error that are looked at. */
export class S3Refusal extends Error {
  readonly Code: string;
  readonly Region: string | undefined;
  readonly ServerTime: string | undefined;
  readonly $metadata: { readonly httpStatusCode: number; readonly requestId: string | undefined };
  readonly $response: { readonly statusCode: number; readonly headers: Readonly<Record<string, string>> };

  constructor(statusCode: number, headers: Readonly<Record<string, string>>, text: string) {
    super(elementOf(text, 'Message') ?? '');
    // An answer without a code is told by its status.
    this.Code = elementOf(text, 'Code') ?? (statusCode === 404 ? 'NotFound' : 'Unknown');
    this.name = this.Code;
    this.Region = elementOf(text, 'Region');
    this.ServerTime = elementOf(text, 'ServerTime');
    this.$metadata = { httpStatusCode: statusCode, requestId: headers['x-amz-request-id'] };
    this.$response = { statusCode, headers };
  }
}

/** How to reach the bucket. */
interface Way {
  readonly endpoint: URL;
  readonly scheme: AuthScheme;
  readonly signer: RequestSigner;
  readonly correctsClock: boolean;
}

/** Members of a client's configuration that its type leaves open. */
interface ClientInternals {
  systemClockOffset: number;
  readonly disableClockSkewCorrection?: () => Promise<boolean>;
}

export class DirectRequests {
  private way: Promise<Way | null> | null = null;

  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly source: CredentialSource | null,
    private readonly timing: Timing,
  ) {}

  /** False where requests are signed in a way of their own (directory buckets, access points of several regions). */
  async serves(): Promise<boolean> {
    return (await this.findWay()) !== null;
  }

  /** The answer, when the store did as it was asked; throws S3Refusal, or what the network's failure was. */
  async send(request: DirectRequest, signal: AbortSignal | undefined): Promise<DirectAnswer> {
    const way = await this.findWay();
    if (way === null) throw storageError('STORE_UNSUPPORTED', 'the bucket wants signatures of its own kind');
    return freshCredentials(this.source, this.timing, () => this.sendOnce(way, request, signal));
  }

  private findWay(): Promise<Way | null> {
    this.way ??= this.look().catch((error: unknown) => {
      this.way = null;
      throw error;
    });
    return this.way;
  }

  private async look(): Promise<Way | null> {
    const { config } = this.client;
    const { url, properties } = await getEndpointFromInstructions(
      { Bucket: this.bucket, Key: 'key' },
      PutObjectCommand,
      { ...config },
    );
    const scheme = (properties?.authSchemes as AuthScheme[] | undefined)?.[0];
    if (scheme?.name !== 'sigv4') return null;
    const { disableClockSkewCorrection } = config as Partial<ClientInternals>;
    return {
      endpoint: url,
      scheme,
      signer: await config.signer(scheme),
      correctsClock: (await disableClockSkewCorrection?.()) !== true,
    };
  }

  private async sendOnce(
    way: Way,
    { method, key, headers, body, sha256 }: DirectRequest,
    signal: AbortSignal | undefined,
  ): Promise<DirectAnswer> {
    const { config } = this.client;
    const { endpoint, scheme } = way;
    const unsigned = new HttpRequest({
      method,
      protocol: endpoint.protocol,
      hostname: endpoint.hostname,
      ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
      path: `${endpoint.pathname.replace(/\/$/, '')}/${key.split('/').map(escapeUri).join('/')}`,
      headers: { ...headers, host: endpoint.host, 'x-amz-content-sha256': sha256 ?? EMPTY_SHA256 },
      body,
    });
    const request = await way.signer.sign(unsigned, {
      signingDate: new Date(Date.now() + (way.correctsClock ? this.clock.systemClockOffset : 0)),
      signingRegion: scheme.signingRegion,
      signingService: scheme.signingName,
    });
    const { response } = await config.requestHandler.handle(request as HttpRequest, { abortSignal: signal });
    if (way.correctsClock) this.correctClock(response.headers);
    const answer = response.body as Readable;
    if (response.statusCode >= 200 && response.statusCode < 300) return { headers: response.headers, body: answer };
    throw new S3Refusal(response.statusCode, response.headers, await readText(answer));
  }

  private get clock(): ClientInternals {
    return this.client.config as unknown as ClientInternals;
  }

  /** As the SDK does it: a machine whose clock is wrong is refused once and no more. An answer from a cache tells no time. */
  private correctClock({ date, age }: Readonly<Record<string, string | undefined>>): void {
    const at = Date.parse(date ?? '');
    if (!Number.isNaN(at) && age === undefined) this.clock.systemClockOffset = at - Date.now();
  }
}

/** Lets an answer pass of which only the headers matter; throws when it is cut off. */
export async function drain({ body }: DirectAnswer): Promise<void> {
  for await (const chunk of body) void chunk;
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (bytes < MAX_REFUSAL_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8');
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Text of the first element of that name. A refusal is flat: an element of its own for each fact. */
function elementOf(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, word?: string) => {
    if (word !== undefined) return ENTITIES[word] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** The headers of a PutObject, as the SDK writes them. */
export function putHeaders(
  input: Omit<PutObjectCommandInput, 'Bucket' | 'Key' | 'Body'>,
  bytes: number,
): Record<string, string> {
  const headers: Record<string, string | undefined> = {
    'content-type': 'application/octet-stream',
    'content-length': String(bytes),
    'if-none-match': input.IfNoneMatch,
    'content-md5': input.ContentMD5,
    'x-amz-checksum-sha256': input.ChecksumSHA256,
    'x-amz-checksum-crc32': input.ChecksumCRC32,
    'x-amz-storage-class': input.StorageClass,
    'x-amz-object-lock-mode': input.ObjectLockMode,
    'x-amz-object-lock-retain-until-date': input.ObjectLockRetainUntilDate?.toISOString().replace('.000Z', 'Z'),
  };
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}
