import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** Faults of PostgreSQL servers, of their client tools, and of dumping and restoring. */
export const POSTGRES_ERRORS = {
  PG_UNREACHABLE: {
    summary: 'the PostgreSQL server cannot be reached',
    hint: 'check host, port, firewall and that the server is running',
    retryable: true,
    fault: 'environment',
  },
  PG_TLS: {
    summary: 'no TLS connection to the PostgreSQL server can be made',
    hint: 'check sslmode and sslrootcert, and that the server certificate fits the host name',
    retryable: false,
    fault: 'environment',
  },
  PG_AUTH_FAILED: {
    summary: 'the PostgreSQL server refuses the login',
    hint: 'check user and password of the connection and the rules of pg_hba.conf',
    retryable: false,
    fault: 'environment',
  },
  PG_DATABASE_UNKNOWN: {
    summary: 'the database does not exist on the server',
    hint: 'check the database name of the connection',
    retryable: false,
    fault: 'environment',
  },
  PG_SERVER_TOO_OLD: {
    summary: 'the PostgreSQL server is older than 13',
    hint: 'upgrade the server; PostgreSQL 13 is the oldest that is supported',
    retryable: false,
    fault: 'environment',
  },
  PG_TOO_MANY_CONNECTIONS: {
    summary: 'the PostgreSQL server has no free connection',
    hint: 'lower `readers`, or raise max_connections',
    retryable: true,
    fault: 'environment',
  },
  PG_CONNECTION_LOST: {
    summary: 'the connection to the PostgreSQL server was lost',
    hint: 'look into the server log; the next attempt starts clean',
    retryable: true,
    fault: 'environment',
  },
  PG_PERMISSION: {
    summary: 'the role may not do this',
    hint: 'grant the role what the message names',
    retryable: false,
    fault: 'environment',
  },
  PG_QUERY_CANCELLED: {
    summary: 'the server cancelled a statement',
    hint: 'somebody or a timeout cancelled it; the next attempt starts clean',
    retryable: true,
    fault: 'environment',
  },
  PG_NO_SPACE: {
    summary: 'the PostgreSQL server has no free disk space',
    hint: 'free space on the server, then run it again',
    retryable: false,
    fault: 'environment',
  },
  PG_QUERY_FAILED: {
    summary: 'a statement failed',
    hint: 'the message is the PostgreSQL server’s own',
    retryable: false,
    fault: 'environment',
  },
  PG_TOOLS_MISSING: {
    summary: 'the PostgreSQL client tools are not installed',
    hint: 'install pg_dump, pg_dumpall, pg_restore and psql of the server’s major version or newer, or name their folder in tools.postgresBin',
    retryable: false,
    fault: 'environment',
  },
  PG_TOOLS_TOO_OLD: {
    summary: 'the PostgreSQL client tools are older than the server',
    hint: 'install client tools of the server’s major version or newer, or name their folder in tools.postgresBin',
    retryable: false,
    fault: 'environment',
  },
  PG_TOOL_FAILED: {
    summary: 'a PostgreSQL client tool failed',
    hint: 'its own message says why',
    retryable: true,
    fault: 'environment',
  },
  PG_LOCK_TIMEOUT: {
    summary: 'a table is locked by somebody else',
    hint: 'let the named session finish or end it, or raise lockTimeout',
    retryable: true,
    fault: 'environment',
  },
  PG_TABLE_UNREADABLE: {
    summary: 'the role may not read everything that is to be dumped',
    hint: 'GRANT pg_read_all_data to the role (PostgreSQL 14 and newer), or run the grants that the message names',
    retryable: false,
    fault: 'environment',
  },
  PG_ROW_SECURITY: {
    summary: 'row security would hide rows from the role',
    hint: 'ALTER ROLE … BYPASSRLS, or dump as a role to which the policies do not apply',
    retryable: false,
    fault: 'environment',
  },
  PG_NOTHING_TO_DUMP: {
    summary: 'no table, view or sequence fits what is to be included',
    hint: 'check the include and exclude patterns of the database',
    retryable: false,
    fault: 'environment',
  },
  PG_EXCLUDED_NEEDED: {
    summary: 'something that is dumped needs something that is excluded',
    hint: 'exclude what depends on it too, or do not exclude it: such a backup could not be restored',
    retryable: false,
    fault: 'environment',
  },
  PG_SCHEMA_CHANGED: {
    summary: 'tables were rewritten or dropped while the snapshot was taken',
    hint: 'the next attempt takes a new snapshot; keep migrations and backups apart if this repeats',
    retryable: true,
    fault: 'environment',
  },
  PG_PAUSE_BUDGET_SPENT: {
    summary: 'the pause lasted longer than the snapshot may be held',
    hint: 'the dump starts again when it may go on and uploads nothing twice; raise pauseBudget to hold on longer',
    retryable: true,
    fault: 'environment',
  },
  PG_SNAPSHOT_YIELDED: {
    summary: 'sessions waited behind a lock of the dump, so its snapshot was given up for them',
    hint: 'the dump starts again when they are through and uploads nothing twice; `load.lockWaiters` decides this',
    retryable: true,
    fault: 'environment',
  },
  PG_ROWS_MISCOUNTED: {
    summary: 'the rows received differ from the rows that PostgreSQL counted',
    hint: 'the connection lost data: the dump is not used; the next attempt starts clean',
    retryable: true,
    fault: 'environment',
  },
  PG_ROWS_DIFFER: {
    summary: 'the restored rows differ in number from those of the backup',
    hint: 'do not use the restored database; check the copy with `holdfast verify`',
    retryable: false,
    fault: 'data',
  },
  PG_RESTORE_FAILED: {
    summary: 'the restore failed',
    hint: 'the message names the step and the object; the half-made database is not to be used',
    retryable: false,
    fault: 'data',
  },
  PG_ROLE_MISSING: {
    summary: 'a role that owns something does not exist on the target',
    hint: 'create the role, restore roles too, or leave owners and grants out',
    retryable: false,
    fault: 'environment',
  },
  PG_EXTENSION_MISSING: {
    summary: 'an extension of the source is not installed on the target server',
    hint: 'install the extension’s package on the target server',
    retryable: false,
    fault: 'environment',
  },
  PG_LOCALE_MISSING: {
    summary: 'the target server does not know the database’s locale',
    hint: 'install the locale on the target server, or create the database by hand and restore into it',
    retryable: false,
    fault: 'environment',
  },
  PG_SELECTION_UNKNOWN: {
    summary: 'the backup does not contain what was selected',
    hint: 'look at the tables of the backup with `holdfast backup show`',
    retryable: false,
    fault: 'environment',
  },
  PG_TARGET_NOT_EMPTY: {
    summary: 'the target database is not empty',
    hint: 'restore into a new or an empty database',
    retryable: false,
    fault: 'environment',
  },
  PG_DATABASE_EXISTS: {
    summary: 'a database of that name exists already',
    hint: 'choose another name, or drop that database first',
    retryable: false,
    fault: 'environment',
  },
  PG_RESTORE_RUNNING: {
    summary: 'another restore works in this database',
    hint: 'wait for it to end, or choose another name',
    retryable: false,
    fault: 'environment',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type PostgresErrorCode = keyof typeof POSTGRES_ERRORS;
export const postgresError = errorFactory(POSTGRES_ERRORS);
