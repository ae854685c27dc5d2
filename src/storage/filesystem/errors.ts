import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError, type StorageErrorCode } from '../../errors/storage';

const CODES: Readonly<Record<string, readonly [StorageErrorCode, string]>> = {
  EROFS: ['STORE_READ_ONLY', 'the filesystem of the store is mounted read-only'],
  ENOSPC: ['STORE_FULL', 'no space left on the filesystem of the store'],
  EDQUOT: ['STORE_FULL', 'the disk quota of the store is used up'],
  EACCES: ['STORE_ACCESS_DENIED', 'this user may not use the folder of the store'],
  EPERM: ['STORE_ACCESS_DENIED', 'the operating system does not permit it'],
  ENOENT: ['STORE_UNREACHABLE', 'the folder of the store went away'],
  ENOTDIR: ['STORE_KEY_INVALID', 'a part of the key is an object itself'],
  EEXIST: ['STORE_KEY_INVALID', 'a part of the key is an object itself'],
  EISDIR: ['STORE_KEY_INVALID', 'the key is a folder of other objects'],
  ENOTEMPTY: ['STORE_KEY_INVALID', 'the key is a folder of other objects'],
  ELOOP: ['STORE_KEY_INVALID', 'the object is a symbolic link'],
  ENAMETOOLONG: ['STORE_KEY_INVALID', 'the key is too long for the filesystem'],
  EFBIG: ['STORE_OBJECT_TOO_LARGE', 'the filesystem does not take files of this size'],
  ENOTSUP: ['STORE_UNSUPPORTED', 'the filesystem has no hard links, which create-only writes need'],
  EOPNOTSUPP: ['STORE_UNSUPPORTED', 'the filesystem has no hard links, which create-only writes need'],
  ENOSYS: ['STORE_UNSUPPORTED', 'the filesystem has no hard links, which create-only writes need'],
  EMFILE: ['STORE_SERVER_ERROR', 'too many open files in this process'],
  ENFILE: ['STORE_SERVER_ERROR', 'too many open files on this machine'],
  ETIMEDOUT: ['STORE_TIMEOUT', 'the filesystem of the store did not answer'],
};

const HINTS: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  STORE_ACCESS_DENIED: 'give the user that runs Holdfast read, write and search permission on the folder',
  STORE_UNSUPPORTED: 'choose a filesystem with hard links (ext4, XFS, ZFS, NFS)',
  STORE_SERVER_ERROR: 'raise the limit of open files (ulimit -n), or lower limits.maxRequests',
};

/** errno of a system error, else null. */
export function errnoOf(error: unknown): string | null {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : null;
}

/** A system error as an error of the store; others pass unchanged. EIO, ESTALE and the like may pass and are retried. */
export function filesystemError(error: unknown, context: { store: string; path: string; key?: string }): unknown {
  const errno = errnoOf(error);
  if (isHoldfastError(error) || errno === null) return error;
  const [code, detail] = CODES[errno] ?? ['STORE_SERVER_ERROR', 'the filesystem of the store failed'];
  return storageError(code, detail, { context: { ...context, errno }, cause: error, hint: HINTS[code] });
}
