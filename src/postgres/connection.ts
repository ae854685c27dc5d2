/** Connections to PostgreSQL: TLS by sslmode, fixed session settings, errors of the catalogue, cancellation. */
import { readFile } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Client, type QueryResultRow } from 'pg';
import type { ResolvedConnection } from '../config/connection-url';
import { postgresError } from '../errors/postgres';
import { connectionFault, statementFault } from './faults';
import { sessionSettings, type SessionSettings } from './session-settings';
import { createReadingSocket } from './socket';

export { parseConnectionUrl } from '../config/connection-url';

/** The oldest server that is supported, as server_version_num. */
export const OLDEST_SERVER = 130_000;

/** The engines' `ConnectionTarget`: already resolved from its secret reference, never logged. */
export type PostgresTarget = ResolvedConnection;

export interface ConnectOptions extends SessionSettings {
  /** Ends the connection, and what runs on it at the server, when aborted. */
  readonly signal?: AbortSignal;
  /** Shown in pg_stat_activity. @default holdfast */
  readonly applicationName?: string;
  /** @default 15000 */
  readonly timeoutMs?: number;
}

/** One connection. Statements run one after another; every failure is an error of the catalogue. */
export interface PgSession {
  /** For COPY, which needs the driver itself. */
  readonly client: Client;
  readonly serverVersionNum: number;
  /** As the server states it: "15.18 (Debian 15.18-0+deb12u1)". */
  readonly serverVersion: string;
  /** Process id of the backend. */
  readonly pid: number;
  /** Rows of the (last) statement. `what` names the step for errors. */
  query<Row extends QueryResultRow>(what: string, text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Aborted with the reason when the server closes the connection without being asked. */
  readonly lost: AbortSignal;
  /** Ends the connection; never fails. */
  close(): Promise<void>;
}

/** Parts of the driver that its types leave out. */
interface ClientInternals {
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly connection: { readonly stream: Socket };
}

/**
 * Connects and fixes the session's settings.
 * @throws PG_UNREACHABLE, PG_TLS, PG_AUTH_FAILED, PG_DATABASE_UNKNOWN, PG_TOO_MANY_CONNECTIONS, PG_SERVER_TOO_OLD
 */
export async function connect(target: PostgresTarget, options: ConnectOptions = {}): Promise<PgSession> {
  options.signal?.throwIfAborted();
  const client = await open(target, options);
  const internals = client as unknown as ClientInternals;
  const gone = new AbortController();
  const context = { database: target.name };

  client.on('error', (error) => {
    if (!gone.signal.aborted)
      gone.abort(statementFault(lostConnection(error), 'the server ended the connection', context));
  });
  const onAbort = () => {
    cancelBackend(target, internals);
    internals.connection.stream.destroy();
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });

  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    options.signal?.removeEventListener('abort', onAbort);
    closing ??= endQuietly(client, internals);
    return closing;
  };
  const query = async <Row extends QueryResultRow>(what: string, text: string, values?: readonly unknown[]) => {
    options.signal?.throwIfAborted();
    try {
      const result = values ? await client.query<Row>(text, [...values]) : await client.query<Row>(text);
      const results = Array.isArray(result) ? (result as (typeof result)[]) : [result];
      return results[results.length - 1]!.rows;
    } catch (error) {
      options.signal?.throwIfAborted();
      throw statementFault(error, what, context);
    }
  };

  try {
    if (options.signal?.aborted) onAbort();
    const what = 'opening a session';
    const [version] = await query<{ num: string; text: string }>(
      what,
      `SELECT pg_catalog.current_setting('server_version_num') AS num, pg_catalog.current_setting('server_version') AS text`,
    );
    const serverVersionNum = Number(version!.num);
    if (serverVersionNum < OLDEST_SERVER)
      throw postgresError('PG_SERVER_TOO_OLD', '', { context: { ...context, version: version!.text } });
    await query(what, sessionSettings(serverVersionNum, options));
    return {
      client,
      serverVersionNum,
      serverVersion: version!.text,
      pid: internals.processID ?? 0,
      query,
      lost: gone.signal,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Connects, works, and closes whatever happens. */
export async function withSession<Result>(
  target: PostgresTarget,
  options: ConnectOptions,
  work: (session: PgSession) => Promise<Result>,
): Promise<Result> {
  const session = await connect(target, options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** `prefer` and `allow` try twice, as libpq does; the others state once and for all what is used. */
async function open(target: PostgresTarget, options: ConnectOptions): Promise<Client> {
  const context = { database: target.name, host: target.host, port: target.port };
  let attempts: (ConnectionOptions | false)[];
  try {
    attempts = await tlsAttempts(target);
  } catch (error) {
    throw postgresError('PG_TLS', 'a certificate or key file cannot be read', { context, cause: error });
  }
  let first: unknown;
  for (const ssl of attempts) {
    const client = new Client({
      host: target.host,
      port: target.port,
      user: target.user,
      // A function, even of nothing: the driver then does not look into this process's environment and home folder.
      password: () => target.password ?? '',
      database: target.database,
      ssl,
      stream: ssl ? undefined : createReadingSocket,
      application_name: options.applicationName ?? 'holdfast',
      connectionTimeoutMillis: options.timeoutMs ?? 15_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
    });
    const stream = (client as unknown as ClientInternals).connection.stream;
    const onAbort = () => stream.destroy();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    // A second error of a connection that failed already must not end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      client.removeAllListeners('error');
      return client;
    } catch (error) {
      stream.destroy();
      options.signal?.throwIfAborted();
      const code = (error as { code?: string }).code ?? '';
      const mayFallBack = /SSL|TLS/i.test((error as Error).message) || code === '28000' || code === '08P01';
      if (!mayFallBack || ssl === attempts[attempts.length - 1]) throw connectionFault(first ?? error, context);
      first = error;
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
    }
  }
  throw connectionFault(first, context);
}

async function tlsAttempts(target: PostgresTarget): Promise<(ConnectionOptions | false)[]> {
  const mode = target.sslmode ?? 'prefer';
  if (target.host.startsWith('/') || mode === 'disable') return [false];
  const read = async (path: string | undefined) => (path ? await readFile(path) : undefined);
  const root = target.sslrootcert === 'system' ? undefined : await read(target.sslrootcert);
  const common: ConnectionOptions = { ca: root, cert: await read(target.sslcert), key: await read(target.sslkey) };
  switch (mode) {
    case 'allow':
      return [false, { ...common, rejectUnauthorized: false }];
    case 'prefer':
      return [{ ...common, rejectUnauthorized: false }, false];
    case 'require':
      // As libpq: a root certificate that is given is used, without looking at the host name.
      return [root ? { ...common, checkServerIdentity: () => undefined } : { ...common, rejectUnauthorized: false }];
    case 'verify-ca':
      return [{ ...common, checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [common];
  }
}

/** The protocol's cancel request: a connection of its own, sixteen bytes, no answer. libpq before 17 does the same. */
function cancelBackend(target: PostgresTarget, { processID, secretKey }: ClientInternals): void {
  if (processID === null || secretKey === null) return;
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(80_877_102, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  const socket = target.host.startsWith('/')
    ? connectSocket(`${target.host}/.s.PGSQL.${target.port}`)
    : connectSocket(target.port, target.host);
  socket.setTimeout(3_000, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('connect', () => socket.end(request));
  socket.resume();
}

/** A courteous end, for at most two seconds: a server that does not answer must not hold up the end of a run. */
async function endQuietly(client: Client, internals: ClientInternals): Promise<void> {
  client.on('error', () => undefined);
  const { stream } = internals.connection;
  if (stream.destroyed) return;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, 2_000)));
  await Promise.race([client.end().catch(() => undefined), patience]);
  clearTimeout(timer);
  stream.destroy();
}

function lostConnection(error: Error): Error {
  const code = (error as { code?: string }).code ?? '08006';
  return Object.assign(new Error(error.message), { code });
}
