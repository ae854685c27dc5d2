import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** Everything that can go wrong at a store. A provider's own error never leaves its adapter; it is the `cause`. */
export const STORAGE_ERRORS = {
  STORE_OBJECT_MISSING: {
    summary: 'the object is not in the store',
    hint: 'verify this copy; another store may hold a good one to heal it from',
    retryable: false,
    fault: 'data',
  },
  STORE_KEY_INVALID: {
    summary: 'the key is not a valid object name',
    hint: 'keys use [A-Za-z0-9._/=-] only, have no empty, "." or ".." part, and stay inside the store',
    retryable: false,
    fault: 'not-tested',
  },
  STORE_CONFIG_INVALID: {
    summary: 'the store is configured wrongly',
    hint: 'correct the settings of this store in holdfast.yaml',
    retryable: false,
    fault: 'environment',
  },
  STORE_READ_ONLY: {
    summary: 'the store is read-only',
    hint: 'mount the filesystem read-write, or choose another folder',
    retryable: false,
    fault: 'environment',
  },
  STORE_FULL: {
    summary: 'the store has no space left',
    hint: 'free space, enlarge the store, lower minFree, or keep fewer backups',
    retryable: false,
    fault: 'environment',
  },
  STORE_ACCESS_DENIED: {
    summary: 'the store refused access',
    hint: 'grant the permission that is named to the credentials of this store',
    retryable: false,
    fault: 'environment',
  },
  STORE_CREDENTIALS_INVALID: {
    summary: 'the store does not accept the credentials',
    hint: 'check accessKeyId and secretAccessKey of this store; both must belong to the same key',
    retryable: false,
    fault: 'environment',
  },
  STORE_CREDENTIALS_EXPIRED: {
    summary: 'the credentials of the store have expired',
    hint: 'renew the session token that the settings of this store refer to',
    retryable: false,
    fault: 'environment',
  },
  STORE_CREDENTIAL_MISSING: {
    summary: 'this process has no credential for what was asked of the store',
    hint: 'state the credential that is named for this store here, or leave this work to a process that has it',
    retryable: false,
    fault: 'environment',
  },
  STORE_CLOCK_SKEW: {
    summary: 'the clocks of this machine and of the store disagree',
    hint: 'synchronise the clock of this machine (NTP)',
    // The client learns the store's time from the refusal.
    retryable: true,
    fault: 'environment',
  },
  STORE_BUCKET_MISSING: {
    summary: 'the bucket does not exist',
    hint: 'create the bucket, or correct bucket and endpoint of this store',
    retryable: false,
    fault: 'environment',
  },
  STORE_REGION_WRONG: {
    summary: 'the bucket is in another region',
    hint: 'set the region of this store to the one that the bucket is in',
    retryable: false,
    fault: 'environment',
  },
  STORE_OBJECT_LOCKED: {
    summary: 'the object is locked against deletion',
    hint: 'wait until its retention has passed; Object Lock does what it is for',
    retryable: false,
    fault: 'environment',
  },
  STORE_OBJECT_ARCHIVED: {
    summary: 'the object is in an archive class and cannot be read directly',
    hint: 'restore the object from its archive class first, or use a storage class with direct access',
    retryable: false,
    fault: 'environment',
  },
  STORE_OBJECT_TOO_LARGE: {
    summary: 'the object is larger than the store takes',
    hint: 'raise the limit of the bucket, or lower multipartThreshold or repository.segmentSize',
    retryable: false,
    fault: 'environment',
  },
  STORE_UNSUPPORTED: {
    summary: 'the store does not support the request',
    hint: 'see the adapter settings of this store: checksum, createOnly, pathStyle, objectLock, storageClass',
    retryable: false,
    fault: 'environment',
  },
  STORE_CREATE_ONLY_IGNORED: {
    summary: 'the store replaced an object although it was asked not to',
    hint: 'set createOnly: none for this store, so that Holdfast does not rely on it',
    retryable: false,
    fault: 'environment',
  },
  STORE_REFUSED: {
    summary: 'the store refused the request',
    hint: 'see the code of the provider in the message',
    retryable: false,
    fault: 'environment',
  },
  STORE_TLS_INVALID: {
    summary: 'the certificate of the store cannot be trusted',
    hint: 'install the CA of the endpoint (NODE_EXTRA_CA_CERTS), or correct the host name of the endpoint',
    retryable: false,
    fault: 'environment',
  },
  STORE_CLOSED: {
    summary: 'the store was closed already',
    hint: 'this is a defect of the program: it used a store after close()',
    retryable: false,
    fault: 'not-tested',
  },
  STORE_CONTENT_MISMATCH: {
    summary: 'the store holds something else than was written',
    hint: 'do not use this store before the cause is known; run `holdfast store check` again',
    retryable: false,
    fault: 'data',
  },
  STORE_UNREACHABLE: {
    summary: 'the store cannot be reached',
    hint: 'check network, endpoint and firewall; Holdfast tries again by itself',
    retryable: true,
    fault: 'environment',
  },
  STORE_TIMEOUT: {
    summary: 'the store did not answer in time',
    hint: 'check the load of the store and the network, or raise limits.timeout of this store',
    retryable: true,
    fault: 'environment',
  },
  STORE_THROTTLED: {
    summary: 'the store asks to slow down',
    hint: 'lower limits.maxRequests or set limits.maxBytesPerSecond of this store; Holdfast tries again by itself',
    retryable: true,
    fault: 'environment',
  },
  STORE_SERVER_ERROR: {
    summary: 'the store failed to serve the request',
    hint: 'see the status page or the log of the store; Holdfast tries again by itself',
    retryable: true,
    fault: 'environment',
  },
  STORE_CONFLICT: {
    summary: 'another request for the same object was under way',
    hint: 'Holdfast tries again by itself',
    retryable: true,
    fault: 'environment',
  },
  STORE_TRANSFER_DAMAGED: {
    summary: 'the object was damaged on its way',
    hint: 'Holdfast sends it again; when it repeats, check the memory and the network of this machine',
    retryable: true,
    fault: 'environment',
  },
  STORE_UPLOAD_INCOMPLETE: {
    summary: 'the store does not hold the parts that were sent',
    hint: 'Holdfast sends them again; when it repeats, check the log of the store',
    retryable: true,
    fault: 'environment',
  },
} satisfies Record<string, ErrorDefinition>;

export type StorageErrorCode = keyof typeof STORAGE_ERRORS;
export const storageError = errorFactory(STORAGE_ERRORS);
