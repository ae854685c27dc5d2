import { readFile } from 'node:fs/promises';
import { Client, Pool, types, type ClientBase, type ClientConfig, type PoolClient } from 'pg';
import type { ConnectionTarget } from '../engines/engine';
import { isConnectionLost, toCatalogError } from './errors';

/** Of one statement. Milliseconds. */
const STATEMENT_TIMEOUT = 60_000;
const CONNECT_TIMEOUT = 10_000;
/** Byte counts and rows stay below 2^53. */
const INT8 = 20;

export interface DatabaseOptions {
  readonly target: ConnectionTarget;
  readonly schema: string;
  readonly applicationName: string;
  /** Connections at most. @default 4 */
  readonly poolSize?: number;
  /** For a connection, and for each statement; milliseconds. @default 10 s and 60 s */
  readonly patienceMs?: number;
}

/** Runs SQL whose tables are named by `table()`; nothing depends on a search path. Errors are the catalogue's. */
export interface Queries {
  /** Qualified, quoted name of one of the catalogue's tables. */
  table(name: string): string;
  rows<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queries {
  /** All or nothing. Not repeated by itself: the caller's function may have seen rows already. */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A small pool that connects at the first query. */
export function openDatabase(options: DatabaseOptions): Database {
  const { schema } = options;
  const table = (name: string) => `${quoteName(schema)}.${quoteName(name)}`;
  let pool: Promise<Pool> | null = null;
  let closed = false;

  const open = (): Promise<Pool> => {
    pool ??= makePool(options).catch((error: unknown) => {
      pool = null; // the next call tries again
      throw error;
    });
    return pool;
  };
  const mapped = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toCatalogError(error, options.target.name);
    }
  };

  return {
    table,
    rows: <Row extends object>(sql: string, parameters: readonly unknown[] = []) =>
      mapped(async () => {
        const ask = async () => (await (await open()).query<Row>(sql, [...parameters])).rows;
        try {
          return await ask();
        } catch (error) {
          // An idle connection may have died with the server's restart; every statement here may safely run twice.
          if (closed || !isConnectionLost(error)) throw error;
          return await ask();
        }
      }),
    transaction: <T>(work: (queries: Queries) => Promise<T>) =>
      mapped(async () => {
        const client = await (await open()).connect();
        return inTransaction(client, () =>
          work({
            table,
            rows: async <Row extends object>(sql: string, parameters: readonly unknown[] = []) =>
              (await client.query<Row>(sql, [...parameters])).rows,
          }),
        );
      }),
    async close() {
      closed = true;
      if (pool) await (await pool.catch(() => null))?.end();
    },
  };
}

async function inTransaction<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  try {
    await client.query('BEGIN');
    const result = await work();
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    // A connection in an unknown state is not used again.
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    );
    throw error;
  }
}

async function makePool(options: DatabaseOptions): Promise<Pool> {
  const { target, applicationName, poolSize: max = 4, patienceMs } = options;
  const pool = new Pool({
    ...(await clientConfig(target, applicationName, patienceMs)),
    max,
    idleTimeoutMillis: 30_000,
    // An idle pool keeps no process alive.
    allowExitOnIdle: true,
    // The pool awaits what its types call void.
    onConnect: ((client: ClientBase) => prepare(client, patienceMs)) as (client: ClientBase) => void,
  });
  // Without a listener the loss of an idle connection would end the process; the next query reports it.
  pool.on('error', () => undefined);
  return pool;
}

async function prepare(client: ClientBase, statementMs = STATEMENT_TIMEOUT): Promise<void> {
  // The pool listens to idle connections alone; one that breaks in a transaction must not end the process either.
  client.on('error', () => undefined);
  await client.query(settings(statementMs));
}

/** Own SQL runs with an empty search path. Set by SQL because poolers refuse start-up parameters that they do not know. */
const settings = (ms: number) =>
  `SET search_path = ''; SET statement_timeout = ${ms}; SET idle_in_transaction_session_timeout = ${ms}`;

/** One connection for the time of `work`. */
export async function withClient<T>(
  target: ConnectionTarget,
  { applicationName }: { readonly applicationName: string },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(await clientConfig(target, applicationName));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function clientConfig(
  target: ConnectionTarget,
  applicationName: string,
  connectMs = CONNECT_TIMEOUT,
): Promise<ClientConfig> {
  const config: ClientConfig = {
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    // An empty password, unlike none, keeps the driver from looking into this process's environment and home.
    password: target.password ?? '',
    application_name: applicationName,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 ? Number : types.getTypeParser(oid, format as 'text'),
    },
  };
  const mode = target.sslmode ?? 'prefer';
  if (target.host.startsWith('/') || mode === 'disable' || mode === 'allow') return { ...config, ssl: false };
  const pem = async (path: string | undefined) =>
    path === undefined || path === 'system' ? undefined : await readFile(path, 'utf8');
  const ssl = {
    ca: await pem(target.sslrootcert),
    cert: await pem(target.sslcert),
    key: await pem(target.sslkey),
    // As libpq: `require` checks the issuer only where a root certificate is given.
    rejectUnauthorized: mode.startsWith('verify') || (mode === 'require' && target.sslrootcert !== undefined),
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
  if (mode === 'prefer' && !(await offersTls({ ...config, ssl }))) return { ...config, ssl: false };
  return { ...config, ssl };
}

/** `prefer` takes TLS where the server has it; pg itself knows no fallback. */
async function offersTls(config: ClientConfig): Promise<boolean> {
  const probe = new Client(config);
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    return true;
  } catch (error) {
    if (error instanceof Error && /does not support SSL/i.test(error.message)) return false;
    throw error;
  } finally {
    await probe.end().catch(() => undefined);
  }
}

/** The schema's name comes from the config; it may hold a hyphen. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
