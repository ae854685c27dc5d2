/** Errors of stores that may not take more. */
import { errorFactory, type ErrorDefinition } from './holdfast-error';

export const QUOTA_ERRORS = {
  QUOTA_STORE_FULL: {
    summary: 'the store has reached its quota',
    hint: 'Raise quota.maxBytes or free disk, or let retention delete (`holdfast retention plan`); `holdfast store usage` shows the figures, and the copy is made by itself when there is room.',
    retryable: true,
    fault: 'environment',
  },
  QUOTA_ALL_STORES_FULL: {
    summary: 'every store of this database has reached its quota',
    hint: 'Raise quota.maxBytes of a store, free disk, or let retention delete (`holdfast retention plan`); nothing was started. When the figures are old: `holdfast store usage --measure`.',
    retryable: false,
    fault: 'environment',
  },
} satisfies Record<string, ErrorDefinition>;

export const quotaError = errorFactory(QUOTA_ERRORS);
