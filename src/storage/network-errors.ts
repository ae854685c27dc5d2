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

/** The system code of an error or of one that it wraps. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && networkFault(code) !== null) return code;
    // A name with several addresses fails with one error for each.
    if (at instanceof AggregateError && at.errors.length > 0) return systemCodeOf(at.errors[0]);
  }
  return undefined;
}
