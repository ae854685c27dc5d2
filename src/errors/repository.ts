import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** What can go wrong with segments, manifests, keys and copies. */
export const REPOSITORY_ERRORS = {
  REPO_SEGMENT_MISSING: {
    summary: 'a segment of this copy is missing',
    hint: 'restore from another copy; holdfast verify heals this one from a good store',
    retryable: false,
    fault: 'data',
  },
  REPO_SEGMENT_DAMAGED: {
    summary: 'a segment of this copy is damaged',
    hint: 'restore from another copy; holdfast verify heals this one from a good store',
    retryable: false,
    fault: 'data',
  },
  REPO_MANIFEST_MISSING: {
    summary: 'this store has no such backup',
    hint: 'holdfast backup list shows what there is and where; name another backup or store',
    retryable: false,
    fault: 'data',
  },
  REPO_MANIFEST_DAMAGED: {
    summary: 'the manifest of this copy is damaged',
    hint: 'restore from another copy; holdfast verify heals this one from a good store',
    retryable: false,
    fault: 'data',
  },
  REPO_MANIFEST_FORGED: {
    summary: "the manifest's signature does not fit its content",
    hint: 'treat this copy as tampered with: restore from another store and find out who may write to this one',
    retryable: false,
    fault: 'data',
  },
  REPO_MANIFEST_MISPLACED: {
    summary: 'the manifest under this key describes another backup',
    hint: 'somebody moved objects in this store: restore from another copy, then heal this one',
    retryable: false,
    fault: 'data',
  },
  REPO_MANIFEST_CONFLICT: {
    summary: 'this store holds another valid manifest for the same backup id',
    hint: 'two attempts committed at different stores; replication makes this store follow the one that counts',
    retryable: true,
    fault: 'data',
  },
  REPO_SIGNER_UNKNOWN: {
    summary: 'the manifest is signed by a key that is not trusted here',
    hint: 'load the repository.json (or the identity file) that names this key; if none does, do not trust this copy',
    retryable: false,
    fault: 'data',
  },
  REPO_FORMAT_UNKNOWN: {
    summary: 'the format version is newer than this program knows',
    hint: 'use the release that wrote it, or a later one',
    retryable: false,
    fault: 'environment',
  },
  REPO_SEALING_FAILED: {
    summary: 'a thread that seals segments ended',
    hint: 'most likely memory ran out; the backup is tried again by itself',
    retryable: true,
    fault: 'environment',
  },
  REPO_OPENING_FAILED: {
    summary: 'a thread that opens segments ended',
    hint: 'most likely memory ran out; the restore or proof is tried again by itself',
    retryable: true,
    fault: 'environment',
  },
  REPO_IDENTITY_ABSENT: {
    summary: 'no age identity is loaded, so nothing sealed can be opened',
    hint: 'name the identity file (keys.identities in holdfast.yaml, or --identity)',
    retryable: false,
    fault: 'environment',
  },
  REPO_IDENTITY_WRONG: {
    summary: 'none of the loaded identities fits',
    hint: 'use an identity whose recipient the backup was sealed to: the one in use then, or the offline one',
    retryable: false,
    fault: 'environment',
  },
  REPO_ID_KEY_WRONG: {
    summary: 'the id key is not the one that named these segments',
    hint: 'load the id.key of this repository; holdfast.json on every store holds it, sealed to the recipients',
    retryable: false,
    fault: 'environment',
  },
  REPO_KEYS_INVALID: {
    summary: 'a key file cannot be used',
    hint: 'restore it from the recovery kit, or make new keys with holdfast keys init in a new folder',
    retryable: false,
    fault: 'environment',
  },
  REPO_KEYS_EXIST: {
    summary: 'there are keys already',
    hint: 'name an empty folder; keys that are in use must never be written over',
    retryable: false,
    fault: 'environment',
  },
  REPO_SIGNING_KEY_ABSENT: {
    summary: 'this process has no signing key, so it may read but not write',
    hint: 'set keys.signingKey in holdfast.yaml on processes that back up',
    retryable: false,
    fault: 'environment',
  },
  REPO_FOREIGN: {
    summary: 'the store belongs to another repository',
    hint: 'give each repository its own prefix or bucket, or load the keys of the one that is there',
    retryable: false,
    fault: 'environment',
  },
  REPO_NOT_INITIALISED: {
    summary: 'the store holds no repository',
    hint: 'check prefix and bucket; holdfast.json stands at the top of every store that was backed up to',
    retryable: false,
    fault: 'environment',
  },
  REPO_DESCRIPTION_DAMAGED: {
    summary: 'holdfast.json on this store cannot be trusted',
    hint: 'use another store; delete the damaged holdfast.json and the next worker that starts writes it again',
    retryable: false,
    fault: 'data',
  },
  REPO_NO_STORE_LEFT: {
    summary: 'no store took the whole backup',
    hint: 'see the cause of each store; what was stored is found again by the next attempt',
    retryable: true,
    fault: 'environment',
  },
  REPO_STORE_LAGGED: {
    summary: 'the store lagged behind the others and was left out of this run',
    hint: 'nothing to do: replication fills it from the others',
    retryable: true,
    fault: 'environment',
  },
  REPO_COPY_INCOMPLETE: {
    summary: 'the store does not hold all segments of this backup',
    hint: 'nothing to do: replication fills it from the others',
    retryable: true,
    fault: 'environment',
  },
  REPO_REUSE_LOST: {
    summary: 'segments that were to be reused are gone from every store',
    hint: 'the next attempt finds out by itself what is there and uploads the rest; check who deletes from the stores',
    retryable: true,
    fault: 'data',
  },
  REPO_PATH_INVALID: {
    summary: 'a path or key is not in the safe form',
    hint: 'relative paths of [A-Za-z0-9._=-] parts only; a manifest that has others is hostile or damaged',
    retryable: false,
    fault: 'data',
  },
  REPO_FILE_NOT_ENDED: {
    summary: 'a file of the backup was not finished',
    hint: 'the dump was cut off; take the backup again',
    retryable: true,
    fault: 'environment',
  },
  REPO_SUMMARY_MISMATCH: {
    summary: 'what the engine says it wrote is not what was stored',
    hint: 'report this: the backup was not committed',
    retryable: false,
    fault: 'environment',
  },
  REPO_FILE_UNKNOWN: {
    summary: 'the backup has no such file',
    hint: 'holdfast extract writes all files out and names them',
    retryable: false,
    fault: 'environment',
  },
  REPO_WRITER_CLOSED: {
    summary: 'the backup writer is closed',
    hint: 'start a new attempt',
    retryable: true,
    fault: 'environment',
  },
  REPO_SWEEP_REFUSED: {
    summary: 'nothing was swept, because not every manifest at this store can be read',
    hint: 'heal or delete the manifest that is named, then sweep again',
    retryable: false,
    fault: 'data',
  },
  REPO_LISTING_DISORDERED: {
    summary: 'the listing of the store is not in the order of its keys',
    hint: 'the store does not keep to its promise: `holdfast store check` it, and report which one it is',
    retryable: false,
    fault: 'environment',
  },
  REPO_NO_GOOD_COPY: {
    summary: 'no store has a good copy of this object',
    hint: 'bring back a store that is away, or take a new full backup',
    retryable: true,
    fault: 'data',
  },
} satisfies Record<string, ErrorDefinition>;

export const repositoryError = errorFactory(REPOSITORY_ERRORS);
