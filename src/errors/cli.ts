import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** What the command line itself refuses or reports; everything else carries the code of the part that failed. */
export const CLI_ERRORS = {
  CLI_USAGE: {
    summary: 'the command line is not understood',
    hint: 'run the command with --help to see its arguments',
    retryable: false,
    fault: 'environment',
  },
  CLI_CONFIG_NOT_FOUND: {
    summary: 'there is no configuration file',
    hint: 'write a starter file with `holdfast init`, or name one with -c FILE or HOLDFAST_CONFIG',
    retryable: false,
    fault: 'environment',
  },
  CLI_KEYS_MISSING: {
    summary: 'the keys of the repository are not there',
    hint: 'make them with `holdfast keys init`, or correct keys.repository in holdfast.yaml',
    retryable: false,
    fault: 'environment',
  },
  CLI_FILE_EXISTS: {
    summary: 'the file exists already',
    hint: 'choose another name, or move the old file away first; it is never overwritten',
    retryable: false,
    fault: 'environment',
  },
  CLI_DATABASE_UNKNOWN: {
    summary: 'no database of that name is configured',
    hint: 'see the names under `databases` in holdfast.yaml',
    retryable: false,
    fault: 'environment',
  },
  CLI_EMERGENCY_STOP: {
    summary: 'an emergency stop stands for all backups',
    hint: 'see who set it with `holdfast load show`; `holdfast emergency-resume` takes it back',
    retryable: false,
    fault: 'environment',
  },
  CLI_STORE_UNKNOWN: {
    summary: 'no store of that name is configured',
    hint: 'see `holdfast store list`',
    retryable: false,
    fault: 'environment',
  },
  CLI_BACKUP_UNKNOWN: {
    summary: 'no backup of that name is in the catalogue',
    hint: 'see `holdfast backup list --deleted`; a lost catalogue is made again by `holdfast catalog rebuild --store NAME`',
    retryable: false,
    fault: 'environment',
  },
  CLI_BACKUP_AMBIGUOUS: {
    summary: 'more than one backup fits that name',
    hint: 'give more of the backup id',
    retryable: false,
    fault: 'environment',
  },
  CLI_CONFIRMATION_REQUIRED: {
    summary: 'this destroys data and was not confirmed',
    hint: 'type the name when asked, or pass it with --confirm NAME; --yes alone is not enough',
    retryable: false,
    fault: 'environment',
  },
  CLI_BACKUP_HELD: {
    summary: 'the backup is on hold and cannot be deleted',
    hint: 'release it with `holdfast backup release` when its holder agrees',
    retryable: false,
    fault: 'environment',
  },
  CLI_BACKUP_FLOOR: {
    summary: 'the backup is among the last proved ones and is kept',
    hint: 'make and prove a newer backup first',
    retryable: false,
    fault: 'environment',
  },
  CLI_BACKUP_RUNNING: {
    summary: 'the backup is still being made',
    hint: 'wait for it, or stop it with `holdfast backup cancel`',
    retryable: false,
    fault: 'environment',
  },
  CLI_STORE_DRAIN_REFUSED: {
    summary: 'a database would have no store for new backups',
    hint: 'add another store first: `holdfast store add NAME`',
    retryable: false,
    fault: 'environment',
  },
  CLI_STORE_RETIRE_REFUSED: {
    summary: 'copies at this store are still needed',
    hint: 'fill another store (`holdfast store add NAME`), prove copies there (`holdfast verify`), and look again with --dry-run',
    retryable: false,
    fault: 'environment',
  },
  CLI_STORE_ACTIVATE_REFUSED: {
    summary: 'the store is retired',
    hint: 'take it back with `holdfast store add NAME`, which fills it again',
    retryable: false,
    fault: 'environment',
  },
  CLI_AUDIT_DAMAGED: {
    summary: 'the chain of the audit log is broken',
    hint: 'entries from this one on were changed outside Holdfast; compare with a backup of the catalogue',
    retryable: false,
    fault: 'data',
  },
  CLI_UP_LOCKED: {
    summary: 'another `holdfast up` uses this state folder',
    hint: 'use the one that runs, stop it, or give this one another folder with --state',
    retryable: false,
    fault: 'environment',
  },
  CLI_UP_CHILD_FAILED: {
    summary: 'a service that `holdfast up` started does not stay up',
    hint: 'read its log in the state folder, named above',
    retryable: false,
    fault: 'environment',
  },
  CLI_INTERRUPTED: {
    summary: 'interrupted',
    hint: 'what runs on workers goes on; `holdfast backup show DATABASE --follow` watches it again',
    retryable: true,
    fault: 'not-tested',
  },
  CLI_INTERNAL: {
    summary: 'an unexpected fault',
    hint: 'run again with --verbose and report what it prints',
    retryable: false,
    fault: 'not-tested',
  },
} satisfies Record<string, ErrorDefinition>;

export const cliError = errorFactory(CLI_ERRORS);
