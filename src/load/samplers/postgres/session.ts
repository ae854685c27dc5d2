/** The one connection that sampling uses: short statements only, each a transaction of its own. */
import type { SamplerFailureKind } from '../../../domain/load/signals';
import { POSTGRES_ERRORS, type PostgresErrorCode } from '../../../errors/postgres';
import { isHoldfastError } from '../../../errors/holdfast-error';
import { connect, type PgSession, type PostgresTarget } from '../../../postgres/connection';
import { sqlState } from '../../../postgres/faults';
import type { SamplerProblem } from '../sampler';
import type { OwnSessions } from './activity';

export interface SamplingSessionOptions {
  /** Asked again for each new connection, so that a rotated password is seen. */
  readonly target: () => Promise<PostgresTarget>;
  /** The role whose sessions named `holdfast …` are ours. @default the role of this connection */
  readonly backupUser?: string;
  /** What one statement may take. Milliseconds. @default 1000 */
  readonly statementTimeoutMs?: number;
}

export interface SamplingSession {
  readonly session: PgSession;
  readonly own: OwnSessions;
  /** The role has pg_read_all_stats. */
  readonly seesAll: boolean;
  /** Ends the connection at once, and what runs on it at the server. */
  destroy(reason: unknown): void;
}

/** What one statement may take where nothing is stated. Milliseconds. */
export const STATEMENT_MS = 1_000;
/** Counts as ours by its name, and is left out of every count by its process id. */
const APPLICATION_NAME = 'holdfast load';

export async function openSamplingSession(
  options: SamplingSessionOptions,
  signal: AbortSignal,
): Promise<SamplingSession> {
  const { statementTimeoutMs = STATEMENT_MS } = options;
  const ending = new AbortController();
  // The connection outlives this call; the signal of the call counts while it is made.
  const onAbort = () => ending.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const session = await connect(await options.target(), {
      signal: ending.signal,
      applicationName: APPLICATION_NAME,
      lockTimeoutMs: statementTimeoutMs,
      timeoutMs: 10_000,
    });
    await session.query(
      'opening a session',
      `SET statement_timeout = ${Math.max(1, Math.round(statementTimeoutMs))}; SET default_transaction_read_only = on`,
    );
    const [facts] = await session.query<{ role: string; sees_all: boolean }>(
      'opening a session',
      `SELECT coalesce((SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1), 0)::text AS role,
              pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all`,
      [options.backupUser ?? (await sessionUser(session))],
    );
    return {
      session,
      own: { role: facts!.role },
      seesAll: facts!.sees_all,
      destroy: (reason) => ending.abort(reason),
    };
  } catch (error) {
    ending.abort(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function sessionUser(session: PgSession): Promise<string> {
  const [row] = await session.query<{ name: string }>('opening a session', 'SELECT session_user AS name');
  return row!.name;
}

const DENIED: ReadonlySet<string> = new Set(['PG_AUTH_FAILED', 'PG_PERMISSION']);

/**
 * What went wrong, from the catalogue's summaries and the SQLSTATE alone: the server's own words may hold names of roles,
 * folders, or parts of a statement.
 */
export function postgresProblem(error: unknown, what: string): SamplerProblem {
  if (!isHoldfastError(error)) {
    const name = error instanceof Error ? error.name : typeof error;
    return { kind: 'failed', message: `${what}: an unexpected fault: ${name}` };
  }
  const kind: SamplerFailureKind = DENIED.has(error.code) ? 'denied' : 'failed';
  const summary = POSTGRES_ERRORS[error.code as PostgresErrorCode]?.summary ?? error.code;
  const state = stateOf(error);
  const hint = error.code === 'PG_PERMISSION' ? ': GRANT pg_monitor to it' : '';
  return { kind, message: `${what}: ${summary}${hint}${state ? ` [sqlstate=${state}]` : ''}` };
}

export function stateOf(error: unknown): string | null {
  return sqlState(error) ?? (error instanceof Error ? sqlState(error.cause) : null);
}
