import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** Faults of the catalogue's database. A lost catalogue is made again by `holdfast catalog rebuild`. */
export const CATALOG_ERRORS = {
  CATALOG_UNREACHABLE: {
    summary: 'the catalogue cannot be reached',
    hint: 'check that its PostgreSQL server runs and that catalog.connection in holdfast.yaml is right',
    retryable: true,
    fault: 'environment',
  },
  CATALOG_ACCESS_DENIED: {
    summary: 'the catalogue refuses this role',
    hint: 'check user and password of catalog.connection; the role must own the schema, or have CREATE on the database',
    retryable: false,
    fault: 'environment',
  },
  CATALOG_DATABASE_MISSING: {
    summary: 'the database of the catalogue does not exist',
    hint: 'create it, then run `holdfast migrate`',
    retryable: false,
    fault: 'environment',
  },
  CATALOG_NOT_MIGRATED: {
    summary: 'the tables of the catalogue are missing or old',
    hint: 'run `holdfast migrate`; if the catalogue was lost, `holdfast catalog rebuild --store NAME` after it',
    retryable: false,
    fault: 'environment',
  },
  CATALOG_BUSY: {
    summary: 'the catalogue is busy',
    hint: 'try again; if it lasts, look for long transactions on the catalogue',
    retryable: true,
    fault: 'environment',
  },
  CATALOG_READ_ONLY: {
    summary: 'the catalogue takes no writes',
    hint: 'its disk is full or it is a standby: free space, or point catalog.connection at the primary',
    retryable: true,
    fault: 'environment',
  },
  CATALOG_JOB_UNKNOWN: {
    summary: 'the catalogue knows no such backup',
    hint: 'see `holdfast backup list`; if the catalogue was lost, run `holdfast catalog rebuild --store NAME`',
    retryable: false,
    fault: 'environment',
  },
  CATALOG_FAILED: {
    summary: 'a query of the catalogue failed',
    hint: 'see the cause; report it as a defect if the catalogue is migrated and nobody changed its tables by hand',
    retryable: false,
    fault: 'environment',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const catalogError = errorFactory(CATALOG_ERRORS);
