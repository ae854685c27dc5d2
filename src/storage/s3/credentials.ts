/** The keys of an S3 store by reference: read for each request, and once more before a refusal is believed. */
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3StoreConfig } from '../../config/schema';
import { storageError } from '../../errors/storage';
import type { SecretResolver } from '../secrets';
import type { Timing } from '../timing';
import { codeOf, statusOf } from './errors';

/** Two files are not replaced at one instant: how long the second may take before a pair that does not fit is refused. */
const TORN_PAIR_MS = 500;
/** Refusals that a key which was replaced just now explains; others are about what the key may do. */
const KEY_REFUSED = /^(InvalidAccessKeyId|InvalidAccessKey|SignatureDoesNotMatch|InvalidToken|ExpiredToken)/;

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Reads the references of one credential; `generation` grows whenever what they stand for changed. */
export class CredentialSource {
  private last: string | null = null;
  private count = 0;

  constructor(
    private readonly references: Keys,
    private readonly secrets: SecretResolver,
  ) {}

  get generation(): number {
    return this.count;
  }

  async read(): Promise<Keys> {
    const { accessKeyId, secretAccessKey, sessionToken } = this.references;
    const keys = {
      accessKeyId: await this.secrets(accessKeyId),
      secretAccessKey: await this.secrets(secretAccessKey),
      ...(sessionToken === undefined ? {} : { sessionToken: await this.secrets(sessionToken) }),
    };
    const now = JSON.stringify(keys);
    if (this.last !== now) this.count++;
    this.last = now;
    return keys;
  }
}

/** null: the SDK's default chain, which renews what it finds by itself. */
export function credentialSource(config: S3StoreConfig, secrets: SecretResolver): CredentialSource | null {
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  if (accessKeyId === undefined && secretAccessKey === undefined) return null;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw storageError('STORE_CONFIG_INVALID', 'accessKeyId and secretAccessKey belong together', {
      context: { store: config.name },
    });
  return new CredentialSource(
    { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    secrets,
  );
}

/** For the SDK: resolved for each request, so that a rotated key is used at once. */
export function sdkCredentials(source: CredentialSource | null): S3ClientConfig['credentials'] {
  if (source === null) return undefined;
  return async () => ({
    ...(await source.read()),
    // Expired at birth: the SDK asks again for the next request.
    expiration: new Date(0),
  });
}

type Handler = (args: object) => Promise<unknown>;

/** For the SDK, in its outermost step, so that the second request is signed with the new key. */
export function retryWithFreshCredentials(client: S3Client, source: CredentialSource, timing: Timing): void {
  const middleware = (next: Handler) => (args: object) => freshCredentials(source, timing, () => next(args));
  client.middlewareStack.add(middleware as never, { step: 'initialize', name: 'freshCredentials', priority: 'high' });
}

/**
 * A request that is refused with 401 or 403 reads the references again, and is sent once more when they stand for
 * something else now: a key that was replaced while the request was under way, a part of a long upload for one, costs
 * nothing.
 */
export async function freshCredentials<T>(
  source: CredentialSource | null,
  timing: Timing,
  request: () => Promise<T>,
): Promise<T> {
  if (source === null) return request();
  const before = source.generation;
  try {
    return await request();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (!(await isReplaced(source, before, error, timing))) throw error;
    return request();
  }
}

function isRefusal(error: unknown): boolean {
  const status = statusOf(error);
  return status === 401 || status === 403 || (status === 400 && KEY_REFUSED.test(codeOf(error)));
}

/** Whether the references stand for other keys now than those that the refused request was signed with. */
async function isReplaced(source: CredentialSource, before: number, error: unknown, timing: Timing): Promise<boolean> {
  const used = source.generation;
  await source.read();
  // Another request may have read the new keys while this one was under way; the first of all began at 0.
  if (source.generation !== used || (before > 0 && used !== before)) return true;
  if (!KEY_REFUSED.test(codeOf(error))) return false;
  await timing.sleep(TORN_PAIR_MS);
  await source.read();
  return source.generation !== used;
}
