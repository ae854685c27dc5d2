import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { S3StoreConfig } from '../../config/schema';
import type { SecretResolver } from '../secrets';
import { realTiming, type Timing } from '../timing';
import { credentialSource, retryWithFreshCredentials, sdkCredentials } from './credentials';
import { DirectRequests } from './direct';

const CONNECT_TIMEOUT_MS = 10_000;
/** Requests that wait for a socket are meant to wait; the SDK would warn of them on the console. */
const silent = () => undefined;
const SILENT = { trace: silent, debug: silent, info: silent, warn: silent, error: silent };

/**
 * An SDK client that does nothing on its own account: no retries (the decorator decides), no checksums beyond ours, no
 * `Expect: 100-continue` (it costs a round trip, and a second at servers that do not answer it). A refused key is read
 * again before it is believed.
 */
export function createS3Client(config: S3StoreConfig, secrets: SecretResolver, timing: Timing = realTiming): S3Client {
  return openS3(config, secrets, timing).client;
}

/** A client, and the short way that shares its keys and sockets. */
export function openS3(
  config: S3StoreConfig,
  secrets: SecretResolver,
  timing: Timing,
): { readonly client: S3Client; readonly direct: DirectRequests } {
  const source = credentialSource(config, secrets);
  const sockets = { keepAlive: true, maxSockets: config.limits.maxRequests };
  const client = new S3Client({
    region: config.region,
    endpoint: config.endpoint,
    forcePathStyle: config.pathStyle,
    credentials: sdkCredentials(source),
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
  if (source !== null) retryWithFreshCredentials(client, source, timing);
  return { client, direct: new DirectRequests(client, config.bucket, source, timing) };
}
