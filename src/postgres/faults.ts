/** Turns what pg and the operating system report into errors of the catalogue. Details with row values are left out. */
import { postgresError, type PostgresErrorCode } from '../errors/postgres';
import { HoldfastError } from '../errors/holdfast-error';
import { redact } from '../errors/redact';

type Context = Readonly<Record<string, string | number | boolean | null | undefined>>;

interface RawFault {
  readonly code?: string;
  readonly message: string;
  readonly schema?: string;
  readonly table?: string;
  readonly where?: string;
}

const BY_SQLSTATE: Readonly<Record<string, PostgresErrorCode>> = {
  '28P01': 'PG_AUTH_FAILED',
  '28000': 'PG_AUTH_FAILED',
  '3D000': 'PG_DATABASE_UNKNOWN',
  '42501': 'PG_PERMISSION',
  '42P04': 'PG_DATABASE_EXISTS',
  '53100': 'PG_NO_SPACE',
  '53300': 'PG_TOO_MANY_CONNECTIONS',
  '55P03': 'PG_LOCK_TIMEOUT',
  '57014': 'PG_QUERY_CANCELLED',
  '57P01': 'PG_CONNECTION_LOST',
  '57P02': 'PG_CONNECTION_LOST',
  '57P03': 'PG_UNREACHABLE',
  '57P05': 'PG_CONNECTION_LOST',
};

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EACCES',
]);

/** SQLSTATE of a server error; null for anything else. Each has a digit, which tells it from a socket's `EPIPE`. */
export function sqlState(error: unknown): string | null {
  const code = (error as Partial<RawFault> | null)?.code;
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** The error of a failed connection attempt. */
export function connectionFault(error: unknown, context: Context): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const raw = rawFault(error);
  const options = { context, cause: cause(raw) };
  const state = BY_SQLSTATE[raw.code ?? ''];
  if (state !== undefined && state !== 'PG_CONNECTION_LOST') return postgresError(state, fact(state, raw), options);
  if (/client password must be a (non-empty )?string|password must be a string/i.test(raw.message))
    return postgresError('PG_AUTH_FAILED', 'the PostgreSQL server asks for a password and none is configured', options);
  if (
    /certificate|self[- ]signed|does not support SSL|SSL connection|TLS|altnames|UNABLE_TO_/i.test(
      raw.message + raw.code,
    )
  )
    return postgresError('PG_TLS', fact('PG_TLS', raw), options);
  return postgresError('PG_UNREACHABLE', fact('PG_UNREACHABLE', raw), options);
}

/** The error of a failed statement. `what` names the step: "reading a table". */
export function statementFault(error: unknown, what: string, context: Context = {}): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const raw = rawFault(error);
  const options = { context: { ...context, sqlstate: sqlState(error) ?? undefined }, cause: cause(raw) };
  const detail = `${what}: ${redact(raw.message)}`;
  const known = BY_SQLSTATE[raw.code ?? ''];
  if (known) return postgresError(known, detail, options);
  // pg may hand a socket's error on as text alone: "Error: read ECONNRESET".
  const socket = SOCKET_CODES.has(raw.code ?? '') || [...SOCKET_CODES].some((code) => raw.message.includes(code));
  const lost = socket || /^(08|ERR_STREAM_|ERR_SOCKET_)/.test(raw.code ?? '');
  if (
    lost ||
    /connection (terminated|ended)|not queryable|(was|been) (closed|destroyed|ended)|after end/i.test(raw.message)
  )
    return postgresError('PG_CONNECTION_LOST', detail, options);
  return postgresError('PG_QUERY_FAILED', detail, options);
}

function rawFault(error: unknown): RawFault {
  // Several addresses of one host fail together: the first says enough.
  if (error instanceof AggregateError && error.errors.length > 0) return rawFault(error.errors[0]);
  if (error instanceof Error) return error as unknown as RawFault;
  return { message: String(error) };
}

function fact(code: PostgresErrorCode, raw: RawFault): string {
  const summaries: Partial<Record<PostgresErrorCode, string>> = {
    PG_UNREACHABLE: 'the PostgreSQL server cannot be reached',
    PG_TLS: 'no TLS connection to the PostgreSQL server can be made',
    PG_AUTH_FAILED: 'the PostgreSQL server refuses the login',
    PG_PERMISSION: 'the role may not connect',
  };
  const said = redact(raw.message || raw.code || 'no reason given');
  return summaries[code] ? `${summaries[code]}: ${said}` : said;
}

/** A cause without `detail`, `where` and the other fields that may carry row values. */
function cause(raw: RawFault): Error {
  const clean = new Error(redact(raw.message));
  if (raw.code) Object.assign(clean, { code: raw.code });
  return clean;
}
