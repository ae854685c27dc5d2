import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** Errors of finding, installing and starting the servers and tools that Holdfast uses. */
export const PROVISION_ERRORS = {
  PROVISION_TOOL_UNAVAILABLE: {
    summary: 'a tool could neither be found nor installed',
    hint: 'Install it so that it is on PATH, or name its file in the setting that the message shows.',
    retryable: false,
    fault: 'environment',
  },
  PROVISION_SETTING_WRONG: {
    summary: 'a setting names a file that cannot be run',
    hint: 'Correct the setting, or remove it so that the tool is looked for elsewhere.',
    retryable: false,
    fault: 'environment',
  },
  PROVISION_POSTGRES_UNAVAILABLE: {
    summary: 'no usable PostgreSQL was found and none could be installed',
    hint: 'Install PostgreSQL with its client tools, or name its bin folder in HOLDFAST_POSTGRES_BIN.',
    retryable: false,
    fault: 'environment',
  },
  PROVISION_DOWNLOAD_FAILED: {
    summary: 'a download failed',
    hint: 'Check the connection to the internet, or install the tool by hand.',
    retryable: true,
    fault: 'environment',
  },
  PROVISION_CHECKSUM_MISMATCH: {
    summary: 'a downloaded file is not what its publisher lists',
    hint: 'Do not use the file; try again later, or install the tool by hand.',
    retryable: false,
    fault: 'environment',
  },
  PROVISION_ARCHIVE_UNSAFE: {
    summary: 'an archive has an entry that would be written outside its folder',
    hint: 'Do not use the archive; install the tool by hand.',
    retryable: false,
    fault: 'environment',
  },
  PROVISION_LOCK_TIMEOUT: {
    summary: 'another process has been installing for too long',
    hint: 'Wait for it to end, or remove the lock file when no such process runs.',
    retryable: true,
    fault: 'environment',
  },
  PROVISION_SERVER_FAILED: {
    summary: 'a server did not start',
    hint: "Read the end of the server's log, which the message quotes.",
    retryable: true,
    fault: 'environment',
  },
  PROVISION_NO_SERVER_USER: {
    summary: 'PostgreSQL does not run as root and no other OS user was found to run it as',
    hint: 'Create an OS user named postgres, or run this command as a user other than root.',
    retryable: false,
    fault: 'environment',
  },
} satisfies Record<string, ErrorDefinition>;

export const provisionError = errorFactory(PROVISION_ERRORS);
