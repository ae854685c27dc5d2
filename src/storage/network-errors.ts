import { types } from 'node:util';
import type { StorageErrorCode } from '../errors/storage';

const TLS = /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|HOSTNAME_MISMATCH|ERR_SSL|EPROTO)/;
const TIMEOUT = /^(ETIMEDOUT|ESOCKETTIMEDOUT|ERR_HTTP_REQUEST_TIMEOUT)$/;
const NETWORK =
  /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ERR_STREAM|HPE_)/;

/** What a system code of a failed connection (`ECONNRESET`) means for a store; null where it says nothing. */
export function networkFault(code: string): StorageErrorCode | null {
  if (TLS.test(code)) return 'STORE_TLS_INVALID';
  if (TIMEOUT.test(code)) return 'STORE_TIMEOUT';
  return NETWORK.test(code) ? 'STORE_UNREACHABLE' : null;
}

/** The system code of an error or of one that it wraps, whatever realm it was made in. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; types.isNativeError(at) && depth < 5; at = at.cause, depth++) {
    const { code, errors } = at as { code?: unknown; errors?: unknown };
    if (typeof code === 'string' && networkFault(code) !== null) return code;
    // A name with several addresses fails with one error for each.
    if (Array.isArray(errors) && errors.length > 0) return systemCodeOf(errors[0]);
  }
  return undefined;
}
