/** How to reach Temporal, from the config; shared by the client and by workers. */
import type { HoldfastConfig } from '../config/schema';
import { isHoldfastError, type HoldfastError } from '../errors/holdfast-error';
import { orchestrationError } from '../errors/orchestration';
import { redact } from '../errors/redact';

export type SecretResolver = (reference: string) => Promise<string> | string;
export type TemporalConfig = HoldfastConfig['temporal'];

/** Milliseconds until a server that does not answer is called unreachable. */
export const CONNECT_TIMEOUT_MS = 8_000;

export interface TemporalEndpoint {
  readonly address: string;
  readonly apiKey?: string;
  readonly tls?: boolean | TlsFiles;
}
interface TlsFiles {
  serverNameOverride?: string;
  serverRootCACertificate?: Buffer;
  clientCertPair?: { crt: Buffer; key: Buffer };
}

/** Certificates and API key resolved from their references. */
export async function temporalEndpoint(config: TemporalConfig, secrets: SecretResolver): Promise<TemporalEndpoint> {
  const { address, apiKey, tls } = config;
  return {
    address,
    ...(apiKey === undefined ? {} : { apiKey: await secrets(apiKey) }),
    // An API key is only sent over TLS.
    tls: typeof tls === 'boolean' ? tls || apiKey !== undefined : await tlsFiles(tls, secrets),
  };
}

async function tlsFiles(tls: Exclude<TemporalConfig['tls'], boolean>, secrets: SecretResolver): Promise<TlsFiles> {
  const text = async (reference: string) => Buffer.from(await secrets(reference));
  return {
    ...(tls.serverName === undefined ? {} : { serverNameOverride: tls.serverName }),
    ...(tls.ca === undefined ? {} : { serverRootCACertificate: await text(tls.ca) }),
    ...(tls.cert === undefined || tls.key === undefined
      ? {}
      : { clientCertPair: { crt: await text(tls.cert), key: await text(tls.key) } }),
  };
}

/** gRPC status codes. */
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** The same facts, whichever of the SDK's layers failed. */
export function temporalFault(error: unknown, config: Pick<TemporalConfig, 'address' | 'namespace'>): HoldfastError {
  if (isHoldfastError(error)) return error;
  const { address, namespace } = config;
  const status = grpcStatus(error);
  const text = redact(error instanceof Error ? error.message : String(error));
  const make = (code: Parameters<typeof orchestrationError>[0]) =>
    orchestrationError(code, '', { context: { address, namespace, answer: text }, cause: error });
  if (status === NOT_FOUND || /namespace.*not found/i.test(text)) return make('TEMPORAL_NAMESPACE_MISSING');
  if (status === PERMISSION_DENIED || status === UNAUTHENTICATED) return make('TEMPORAL_DENIED');
  return make('TEMPORAL_UNREACHABLE');
}

export function isUnreachable(error: unknown): boolean {
  const status = grpcStatus(error);
  return status === UNAVAILABLE || status === DEADLINE_EXCEEDED;
}

export function grpcStatus(error: unknown): number | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'number') return code;
  }
  return null;
}
