/** What can go wrong in a scratch cluster, in a proof, and in a restore into a database. */
import { errorFactory, type ErrorDefinition } from './holdfast-error';

export const VERIFY_ERRORS = {
  SCRATCH_NO_SERVER: {
    summary: 'no fitting PostgreSQL server is installed here',
    hint: 'install the server package of the same major version (initdb and postgres), or name its folder in tools.postgresBin',
    retryable: false,
    fault: 'environment',
  },
  SCRATCH_NO_SPACE: {
    summary: 'the scratch folder has too little free space',
    hint: 'free space there, point scratch.dir at a larger disk, or lower scratch.minFree',
    retryable: true,
    fault: 'environment',
  },
  SCRATCH_DIR_UNFIT: {
    summary: 'the scratch folder cannot be used',
    hint: 'give a folder that belongs to the user who runs Holdfast and that the server user may pass through (mode 0711)',
    retryable: false,
    fault: 'environment',
  },
  SCRATCH_USER_UNKNOWN: {
    summary: 'the operating system user for the scratch server does not exist',
    hint: 'PostgreSQL refuses to run as root: set scratch.user to an unprivileged user of this machine',
    retryable: false,
    fault: 'environment',
  },
  SCRATCH_LOCALE_MISSING: {
    summary: 'the locale of the backup is not installed here',
    hint: 'install the locale (locale-gen, or the ICU build of PostgreSQL) where backups are proved',
    retryable: false,
    fault: 'environment',
  },
  SCRATCH_START_FAILED: {
    summary: 'the scratch cluster did not start',
    hint: 'the message says what initdb or the server printed; mend that and prove again',
    retryable: true,
    fault: 'environment',
  },
  SCRATCH_SERVER_DIED: {
    summary: 'the scratch server ended in the middle of the work',
    hint: 'look for memory limits or a kill from outside; the copy itself is not in doubt, prove again',
    retryable: true,
    fault: 'environment',
  },
  VERIFY_OBJECTS_MISSING: {
    summary: 'objects that the manifest names are not in the store',
    hint: 'do not restore from this copy; let replication fill it again from a good one, then prove it again',
    retryable: false,
    fault: 'data',
  },
  VERIFY_OBJECTS_DAMAGED: {
    summary: 'objects in the store are not the bytes that were stored',
    hint: 'do not restore from this copy; let replication fill it again from a good one, then prove it again',
    retryable: false,
    fault: 'data',
  },
  VERIFY_EXTENSION_MISSING: {
    summary: 'an extension that the backup needs is not installed here',
    hint: 'install the package of the extension beside the PostgreSQL server that proves backups',
    retryable: false,
    fault: 'environment',
  },
  VERIFY_SURROUNDINGS: {
    summary: 'the backup needs something that is not in the scratch cluster',
    hint: 'take the backup with a role that may read all roles (pg_dumpall), or prove with the grade intact',
    retryable: false,
    fault: 'environment',
  },
  VERIFY_RESTORE_FAILED: {
    summary: 'the restore into the scratch cluster failed',
    hint: 'the message is that of PostgreSQL; restore by hand with `holdfast extract` to look closer',
    retryable: false,
    fault: 'data',
  },
  VERIFY_RESOURCES: {
    summary: 'this machine ran out of a resource while it proved the copy',
    hint: 'free disk space, memory or file descriptors (ulimit -n) and prove again; the copy itself is not in doubt',
    retryable: true,
    fault: 'environment',
  },
  VERIFY_TABLE_MISSING: {
    summary: 'a table of the backup is missing in the restored database',
    hint: 'take a new full backup and prove it; keep the older proved one meanwhile',
    retryable: false,
    fault: 'data',
  },
  VERIFY_ROWS_DIFFER: {
    summary: 'a restored table has another number of rows than the backup says',
    hint: 'take a new full backup and prove it; keep the older proved one meanwhile',
    retryable: false,
    fault: 'data',
  },
  VERIFY_CONTENT_DIFFERS: {
    summary: 'restored rows are not the rows that were backed up',
    hint: 'take a new full backup and prove it; keep the older proved one meanwhile',
    retryable: false,
    fault: 'data',
  },
  VERIFY_SEQUENCE_DIFFERS: {
    summary: 'a restored sequence does not stand where the backup says',
    hint: 'take a new full backup and prove it; keep the older proved one meanwhile',
    retryable: false,
    fault: 'data',
  },
  VERIFY_LARGE_OBJECTS_DIFFER: {
    summary: 'restored large objects are not those of the backup',
    hint: 'take a new full backup and prove it; keep the older proved one meanwhile',
    retryable: false,
    fault: 'data',
  },
  VERIFY_OBJECT_MISSING: {
    summary: 'the restored database lacks something that the backup holds',
    hint: 'take a new full backup and prove it; keep the older proved one meanwhile',
    retryable: false,
    fault: 'data',
  },
  VERIFY_INDEX_INVALID: {
    summary: 'an index of the restored database is invalid',
    hint: 'rebuild the index in the source (REINDEX), then back up and prove again',
    retryable: false,
    fault: 'data',
  },
  VERIFY_ASSERTION_FAILED: {
    summary: 'an assertion found another value in the restored database',
    hint: 'see whether the source gives the expected value; if it does, the backup is not what it should be',
    retryable: false,
    fault: 'data',
  },
  VERIFY_ASSERTION_BROKEN: {
    summary: 'an assertion could not be run',
    hint: 'mend its SQL in the config: one query that returns one row with one value, read only, within a minute',
    retryable: false,
    fault: 'not-tested',
  },
  VERIFY_ENGINE_UNSUPPORTED: {
    summary: 'backups of this engine cannot be proved by a restore',
    hint: 'ask for the grade intact',
    retryable: false,
    fault: 'not-tested',
  },
  VERIFY_INTERRUPTED: {
    summary: 'the proof could not be brought to its end',
    hint: 'prove again; if it happens twice, report it with this message',
    retryable: true,
    fault: 'not-tested',
  },
  RESTORE_TARGET_NAME: {
    summary: 'this database cannot be restored into',
    hint: 'give another name with --as',
    retryable: false,
    fault: 'environment',
  },
  RESTORE_TARGET_UNFIT: {
    summary: 'the target server cannot take this backup',
    hint: 'restore into a server of the same or a newer major version, with the same encoding',
    retryable: false,
    fault: 'environment',
  },
  RECOVER_STORE_URL: {
    summary: 'the store address is not understood',
    hint: 'use file:///folder, s3://bucket/prefix?endpoint=https://host&region=us-east-1&pathStyle=true, gs://bucket/prefix or supabase+https://host/storage/v1/bucket/prefix?key=env:NAME',
    retryable: false,
    fault: 'environment',
  },
  RECOVER_IDENTITY_FILE: {
    summary: 'the identity file cannot be read',
    hint: 'name the file that holds AGE-SECRET-KEY-1…: identity.txt of the key folder, or that of the recovery kit',
    retryable: false,
    fault: 'environment',
  },
  RECOVER_NOTHING_FOUND: {
    summary: 'the store holds no such backup',
    hint: 'check the prefix of the store address, and the names given with --database and --backup',
    retryable: false,
    fault: 'environment',
  },
  RECOVER_AMBIGUOUS: {
    summary: 'the store holds backups of several databases',
    hint: 'say which with --database',
    retryable: false,
    fault: 'environment',
  },
  EXTRACT_DIR_NOT_EMPTY: {
    summary: 'the folder to extract into is not empty',
    hint: 'give a new or empty folder; nothing was written',
    retryable: false,
    fault: 'environment',
  },
  EXTRACT_PATH_REFUSED: {
    summary: 'the backup names a file outside its folder',
    hint: 'this is not a backup that Holdfast made; do not use it',
    retryable: false,
    fault: 'data',
  },
} satisfies Record<string, ErrorDefinition>;

export const verifyError = errorFactory(VERIFY_ERRORS);
