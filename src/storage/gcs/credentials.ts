import type { Storage } from '@google-cloud/storage';
import type { GcsStoreConfig } from '../../config/schema';
import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import { networkFault, systemCodeOf } from '../network-errors';
import type { SecretResolver } from '../secrets';
import { abortReason, throwIfAborted } from '../timing';

/** What Google's client does for us: it finds the credentials, fetches tokens and renews them before they expire. */
type AuthClient = Storage['authClient'];

/** A store as one of its credentials sees it. */
export type GcsSettings = Omit<GcsStoreConfig, 'credentials'> & { readonly credentials?: string };

const TOKEN_TIMEOUT_MS = 20_000;
const KEY_HINT =
  'credentials of this store refers to the JSON key of a service account, or is absent for the default credentials';

export interface GcsCredentials {
  /** Headers that authorise a request now; none for a store that takes anonymous ones. */
  headers(signal?: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** The token was refused: the next request gets a new one. False where no other can be had. */
  renew(): boolean;
}

/**
 * The key file is asked for with each request, so that a rotated one is used at once; tokens are kept for as long as it
 * stays the same.
 */
export function createGcsCredentials(config: GcsSettings, secrets: SecretResolver): GcsCredentials {
  if (config.anonymous) return { headers: async () => ({}), renew: () => false };
  let key: string | null = null;
  let client: Promise<AuthClient> | null = null;
  return {
    async headers(signal) {
      throwIfAborted(signal);
      try {
        const text = config.credentials === undefined ? null : await secrets(config.credentials);
        if (client === null || text !== key) {
          key = text;
          client = openAuthClient(text, config);
          client.catch(() => (client = null));
        }
        const asked = client.then((auth) => auth.getRequestHeaders());
        return Object.fromEntries(await unlessAborted(asked, signal));
      } catch (error) {
        if (signal?.aborted) throw abortReason(signal);
        throw authError(error, config);
      }
    },
    renew() {
      client = null;
      return true;
    },
  };
}

async function openAuthClient(key: string | null, config: GcsSettings): Promise<AuthClient> {
  const json = key === null ? null : parseKey(key, config);
  // Loaded when it is needed: 30 MB and a tenth of a second that other stores do without.
  const google = await import('@google-cloud/storage');
  const transporterOptions = { timeout: TOKEN_TIMEOUT_MS, fetchImplementation: fetch };
  const { authClient } = new google.Storage({ clientOptions: { transporterOptions } });
  // The option of the constructor would do the same and warn of itself on the console.
  if (json !== null) authClient.jsonContent = json;
  return authClient;
}

/** The parser's message would quote the text, which is a secret. */
function parseKey(text: string, config: GcsSettings): NonNullable<AuthClient['jsonContent']> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  if (typeof json !== 'object' || json === null || typeof (json as { type?: unknown }).type !== 'string')
    throw storageError('STORE_CREDENTIALS_INVALID', 'the credentials are not the JSON of a key', {
      context: { store: config.name, credentials: config.credentials },
      hint: KEY_HINT,
    });
  return json as NonNullable<AuthClient['jsonContent']>;
}

/** A request for a token cannot be ended; nobody waits for it any more. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortReason(signal));
    const onAbort = () => reject(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Why there is no token. The original error is left behind: it holds the signed request. */
export function authError(error: unknown, config: Pick<GcsSettings, 'name' | 'credentials'>): Error {
  if (isHoldfastError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const system = systemCodeOf(error);
  const status = (error as { status?: unknown } | null)?.status;
  const says = message.replace(/\s+/g, ' ').slice(0, 200);
  const context = { store: config.name, credentials: config.credentials ?? 'default', says };
  if (/reasonable timeframe|\biat\b|issued at/i.test(message)) return storageError('STORE_CLOCK_SKEW', '', { context });
  if (/expired|invalid_rapt|revoked/i.test(message))
    return storageError('STORE_CREDENTIALS_EXPIRED', '', {
      context,
      hint: 'log in again, or give this store a new key: see credentials of this store',
    });
  if (system !== undefined)
    return storageError(networkFault(system)!, 'the service of tokens cannot be reached', { context });
  if (typeof status === 'number' && (status === 429 || status >= 500))
    return storageError('STORE_SERVER_ERROR', 'the service of tokens failed', { context: { ...context, status } });
  if (/timeout|timed out|aborted/i.test(message))
    return storageError('STORE_TIMEOUT', 'the service of tokens did not answer', { context });
  return storageError('STORE_CREDENTIALS_INVALID', 'no token can be had for the credentials', {
    context,
    hint: `${KEY_HINT}; the account must exist and the key must not be deleted`,
  });
}
