import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** Faults of holdfast.yaml and of the secrets it refers to. None of them ever carries a secret's value. */
export const CONFIG_ERRORS = {
  CONFIG_UNREADABLE: {
    summary: 'the configuration file cannot be read',
    hint: 'check the path and that this user may read the file',
    retryable: false,
    fault: 'environment',
  },
  CONFIG_INVALID: {
    summary: 'the configuration is not valid',
    hint: 'mend the listed fields, then run `holdfast config check`',
    retryable: false,
    fault: 'environment',
  },
  CONFIG_SECRET_MISSING: {
    summary: 'a secret that the configuration refers to is missing',
    hint: 'set the environment variable, or create the file, that the reference names',
    retryable: false,
    fault: 'environment',
  },
  CONFIG_SECRET_REFERENCE: {
    summary: 'not a reference to a secret',
    hint: 'write env:NAME or file:PATH; a literal secret is refused',
    retryable: false,
    fault: 'environment',
  },
  CONFIG_CONNECTION_URL: {
    summary: 'the connection URL is not valid',
    hint: 'use postgresql://user:password@host:port/database?sslmode=verify-full, with special characters percent-encoded',
    retryable: false,
    fault: 'environment',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const configError = errorFactory(CONFIG_ERRORS);
