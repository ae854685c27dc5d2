/** Faults of the samplers of load. A sampler that fails is named, skipped and counted; it never stops a backup. */
import { errorFactory, type ErrorDefinition } from './holdfast-error';

export const SAMPLING_ERRORS = {
  SAMPLER_FAILED: {
    summary: 'a sampler of load failed',
    hint: 'the message says what it could not read; the other samplers go on, and the pace is decided on what they see',
    retryable: true,
    fault: 'environment',
  },
  SAMPLER_DENIED: {
    summary: 'a sampler of load may not see what it measures',
    hint: 'PostgreSQL: GRANT pg_monitor to the role of the connection; HTTP and Prometheus: check the secret headers of the sampler',
    retryable: false,
    fault: 'environment',
  },
  SAMPLER_LIED: {
    summary: 'a sampler of load answered with a value that cannot be true',
    hint: 'look at what answers the sampler: a value that is not a number, negative, infinite or of another time is never used',
    retryable: true,
    fault: 'environment',
  },
  SAMPLER_HUNG: {
    summary: 'a sampler of load did not answer in time',
    hint: 'it is tried again when its last attempt has ended; see whether what it asks is overloaded',
    retryable: true,
    fault: 'environment',
  },
  SAMPLER_DOUBLE: {
    summary: 'two samplers of load have the same name',
    hint: 'give each sampler a name of its own',
    retryable: false,
    fault: 'environment',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const samplingError = errorFactory(SAMPLING_ERRORS);
