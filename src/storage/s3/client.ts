import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { S3StoreConfig } from '../../config/schema';
import { storageError } from '../../errors/storage';
import type { SecretResolver } from '../secrets';

const CONNECT_TIMEOUT_MS = 10_000;
/** Requests that wait for a socket are meant to wait; the SDK would warn of them on the console. */
const silent = () => undefined;
const SILENT = { trace: silent, debug: silent, info: silent, warn: silent, error: silent };

/**
 * An SDK client that does nothing on its own account: no retries (the decorator decides), no checksums beyond ours, no
 * `Expect: 100-continue` (it costs a round trip, and a second at servers that do not answer it).
 */
export function createS3Client(config: S3StoreConfig, secrets: SecretResolver): S3Client {
  const sockets = { keepAlive: true, maxSockets: config.limits.maxRequests };
  return new S3Client({
    region: config.region,
    endpoint: config.endpoint,
    forcePathStyle: config.pathStyle,
    credentials: credentialsOf(config, secrets),
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    followRegionRedirects: false,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECT_TIMEOUT_MS,
      // A socket on which nothing moves for this long; the timeout of the whole request is the decorator's.
      socketTimeout: config.limits.timeout,
      httpAgent: new HttpAgent(sockets),
      httpsAgent: new HttpsAgent(sockets),
      logger: SILENT,
    }),
  });
}

/** Resolved for each request, so that a rotated key is used at once; undefined = the SDK's default chain. */
function credentialsOf(config: S3StoreConfig, secrets: SecretResolver): S3ClientConfig['credentials'] {
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw storageError('STORE_CONFIG_INVALID', 'accessKeyId and secretAccessKey belong together', {
      context: { store: config.name },
    });
  return async () => ({
    accessKeyId: await secrets(accessKeyId),
    secretAccessKey: await secrets(secretAccessKey),
    sessionToken: sessionToken === undefined ? undefined : await secrets(sessionToken),
    // Expired at birth: the SDK asks again for the next request.
    expiration: new Date(0),
  });
}
