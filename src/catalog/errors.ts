import { catalogError, type CATALOG_ERRORS } from '../errors/catalog';
import { HoldfastError } from '../errors/holdfast-error';
import { redact } from '../errors/redact';

type Code = keyof typeof CATALOG_ERRORS;

/** SQLSTATE, or its class of two letters → our code. */
const BY_SQLSTATE: Readonly<Record<string, Code>> = {
  '08': 'CATALOG_UNREACHABLE',
  '57P': 'CATALOG_UNREACHABLE',
  '53300': 'CATALOG_UNREACHABLE',
  '28': 'CATALOG_ACCESS_DENIED',
  '42501': 'CATALOG_ACCESS_DENIED',
  '3D000': 'CATALOG_DATABASE_MISSING',
  '42P01': 'CATALOG_NOT_MIGRATED',
  '42703': 'CATALOG_NOT_MIGRATED',
  '3F000': 'CATALOG_NOT_MIGRATED',
  '40': 'CATALOG_BUSY',
  '55P03': 'CATALOG_BUSY',
  '57014': 'CATALOG_BUSY',
  '25006': 'CATALOG_READ_ONLY',
  '53100': 'CATALOG_READ_ONLY',
};

const NETWORK = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES|CERT_|ERR_TLS|ERR_SSL)/;
const LOST =
  /connection (terminated|ended)|timeout exceeded when trying to connect|server closed|client has encountered a connection error/i;

/** Any error of pg as one of ours. The cause is left out: pg's errors may repeat parameters. */
export function toCatalogError(error: unknown, connection: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const sqlstate = textOf(error, 'code');
  const message = redact(error instanceof Error ? error.message || error.name : String(error));
  return catalogError(codeOf(sqlstate, message), message, {
    context: { connection, ...(/^[0-9A-Z]{5}$/.test(sqlstate) ? { sqlstate } : {}) },
  });
}

/** True when the connection broke under the query: asking again on a new one may help at once. */
export function isConnectionLost(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  return (
    LOST.test(message) || /^(57P|08)/.test(textOf(error, 'code')) || /^(ECONNRESET|EPIPE)$/.test(textOf(error, 'code'))
  );
}

function codeOf(sqlstate: string, message: string): Code {
  const known =
    BY_SQLSTATE[sqlstate] ??
    BY_SQLSTATE[sqlstate.slice(0, 3)] ??
    (sqlstate.length === 5 ? BY_SQLSTATE[sqlstate.slice(0, 2)] : undefined);
  if (known) return known;
  return NETWORK.test(sqlstate) || LOST.test(message) ? 'CATALOG_UNREACHABLE' : 'CATALOG_FAILED';
}

function textOf(error: unknown, key: string): string {
  const value = typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[key] : undefined;
  return typeof value === 'string' ? value : '';
}
