import { createHash } from 'node:crypto';
import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import type { S3StoreConfig } from '../../config/schema';
import { PROBE_PREFIX } from '../keys';
import { abortReason, throwIfAborted } from '../timing';
import { s3Error, type S3ErrorContext } from './errors';

/** Adds the hash of a body that is known already, so that the signer does not hash it once more. */
interface PayloadCommand {
  readonly middlewareStack: {
    add(middleware: never, options: { step: 'build'; name: string }): void;
  };
}

type BuildHandler = (args: { request: unknown }) => Promise<unknown>;

export function withPayloadHash<Command extends PayloadCommand>(command: Command, sha256: string): Command {
  const middleware = (next: BuildHandler) => (args: { request: unknown }) => {
    (args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = sha256;
    return next(args);
  };
  command.middlewareStack.add(middleware as never, { step: 'build', name: 'knownPayloadHash' });
  return command;
}

/** Sends one request; an error comes out as an error of the store, an abort as the reason of the signal. */
export async function send<Output>(
  context: S3ErrorContext,
  signal: AbortSignal | undefined,
  request: (options: { abortSignal?: AbortSignal }) => Promise<Output>,
): Promise<Output> {
  throwIfAborted(signal);
  try {
    return await request({ abortSignal: signal });
  } catch (error) {
    if (signal?.aborted) throw abortReason(signal);
    throw s3Error(error, context);
  }
}

/** Settings that every new object of the store gets, but for the canaries of probes: two a minute, gone at once. */
export function objectSettings(
  config: S3StoreConfig,
  key: string,
): Pick<PutObjectCommandInput, 'StorageClass' | 'ObjectLockMode' | 'ObjectLockRetainUntilDate'> {
  if (key.startsWith(PROBE_PREFIX)) return {};
  return {
    StorageClass: config.storageClass as PutObjectCommandInput['StorageClass'],
    ...(config.objectLock && {
      ObjectLockMode: config.objectLock.mode,
      ObjectLockRetainUntilDate: new Date(Date.now() + config.objectLock.retain),
    }),
  };
}

/** Object Lock wants a checksum with every body; where the store is to be sent none of the newer ones, MD5 serves. */
export function lockDigest(config: S3StoreConfig, body: Buffer): { ContentMD5?: string } {
  if (!config.objectLock || config.checksum !== 'none') return {};
  return { ContentMD5: createHash('md5').update(body).digest('base64') };
}

/** What a denied write may lack besides s3:PutObject. */
export function writePermissions(config: S3StoreConfig): readonly string[] {
  return config.objectLock ? ['s3:PutObjectRetention'] : [];
}

export interface S3Access {
  readonly client: S3Client;
  readonly config: S3StoreConfig;
}
