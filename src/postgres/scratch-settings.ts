/** What a scratch cluster is told: fast, small, private. Pure. */

const MIB = 2 ** 20;

export interface ScratchSettings {
  readonly socketDir: string;
  readonly port: number;
  /** Connections that work at once; sizes memory and connection slots. */
  readonly jobs: number;
  /** Memory of this machine or container, bytes. */
  readonly memoryBytes: number;
  readonly major: number;
  /** Extra lines, `name = value`; for tests. */
  readonly extra: readonly string[];
}

/** Settings trade every bit of durability for speed: a scratch cluster that dies is thrown away. */
export function postgresqlConf(settings: ScratchSettings): string {
  const { jobs, memoryBytes } = settings;
  const share = (parts: number, floor: number, ceiling: number) =>
    `${Math.round(Math.min(Math.max(memoryBytes / parts, floor * MIB), ceiling * MIB) / MIB)}MB`;
  const lines = [
    // Private: no network, one socket in a folder that only its user may enter.
    `listen_addresses = ''`,
    `unix_socket_directories = ${quote(settings.socketDir)}`,
    `unix_socket_permissions = 0700`,
    `port = ${settings.port}`,
    `max_connections = ${jobs * 2 + 20}`,
    // Nothing of another installation, nothing that runs commands.
    `shared_preload_libraries = ''`,
    `session_preload_libraries = ''`,
    `local_preload_libraries = ''`,
    `archive_mode = off`,
    `restore_command = ''`,
    `ssl = off`,
    // No durability.
    `fsync = off`,
    `synchronous_commit = off`,
    `full_page_writes = off`,
    `wal_level = minimal`,
    `max_wal_senders = 0`,
    `max_wal_size = 2GB`,
    `checkpoint_timeout = 1d`,
    `autovacuum = off`,
    // Sized to the machine; index builds gain most.
    `shared_buffers = ${share(32, 32, 256)}`,
    `maintenance_work_mem = ${share(16 * jobs, 32, 1024)}`,
    `max_parallel_maintenance_workers = ${Math.min(2, jobs)}`,
    `dynamic_shared_memory_type = mmap`,
    `huge_pages = off`,
    `max_locks_per_transaction = 256`,
    `jit = off`,
    // Read back in the order in which the rows were written.
    `synchronize_seqscans = off`,
    `timezone = 'UTC'`,
    `logging_collector = off`,
    `log_destination = 'stderr'`,
    `log_min_messages = fatal`,
    `log_min_error_statement = panic`,
    `idle_session_timeout = 0`,
  ];
  const since14 = /^idle_session_timeout/;
  return [...lines.filter((line) => settings.major >= 14 || !since14.test(line)), ...settings.extra, ''].join('\n');
}

/** `peer` where this process has a user name; `trust` within the 0700 folder where it has none. */
export function hbaConf(osName: string | null, superuser: string): { readonly hba: string; readonly ident: string } {
  if (osName === null) return { hba: `local all ${superuser} trust\n`, ident: '' };
  return {
    hba: `local all ${superuser} peer map=holdfast\n`,
    ident: `holdfast "${osName}" ${superuser}\n`,
  };
}

export function initdbArguments(dataDir: string, superuser: string, major: number): string[] {
  return [
    `--pgdata=${dataDir}`,
    `--username=${superuser}`,
    '--auth=peer',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
    ...(major >= 14 ? ['--no-instructions'] : []),
    // On by default from 18; the rows are compared with the manifest anyway.
    ...(major >= 18 ? ['--no-data-checksums'] : []),
  ];
}

/** A string as postgresql.conf takes it. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
